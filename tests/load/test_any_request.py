"""At least 20,000 requests of any bytes at each production server: each is answered below 500."""

import collections
import os

import pytest

from tests.support.hostile import attack, kinds_of, target
from tests.support.load import report
from tests.support.machine import PRESENT

pytestmark = pytest.mark.load

DAPHNE = [
    "daphne",
    "--access-log",
    os.devnull,
    "--bind",
    "127.0.0.1",
    "--port",
    "{port}",
    "my_project.asgi:application",
]
# Interface, Python, which decides the Django, further answers, command, and how many times a thousand requests.
RUNS = [
    ("ASGI", PRESENT[-1], {}, [], 10),
    ("WSGI", PRESENT[-1], {}, [], 10),
    ("ASGI", "3.11", {}, DAPHNE, 3),
    ("WSGI", "3.11", {"login": "email"}, [], 3),
    ("ASGI", "3.9", {"login": "email"}, [], 3),
    ("WSGI", "3.9", {}, [], 3),
]


@pytest.mark.parametrize(("interface", "python_version", "answers", "command", "thousands"), RUNS)
def test_of_thousands_of_requests_none_is_answered_with_an_error(
    deploy, interface, python_version, answers, command, thousands
):
    deployment = deploy(interface, python_version, answers).without_throttling()
    told = collections.Counter()
    with deployment.serve(*command) as server:
        # With new users each time, for an administrator may have signed out or deleted some.
        for number in range(thousands):
            told += attack(target(deployment, server, f"run-{number}"), 1000, number, kinds_of(interface))
    assert sum(told.values()) >= 1000 * thousands
    report(f"{interface} on Python {python_version} {answers} {command[:1]}: {dict(told)}")
