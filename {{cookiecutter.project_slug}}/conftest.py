"""Isolate the tests in pytest as `manage.py test` does. This needs pytest-django."""

import pytest

from {{ cookiecutter.project_slug }}.tests import isolate, start_from_zero


@pytest.fixture(scope="session", autouse=True)
def isolated(django_test_environment):
    isolate()


@pytest.fixture(autouse=True)
def from_zero(isolated):
    start_from_zero()
