"""Requests of any bytes at the served project: each is answered below 500, and the log tells of no error."""

import pytest

from tests.support.hostile import attack, kinds_of, target
from tests.support.machine import RUNNING_PYTHON
from tests.support.production import INTERFACES

pytestmark = pytest.mark.matrix

# About ten seconds of each.
COUNT = 700


@pytest.mark.parametrize("interface", INTERFACES)
def test_no_request_is_answered_with_an_error(deploy, interface):
    deployment = deploy(interface, RUNNING_PYTHON).without_throttling()
    with deployment.serve() as server:
        told = attack(target(deployment, server, "short"), COUNT, 1, kinds_of(interface))
    # Not only refusals were looked at.
    assert {200, 302, 404} <= told.keys(), told
    assert sum(told.values()) >= COUNT, told
