import logging

from django.conf import settings
from django.test.runner import DiscoverRunner


class Runner(DiscoverRunner):
    """Django's test runner with a quick password hash, without a log line for each request and failed sign-in."""

    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        # A thread that a test has started would keep its connection, and the test database could not be removed.
        settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        for name in "{{ cookiecutter.project_slug }}.logs", "axes":
            logging.getLogger(name).setLevel(logging.ERROR)
