"""The Celery application, and what all tasks of this project have in common."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery, current_task, signals
from celery.contrib.django.task import DjangoTask
from django.core import checks

from {{ cookiecutter.project_slug }}.environment import Problem, Variable, parsed
from {{ cookiecutter.project_slug }}.logs import LoggedRequest, current_request
from {{ cookiecutter.project_slug }}.service_urls import matching, redis_url

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings")

# By default, Celery checks neither the certificate of rediss:// nor the host name in that of amqps://.
TLS = {"rediss": {"ssl_cert_reqs": "required"}, "amqps": {"server_hostname": None}}


def broker(value: str) -> str:
    """a URL such as redis://:password@host:6379/1 or amqp://user:password@host:5672/name"""
    if value.startswith("amqp"):
        return matching(r"amqps?://([^\s:/?#@]+(:[^\s/?#@]*)?@)?[^\s:/?#@]+(:\d+)?(//?|/[^\s/?#@]+)?", value)
    return redis_url(value)


def broker_url(default: str | None) -> str:
    """Return the URL in CELERY_BROKER_URL, or this one of Redis. Raise SystemExit with a sentence if it is invalid."""
    variable = Variable("CELERY_BROKER_URL", broker, "where tasks wait", secret=True)
    try:
        url: str = parsed(variable, os.environ, development=False, building=False) or default or ""
    except Problem as problem:
        raise SystemExit(str(problem)) from problem
    # Celery has its own form for the URL of a socket.
    return url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")


class Task(DjangoTask):
    """
    A task that is never lost, and never runs for ever.

    A message whose worker has died is delivered again. That counts as a retry, so a task that kills its worker each
    time is given up after `max_retries`. A task can therefore run twice: it has to have the same effect as once.
    """

    max_retries = 3

    def apply_async(self, *args: Any, **options: Any) -> Any:
        # The arguments can be secret: a mail contains the link of a password reset. Logs and results show these dots.
        hidden = {"argsrepr": "...", "kwargsrepr": "..."}
        return super().apply_async(*args, **{**hidden, "confirm_timeout": 2, **options})

    def retry(self, *args: Any, **options: Any) -> Any:
        # Celery stores that a task waits after it has queued it. By then, a task that began at once could have failed.
        if options.get("countdown") is not None:
            options["countdown"] = max(1, options["countdown"])
        return super().retry(*args, **options)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        if (self.request.delivery_info or {}).get("redelivered"):
            # Not Celery's WorkerLostError, which would make the broker deliver the message once more.
            self.retry(countdown=0, exc=RuntimeError("The worker of this task has died too often."))


app = Celery("{{ cookiecutter.project_slug }}", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.before_task_publish.connect
def send_request_id(headers: dict[str, Any], **kwargs: Any) -> None:
    """Send the id of the request along, for the lines that the task logs and for Sentry, and its trace if it has one."""
    request = current_request.get()
    if request is not None:
        headers.update(getattr(request, "trace", {}), request_id=request.id)


@signals.task_prerun.connect
def begin(task: Task, **kwargs: Any) -> None:
    if not task.request.is_eager:
        request: Any = LoggedRequest()
        request.id = (task.request.headers or {}).get("request_id") or str(task.request.id)
        current_request.set(request)


@signals.task_postrun.connect
def end(task: Task, **kwargs: Any) -> None:
    if not task.request.is_eager:
        current_request.set(None)


class TaskFilter(logging.Filter):
    """Adds the name and the id of the running task to each line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if current_task:
            record.fields = {"task": current_task.name, "task_id": current_task.request.id}
        return True


def without_body(record: logging.LogRecord) -> bool:
    """Keep the first line of a message about an unknown task; the next ones have the arguments."""
    record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


@signals.setup_logging.connect
def set_up_logging(**kwargs: Any) -> None:
    """Keep the logging of the settings; without a receiver of this signal, Celery replaces it."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(TaskFilter())
    logging.getLogger("celery.worker.consumer.consumer").addFilter(without_body)
    # At the level DEBUG it logs the arguments.
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)


@checks.register(deploy=True)
def has_a_broker(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    if not app.conf.task_always_eager:
        return []
    return [
        checks.Warning(
            "Neither CELERY_BROKER_URL nor REDIS_URL is set: requests wait until their tasks have run.",
            hint="Set one of them, and start a worker.",
            id="project.W004",
        )
    ]
