"""Some 32,000 requests of any bytes, 20,000 of them to the newest Django: each is answered below 500."""

import collections

import pytest

from tests.support.hostile import attack, kinds_of, target
from tests.support.load import report
from tests.support.machine import PRESENT

pytestmark = pytest.mark.load

# Interface, Python, which decides the Django, further answers, and how many times a thousand requests.
RUNS = [
    ("ASGI", PRESENT[-1], {}, 10),
    ("WSGI", PRESENT[-1], {}, 10),
    ("ASGI", "3.11", {}, 3),
    ("WSGI", "3.11", {"login": "email"}, 3),
    ("ASGI", "3.9", {"login": "email"}, 3),
    ("WSGI", "3.9", {}, 3),
]


@pytest.mark.parametrize(("interface", "python_version", "answers", "thousands"), RUNS)
def test_of_thousands_of_requests_none_is_answered_with_an_error(
    deploy, interface, python_version, answers, thousands
):
    deployment = deploy(interface, python_version, answers).without_throttling()
    told = collections.Counter()
    with deployment.serve() as server:
        # With new users each time, for an administrator may have signed out or deleted some.
        for number in range(thousands):
            told += attack(target(deployment, server, f"run-{number}"), 1000, number, kinds_of(interface))
    assert sum(told.values()) >= 1000 * thousands
    report(f"{interface} on Python {python_version} {answers}: {dict(told)}")
