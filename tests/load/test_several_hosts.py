"""Several machines under 200 requests a second: a new version on one after the other, and one that is cut off."""

import pytest

from tests.support.deployed import DEBIANS_PYTHON
from tests.support.hosts import running_hosts
from tests.support.load import report, sessions
from tests.support.production import INTERFACES

pytestmark = pytest.mark.load

USERS, RATE = 100, 200
# Two thirds of the requests are for these, one third create an item.
PATHS = ["/livez", "/"]


@pytest.fixture(scope="module", params=INTERFACES)
def hosts(request, installed, mail_server, tmp_path_factory):
    tasks = "Celery" if request.param == "ASGI" else "none"
    project = installed(request.param, DEBIANS_PYTHON, background_tasks=tasks)
    with running_hosts(project, mail_server, tmp_path_factory.mktemp("hosts")) as hosts:
        hosts.users = sessions(hosts.manage, USERS)
        yield hosts


def test_a_machine_is_cut_off(hosts):
    load = hosts.check_a_machine_is_cut_off(hosts.users, RATE, PATHS)
    report(f"cut off: {load.numbers()}, {len(load.failures())} in flight on it failed")


def test_a_new_version(hosts):
    report(f"new version: {hosts.check_a_new_version(hosts.users, RATE, PATHS).numbers()}, none failed")
