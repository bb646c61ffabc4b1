"""Live updates: a real WebSocket client at two server processes that share a PostgreSQL and a Redis."""

import contextlib
import signal

import pytest
import websockets.exceptions

from tests.support.client import LIMIT, PASSWORD, Client, heard, socket

SIGNED_OUT = 4401
SHELL = """
from django.contrib.auth import get_user_model
owner = get_user_model().objects.get(email="{email}")
print(owner.items.create(name="From the shell").pk)
"""


@pytest.fixture(scope="module")
def deployment(deploy, redis_port):
    return deploy("ASGI", REDIS_URL=f"redis://127.0.0.1:{redis_port}/0")


@pytest.fixture(scope="module")
def first(deployment):
    with deployment.serve() as server:
        yield server


@pytest.fixture(scope="module")
def second(deployment):
    with deployment.serve() as server:
        yield server


def person(server, name):
    return Client(server, https=True).sign_up(name)


def test_a_change_by_the_api_of_another_process_is_sent(first, second):
    ada = person(first, "ada-api")
    with socket(ada) as connection:
        elsewhere = Client(second, https=True)
        elsewhere.sign_in("ada-api")
        number = elsewhere.api("POST", "/api/v1/items/", 201, name="Compass")["id"]
        assert heard(connection) == {"event": "saved", "id": number}
        elsewhere.api("PATCH", f"/api/v1/items/{number}/", name="Sextant")
        assert heard(connection) == {"event": "saved", "id": number}
        elsewhere.api("DELETE", f"/api/v1/items/{number}/", 204)
        assert heard(connection) == {"event": "deleted", "id": number}


def test_a_change_by_page_is_sent(first):
    ada = person(first, "ada-page")
    with socket(ada) as connection:
        ada.submit("/items/add/", name="Compass")
        (item,) = ada.api("GET", "/api/v1/items/")["results"]
        assert heard(connection) == {"event": "saved", "id": item["id"]}


def test_a_change_in_the_admin_is_sent(first, second, deployment):
    deployment.add_superuser("root")
    ada = person(first, "ada-admin")
    with socket(ada) as connection:
        root = Client(second, https=True)
        root.sign_in("root")
        page = root.submit("/admin/items/item/add/", name="Compass", owner=ada.api("GET", "/api/v1/users/me/")["id"])
        assert "was added successfully" in page.text
        (item,) = ada.api("GET", "/api/v1/items/")["results"]
        assert heard(connection) == {"event": "saved", "id": item["id"]}


def test_a_change_by_a_command_is_sent(first, deployment):
    ada = person(first, "ada-shell")
    with socket(ada) as connection:
        done = deployment.run("shell", "-c", SHELL.format(email="ada-shell@example.com"))
        assert heard(connection) == {"event": "saved", "id": int(done.stdout.split()[-1])}


def test_other_users_receive_nothing(first):
    ada, bob = person(first, "ada-private"), person(first, "bob-private")
    with socket(bob) as connection:
        ada.api("POST", "/api/v1/items/", 201, name="Of Ada")
        number = bob.api("POST", "/api/v1/items/", 201, name="Of Bob")["id"]
        assert heard(connection) == {"event": "saved", "id": number}


def test_an_anonymous_user_is_refused(first):
    with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
        with socket(Client(first, https=True)):
            pass
    assert refusal.value.response.status_code == 403


def test_a_foreign_page_is_refused(first):
    ada = person(first, "ada-foreign")
    with socket(ada):
        pass
    with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
        with socket(ada, origin="https://evil.example"):
            pass
    assert refusal.value.response.status_code == 403


def test_open_sockets_share_few_database_connections(first, second, postgres, deployment):
    ada = person(first, "ada-idle")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket(ada)) for _ in range(20)]
        number = ada.api("POST", "/api/v1/items/", 201, name="Compass")["id"]
        for connection in sockets:
            assert heard(connection) == {"event": "saved", "id": number}
        # Four per process.
        assert len(deployment.connections(postgres)) <= 8


def closed(connection):
    """Return the code with which the server closes this socket; no message may come before it."""
    with pytest.raises(websockets.exceptions.ConnectionClosed) as end:
        connection.recv(timeout=LIMIT)
    return end.value.rcvd.code


def test_a_socket_closes_when_its_session_is_signed_out_in_another_process(first, second):
    ada = person(first, "ada-leaves")
    elsewhere = Client(second, https=True)
    elsewhere.sign_in("ada-leaves")
    twin = Client(second, https=True)
    twin.cookies.update(ada.cookies)
    with socket(ada) as connection, socket(elsewhere) as other:
        twin.sign_out()
        assert closed(connection) == SIGNED_OUT
        number = elsewhere.api("POST", "/api/v1/items/", 201, name="Compass")["id"]
        assert heard(other) == {"event": "saved", "id": number}


def test_a_session_that_a_new_password_has_ended_receives_nothing(first, second):
    ada = person(first, "ada-changes")
    elsewhere = Client(second, https=True)
    elsewhere.sign_in("ada-changes")
    with socket(ada) as connection:
        new = {"password1": "a different horse", "password2": "a different horse"}
        elsewhere.submit("/accounts/password/change/", oldpassword=PASSWORD, **new)
        elsewhere.api("POST", "/api/v1/items/", 201, name="Compass")
        assert closed(connection) == SIGNED_OUT


def test_a_server_stops_by_itself_after_its_sockets_were_closed(deployment):
    with deployment.serve() as server:
        ada = person(server, "ada-stops")
        with contextlib.ExitStack() as stack:
            # The oldest socket reads from Redis for all. When it closes, the next one takes over, and closes at once.
            for connection in [stack.enter_context(socket(ada)) for _ in range(4)]:
                connection.close()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        assert "timeout graceful shutdown exceeded" not in server.log, server.log
