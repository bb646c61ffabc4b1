import logging

from django.test.runner import DiscoverRunner


class QuietRunner(DiscoverRunner):
    """Django's test runner without a log line for each request and for each failed sign-in."""

    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        for name in "{{ cookiecutter.project_slug }}.logs", "axes":
            logging.getLogger(name).setLevel(logging.ERROR)
