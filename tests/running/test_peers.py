"""Whichever peer is silent, each request gets a response, and requests that do not need this peer work as usual.

If the project had no time limit, the client of these tests would give up after a minute.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Client
from tests.support.machine import free_port
from tests.support.peers import running_peer
from tests.support.production import INTERFACES, wait_until

pytestmark = pytest.mark.matrix

# More than a process has threads, and more than there are workers.
MANY = 8

UPLOAD = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
try:
    default_storage.save("chart.txt", ContentFile(b"north"))
except Exception as error:
    print(type(error).__name__)
"""

VIEW = """

def fail(request):
    raise LookupError("the chart is missing")


urlpatterns.append(path("fail/", fail))
"""


@pytest.fixture(params=INTERFACES)
def interface(request):
    return request.param


@pytest.fixture(params=["silent", "refusing"])
def port(request):
    """The port of a silent peer, or a port where nothing listens."""
    if request.param == "refusing":
        yield free_port()
    else:
        with running_peer() as peer:
            yield peer.port


def together(count, ask):
    """Call `ask` with 0, 1 and so on in `count` threads at the same time; return all results."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(ask, range(count)))


def ask_for_a_new_password(server, number):
    # Whoever has no account gets a mail too.
    address = f"ada-{number}@example.com"
    return Client(server, https=True).submit("/accounts/password/reset/", email=address)


def api_status(server, user):
    visitor = Client(server, https=True)
    visitor.cookies.update(user.cookies)
    return visitor.get("/api/v1/items/").status_code


def test_mail(deploy, interface, port):
    with deploy(interface, EMAIL_URL=f"smtp://127.0.0.1:{port}").serve() as server:
        answers = together(MANY, lambda number: ask_for_a_new_password(server, number))
        assert [answer.url.endswith("/done/") for answer in answers] == [True] * MANY
        assert Client(server).get("/readyz").text == "ok"
        wait_until(lambda: server.log.count("Mail is lost") == MANY, server)


def test_redis(deploy, interface, port):
    with deploy(interface, REDIS_URL=f"redis://127.0.0.1:{port}/0").serve() as server:
        ada = Client(server, https=True).sign_up("ada")
        with ThreadPoolExecutor(MANY) as threads:
            asked = [threads.submit(api_status, server, ada) for _ in range(MANY)]
            assert ada.submit("/items/add/", name="Compass").status_code == 200
            assert ada.names() == ["Compass"]
            assert {status.result() for status in asked} == {500}
        assert Client(server).get("/readyz").text == "no cache"


def test_a_database_that_never_answered(deploy, interface, port):
    deployment = deploy(interface)
    with deployment.serve(DATABASE_URL=f"postgres://user:secret@127.0.0.1:{port}/name") as server:
        answers = together(2, lambda _: Client(server).get("/readyz"))
        assert [(answer.status_code, answer.text) for answer in answers] == [(503, "no database")] * 2
        assert Client(server, https=True).get("/accounts/login/").status_code == 200


def test_a_database_that_stops_answering(deploy, interface, postgres):
    deployment = deploy(interface)
    # Shorten the project's limits.
    startup = deployment.project.path / "my_project" / "startup.py"
    startup.write_text(
        startup.read_text().replace("CONNECT_LIMIT, STATEMENT_LIMIT = 5, 35", "CONNECT_LIMIT, STATEMENT_LIMIT = 2, 2")
    )
    address, _, name = deployment.database.rpartition("/")
    with running_peer(int(address.rpartition(":")[2])) as peer:
        with deployment.serve(DATABASE_URL=f"{address.rpartition(':')[0]}:{peer.port}/{name}") as server:
            ada = Client(server, https=True).sign_up("ada")
            assert ada.names() == []
            peer.silent.set()
            assert ada.get("/").status_code == 500
            assert Client(server).get("/readyz").text == "no database"
            assert Client(server, https=True).get("/accounts/login/").status_code == 200
            peer.silent.clear()
            wait_until(lambda: Client(server).get("/readyz").text == "ok", server)
            assert ada.names() == []


def test_a_bucket(deploy, interface, port):
    deployment = deploy(interface, MEDIA_BUCKET_URL=f"s3+http://key:secret@127.0.0.1:{port}/media")
    output = deployment.run("shell", "-c", UPLOAD, timeout=60).stdout
    assert output.split()[-1] in ("EndpointConnectionError", "ReadTimeoutError")


def test_sentry(deploy, interface, port):
    deployment = deploy(interface, SENTRY_DSN=f"http://key@127.0.0.1:{port}/1")
    with (deployment.project.path / "my_project" / "urls.py").open("a") as urls:
        urls.write(VIEW)
    with deployment.serve() as server:
        visitor = Client(server, https=True)
        assert together(MANY, lambda _: visitor.get("/fail/").status_code) == [500] * MANY
        assert visitor.get("/accounts/login/").status_code == 200
