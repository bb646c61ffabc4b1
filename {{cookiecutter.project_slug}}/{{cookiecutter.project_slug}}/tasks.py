"""The tasks of the project: send mail, and clean up each night."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from copy import copy
from typing import Any

from celery import shared_task
from celery.schedules import crontab
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.core.management import call_command
from kombu.exceptions import OperationalError

from {{ cookiecutter.project_slug }}.celery import app
from {{ cookiecutter.project_slug }}.environment import env
from {{ cookiecutter.project_slug }}.mail import EmailBackend as ThreadedEmailBackend

logger = logging.getLogger(__name__)

# In bytes. A broker keeps its messages in memory.
MAX_SIZE = 1024 * 1024


class Queue:
    """Stands in for the connection to the mail server: Django prepares a message, and this queues it."""

    def sendmail(self, sender: str, recipients: list[str], content: bytes) -> None:
        if len(content) > MAX_SIZE:
            raise OperationalError("it is too large")
        send_mail.delay(sender, recipients, content.decode("utf-8", "surrogateescape"))


class EmailBackend(ThreadedEmailBackend):
    """Hands mail to a worker. Without a broker, or if the broker refuses it, a thread of this process sends it."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        messages = list(email_messages)
        left = [message for message in messages if app.conf.task_always_eager or not self.is_queued(message)]
        if left:
            super().send_messages(left)
        return len(messages)

    def is_queued(self, message: EmailMessage) -> bool:
        backend: Any = copy(self)
        backend.connection = Queue()
        try:
            smtp.EmailBackend.send_messages(backend, [message])
        except OperationalError as error:
            logger.warning("Mail is sent without the queue: %s", error)
            return False
        return True


# SMTP's errors are OSErrors. With these delays, the mail server can be away for half an hour.
@shared_task(autoretry_for=(OSError,), max_retries=20, retry_backoff=5, retry_backoff_max=240)
def send_mail(sender: str, recipients: list[str], content: str) -> None:
    # Newer versions of Django want the alias; older ones ignore it.
    backend: Any = smtp.EmailBackend(alias="default", **env["EMAIL_URL"]["OPTIONS"])
    with backend:
        backend.connection.sendmail(sender, recipients, content.encode("utf-8", "surrogateescape"))


@shared_task
def clean_up() -> None:
    call_command("cleanup")


app.add_periodic_task(crontab(hour=3, minute=0), clean_up.s(), name="clean-up")
