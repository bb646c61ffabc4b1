"""Requests of any bytes to the served project: each response is below 500, and the log has no error."""

import pytest

from tests.support.hostile import attack, kinds_of, target
from tests.support.machine import RUNNING_PYTHON
from tests.support.production import INTERFACES

pytestmark = pytest.mark.matrix

# About ten seconds per interface.
COUNT = 700


@pytest.mark.parametrize("interface", INTERFACES)
def test_no_request_is_answered_with_an_error(deploy, interface):
    deployment = deploy(interface, RUNNING_PYTHON).without_throttling()
    with deployment.serve() as server:
        told = attack(target(deployment, server, "short"), COUNT, 1, kinds_of(interface))
    # The requests must not all be rejected.
    assert {200, 302, 404} <= told.keys(), told
    assert sum(told.values()) >= COUNT, told
