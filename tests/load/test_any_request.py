"""Some 32,000 requests of any bytes, 20,000 of them to the newest Django: each response is below 500."""

import collections

import pytest

from tests.support.hostile import attack, kinds_of, target
from tests.support.load import report
from tests.support.machine import PRESENT

pytestmark = pytest.mark.load

# Interface, Python, which determines the Django version, other answers, and the number of requests in thousands.
RUNS = [
    ("ASGI", PRESENT[-1], {}, 10),
    ("WSGI", PRESENT[-1], {}, 10),
    ("ASGI", "3.11", {}, 3),
    ("WSGI", "3.11", {"login": "email"}, 3),
    ("ASGI", "3.9", {"login": "email"}, 3),
    ("WSGI", "3.9", {}, 3),
]


@pytest.mark.parametrize(("interface", "python_version", "answers", "thousands"), RUNS)
def test_none_of_thousands_of_requests_is_answered_with_an_error(
    deploy, interface, python_version, answers, thousands
):
    deployment = deploy(interface, python_version, answers).without_throttling()
    told = collections.Counter()
    with deployment.serve() as server:
        # Create new users each time, because a request of the administrator may have deleted the old ones.
        for number in range(thousands):
            told += attack(target(deployment, server, f"run-{number}"), 1000, number, kinds_of(interface))
    assert sum(told.values()) >= 1000 * thousands
    report(f"{interface} on Python {python_version} {answers}: {dict(told)}")
