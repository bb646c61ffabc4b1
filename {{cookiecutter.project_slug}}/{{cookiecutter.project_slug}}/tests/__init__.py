"""The test runner. It isolates the tests from each other and from everything else on the machine."""

import atexit
import logging
import shutil
import sys
import tempfile

from asgiref.testing import ApplicationCommunicator
{% if cookiecutter.interface == "ASGI" %}
from channels.layers import channel_layers
{% endif %}
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings
from django.test.runner import DiscoverRunner, ParallelTestSuite
from django.test.utils import iter_test_cases

folder = None


def patient(method):
    """Return a method of asgiref's test client with a timeout of 60 seconds."""
    return lambda client, timeout=None: method(client, 60)


def isolate():
    """Give this process its own cache, channel layer and folders, a fast password hasher and a quiet log."""
    global folder
    # The folders of parallel processes are inside that of the first process, which removes them at exit.
    folder = tempfile.mkdtemp(prefix="tests-", dir=folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    uploads = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    override_settings(
        REDIS_URL=None,
        CACHES={
            alias: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": f"tests-{alias}"}
            for alias in settings.CACHES
        },
{% if cookiecutter.interface == "ASGI" %}
        CHANNEL_LAYERS={
            alias: {"BACKEND": "channels.layers.InMemoryChannelLayer"} for alias in settings.CHANNEL_LAYERS
        },
{% endif %}
        STORAGES={**dict.fromkeys(settings.STORAGES, uploads), "staticfiles": settings.STORAGES["staticfiles"]},
        # Only there if OTEL_EXPORTER_OTLP_ENDPOINT is set.
        MIDDLEWARE=[name for name in settings.MIDDLEWARE if not name.endswith(".telemetry.Middleware")],
        MEDIA_ROOT=f"{folder}/media",
        STATIC_ROOT=f"{folder}/static",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ).enable()
    # On a busy machine, an answer can take longer than asgiref's timeout of one second.
    ApplicationCommunicator.receive_output = patient(ApplicationCommunicator.receive_output)
    ApplicationCommunicator.wait = patient(ApplicationCommunicator.wait)
    for database in settings.DATABASES.values():
        # Threads would otherwise keep their connections, and the test database could not be removed.
        database["CONN_MAX_AGE"] = 0
    logging.getLogger("{{ cookiecutter.project_slug }}.logs").setLevel(logging.ERROR)
{% if cookiecutter.background_tasks == "Celery" %}
    # Tasks run at once, without a broker.
    conf = sys.modules["{{ cookiecutter.project_slug }}.celery"].app.conf
    conf["CELERY_TASK_ALWAYS_EAGER"], conf["CELERY_BROKER_URL"] = True, "memory://"
    logging.getLogger("celery").setLevel(logging.ERROR)
{% endif %}
    # Only loaded if SENTRY_DSN is set. Without a DSN it reports nothing.
    if "sentry_sdk" in sys.modules:
        sys.modules["sentry_sdk"].init("")


def start_from_zero():
    """Empty the caches, channel layers and folders, so that a test finds nothing from another one."""
    for alias in settings.CACHES:
        # Leaves a cache that a test has configured.
        if isinstance(caches[alias], LocMemCache):
            caches[alias].clear()
{% if cookiecutter.interface == "ASGI" %}
    channel_layers.backends.clear()
{% endif %}
    for name in "media", "static":
        shutil.rmtree(f"{folder}/{name}", ignore_errors=True)


class ParallelSuite(ParallelTestSuite):
    """Isolates each process of Django's parallel test suite."""

    def init_worker(*args):
        ParallelTestSuite.init_worker(*args)
        isolate()


class Runner(DiscoverRunner):
    """Runs isolated tests. The cache, mail and files are empty before each test."""

    parallel_test_suite = ParallelSuite

    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        isolate()

    def build_suite(self, *args, **kwargs):
        suite = super().build_suite(*args, **kwargs)
        for test in iter_test_cases(suite):
            test.addCleanup(start_from_zero)
        return suite
