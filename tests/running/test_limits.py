"""Limits of sign-ins, sign-ups and mails: they hold for all server processes together, without a Redis."""

import collections
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import PASSWORD, Client, new_address, proxied
from tests.support.machine import PRESENT

pytestmark = pytest.mark.matrix

# The oldest and the newest django-allauth.
PROJECTS = [("ASGI", PRESENT[0]), ("WSGI", PRESENT[-1])]
NAMES = ["api", "elsewhere", "here", "other", "pages", "parallel", "restart", "spelling"]
RETRY_AFTER = "900"


class Servers:
    """A deployment, and two processes that serve it."""

    def __init__(self, deployment, first, second):
        self.deployment, self.first, self.second = deployment, first, second
        self.turns = itertools.cycle([first, second])

    def visitor(self, address=None):
        """Return a new visitor, of the two servers in turn."""
        return Client(next(self.turns), https=True, headers=proxied(address))

    def fail(self, login, address=None):
        """Sign in with a wrong password; return the status."""
        return status(self.visitor(address), "/accounts/login/", login=login, password="wrong")


@pytest.fixture(scope="module", params=PROJECTS, ids=",".join)
def servers(request, deploy):
    deployment = deploy(*request.param)
    deployment.add_users(*NAMES)
    deployment.add_superuser("root")
    with deployment.serve() as first, deployment.serve() as second:
        yield Servers(deployment, first, second)


def status(visitor, path, **fields):
    """Send the form of a page; return the status, and check the header of a refusal."""
    visitor.get(path)
    fields["csrfmiddlewaretoken"] = visitor.cookies["csrftoken"]
    answer = visitor.post(path, data=fields, headers={"Referer": visitor.url + path})
    assert answer.status_code in (200, 429), answer.text
    assert answer.headers.get("Retry-After") == {429: RETRY_AFTER, 200: None}[answer.status_code]
    return answer.status_code


def token(visitor, login, password=PASSWORD):
    return visitor.post("/api/v1/token/", json={"username": login, "password": password})


def test_an_account_is_locked_after_five_failures_from_anywhere(servers):
    assert [servers.fail("pages") for _ in range(6)] == [200] * 5 + [429]
    for visitor in servers.visitor(), servers.visitor():
        page = visitor.sign_in("pages", expect=429)
        assert "Sign out" not in page.text
        answer = token(visitor, "pages")
        assert (answer.status_code, answer.headers["Content-Type"]) == (429, "application/problem+json")
        assert answer.headers["Retry-After"] == RETRY_AFTER
        assert "Sign out" not in visitor.get("/").text
    assert "Sign out" in servers.visitor().sign_in("other").text


def test_failures_at_the_api_lock_the_pages(servers):
    assert [token(servers.visitor(), "api", "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    servers.visitor().sign_in("api", expect=429)


def test_the_sign_in_to_the_admin_is_locked(servers):
    for _ in range(5):
        page = servers.visitor().submit("/admin/", login="root", password="wrong")
        assert page.url.endswith("/accounts/login/?next=%2Fadmin%2F")
    servers.visitor().submit("/admin/", login="root", password=PASSWORD, expect=429)


def test_names_in_upper_and_lower_case_count_together(servers):
    for name in "spelling", "SPELLING", "Spelling", "sPELLING", "spelling":
        assert servers.fail(name) == 200
    assert servers.fail("spellinG") == 429


def test_a_lock_outlives_the_servers(servers):
    for _ in range(5):
        servers.fail("restart")
    with servers.deployment.serve() as server:
        Client(server, https=True).sign_in("restart", expect=429)


def test_an_attacker_elsewhere_does_not_lock_out_the_user(servers):
    home = new_address()
    assert "Sign out" in servers.visitor(home).sign_in("elsewhere").text
    assert [servers.fail("elsewhere") for _ in range(6)] == [200] * 5 + [429]
    for _ in range(2):
        assert "Sign out" in servers.visitor(home).sign_in("elsewhere").text
    assert token(servers.visitor(home), "elsewhere").status_code == 201
    servers.visitor().sign_in("elsewhere", expect=429)


def test_an_attacker_at_the_address_of_the_user_has_five_tries_too(servers):
    home = new_address()
    servers.visitor(home).sign_in("here")
    assert [servers.fail("here", home) for _ in range(6)] == [200] * 5 + [429]
    servers.visitor(home).sign_in("here", expect=429)


def test_one_address_cannot_try_many_accounts(servers):
    address = new_address()
    # The client invents the first entry; the proxy appends the second one.
    tries = [servers.fail(f"nobody-{number}", f"192.0.2.{number}, {address}") for number in range(31)]
    assert tries == [200] * 30 + [429]
    assert token(servers.visitor(address), "other", "wrong").status_code == 429
    assert servers.fail("nobody-else") == 200
    with servers.deployment.serve(TRUSTED_PROXIES=2) as server:
        for client, expected in (address, 429), (new_address(), 200):
            visitor = Client(server, https=True, headers=proxied(f"192.0.2.1, {client}, 10.0.0.1"))
            assert status(visitor, "/accounts/login/", login="nobody", password="wrong") == expected


def test_one_address_cannot_create_many_accounts(servers):
    address = new_address()

    def sign_up(address, number):
        fields = {"email": f"many-{number}@example.com", "password1": PASSWORD, "password2": PASSWORD}
        return status(servers.visitor(address), "/accounts/signup/", username=f"many-{number}", **fields)

    assert [sign_up(address, number) for number in range(11)] == [200] * 10 + [429]
    assert sign_up(new_address(), 11) == 200


def test_one_address_cannot_send_many_mails_and_no_address_gets_many(servers):
    address = new_address()

    def forget(sender, email):
        return status(servers.visitor(sender), "/accounts/password/reset/", email=email)

    assert [forget(None, "victim@example.com") for _ in range(4)] == [200] * 3 + [429]
    tries = [forget(address, f"somebody-{number}@example.com") for number in range(11)]
    assert tries == [200] * 10 + [429]
    assert forget(None, "somebody-11@example.com") == 200


def test_of_forty_sign_ins_at_the_same_time_five_are_tried(request, servers):
    visitors = [servers.visitor() for _ in range(40)]
    for visitor in visitors:
        visitor.get("/accounts/login/")

    def fail(visitor):
        fields = {"login": "parallel", "password": "wrong", "csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
        return visitor.post("/accounts/login/", data=fields, headers={"Referer": f"{visitor.url}/accounts/login/"})

    with ThreadPoolExecutor(len(visitors)) as threads:
        told = collections.Counter(answer.status_code for answer in threads.map(fail, visitors))
    assert told.keys() == {200, 429}
    # Before version 65.15 of django-allauth, a few more can slip through.
    assert told[200] == 5 or "3.9" in request.node.callspec.params["servers"]
    servers.visitor().sign_in("parallel", expect=429)
