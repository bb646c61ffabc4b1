"""Background tasks with real brokers, workers and servers: whatever dies in between, each task has its effect once."""

import json
import os
import re
import signal
import ssl

import pytest
from playwright.sync_api import expect

from tests.support.brokers import running_broker, running_worker
from tests.support.browser import faults
from tests.support.client import Client, proxied
from tests.support.machine import free_port
from tests.support.mail import message_to, text_of
from tests.support.peers import running_peer
from tests.support.production import wait_until
from tests.support.proxies import certificate
from tests.support.sentry import running_tracker

ANSWERS = {"background_tasks": "Celery"}
FILE = "exports/tasks.py"
RESET = "/accounts/password/reset/key/"
ITEMS = 40
IMPORTS = "from pathlib import Path\nfrom time import monotonic, sleep"
SLOW = """number += 1
        sleep(0.05)
        while number == 30 and not Path("go").exists():
            sleep(0.05)
"""
TASKS = """
import os
from celery import shared_task

@shared_task(autoretry_for=[RuntimeError], retry_backoff=1)
def fail(secret):
    raise RuntimeError("always")

@shared_task
def kill(secret):
    os.kill(os.getpid(), 9)
"""
VIEWS = """
from django.http import HttpResponse
from items.tasks import fail, kill

urlpatterns += [
    path("fail/", lambda request: HttpResponse(fail.delay("confidential"))),
    path("kill/", lambda request: HttpResponse(kill.delay("confidential"))),
]
"""
ADD_ITEMS = """
from users.models import User
from items.models import Item
owner = User.objects.get(username="{name}")
Item.objects.bulk_create(Item(name=f"Item {{number}}", owner=owner) for number in range({count}))
"""
POISON = """
import pickle
from my_project.celery import app
with app.connection_for_write() as connection:
    producer = connection.Producer(routing_key="celery")
    for content_type, body in ("application/json", b"{"), ("application/x-python-serialize", pickle.dumps(0)):
        for headers in {}, {"task": "my_project.tasks.clean_up", "id": "1"}:
            producer.publish(body, content_type=content_type, content_encoding="utf-8", headers=headers)
    producer.publish({}, serializer="json", headers={})
app.send_task("no.such.task", ["/accounts/password/reset/key/1-confidential/"])
app.send_task("items.tasks.fail", [])
app.send_task("exports.tasks.write_export", ["not a number"])
"""
MANY_MAILS = """
from my_project.tasks import send_mail
for number in range({count}):
    to = f"{{number}}@example.com"
    send_mail.delay("from@example.com", [to], f"To: {{to}}\\r\\n\\r\\nText")
"""


CONNECT = """
from my_project.celery import app
with app.connection_for_write() as connection:
    connection.ensure_connection(max_retries=1)
print("connected")
"""

# What does not depend on the broker.
redis_only = pytest.mark.parametrize("broker", ["Redis"], indirect=True)


def replace(deployment, file, *changes):
    path = deployment.project.path / file
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def slow_down(deployment):
    """Make an export take two seconds, and wait near its end until there is a file `go`."""
    replace(deployment, FILE, ("number += 1\n", SLOW), ("from time import monotonic", IMPORTS))


def hold(deployment):
    (deployment.project.path / "go").unlink(missing_ok=True)


def release(deployment):
    (deployment.project.path / "go").touch()


@pytest.fixture(scope="module", params=["Redis", "RabbitMQ"])
def broker(request):
    with running_broker(request.param) as broker:
        yield broker


@pytest.fixture(scope="module")
def tracker():
    with running_tracker() as tracker:
        yield tracker


@pytest.fixture(scope="module")
def mail(mail_server):
    """The way to the mail server, which can fall silent."""
    with running_peer(mail_server.server_address[1]) as peer:
        yield peer


@pytest.fixture(scope="module")
def deployment(deploy, broker, redis_port, mail, tracker):
    """A project with slow exports, an impatient Redis, a schedule of seconds, and two more tasks."""
    port = free_port()
    deployment = deploy(
        "ASGI",
        answers=ANSWERS,
        CELERY_BROKER_URL=broker.url,
        REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
        EMAIL_URL=f"smtp://127.0.0.1:{mail.port}?timeout=1",
        SENTRY_DSN=tracker.dsn,
        CSRF_TRUSTED_ORIGINS=f"http://127.0.0.1:{port}",
    )
    deployment.port = port
    slow_down(deployment)
    replace(deployment, FILE, ("crontab(), tidy", "1, tidy"))
    replace(deployment, "my_project/settings.py", ('["visibility_timeout"] = 600', '["visibility_timeout"] = 1'))
    (deployment.project.path / "items" / "tasks.py").write_text(TASKS, encoding="utf-8")
    with (deployment.project.path / "my_project" / "urls.py").open("a", encoding="utf-8") as urls:
        urls.write(VIEWS)
    return deployment


@pytest.fixture(scope="module")
def server(deployment):
    with deployment.serve(port=deployment.port) as server:
        yield server


@pytest.fixture(scope="module")
def worker(deployment):
    with running_worker(deployment) as worker:
        yield worker


def add_items(deployment, name):
    deployment.run("shell", "-c", ADD_ITEMS.format(name=name, count=ITEMS))


@pytest.fixture
def ada(request, server, worker, deployment):
    """A user with items; the worker sent them the mail that verifies their address."""
    name = re.sub(r"\W", "-", request.node.name)
    ada = Client(server, https=True).sign_up(name)
    add_items(deployment, name)
    return ada


def exports(person):
    return person.api("GET", "/api/v1/exports/")["results"]


def check_done(person, worker):
    release(worker.deployment)
    wait_until(lambda: {export["state"] for export in exports(person)} == {"done"}, worker)
    for export in exports(person):
        file = person.get(f"/api/v1/exports/{export['id']}/file/")
        assert (file.status_code, len(file.text.splitlines())) == (200, ITEMS + 1)


def begin(person, worker):
    """Start an export, and wait until it has written some rows and waits for `release`."""
    hold(worker.deployment)
    export = person.api("POST", "/api/v1/exports/", 201)
    assert export["state"] == "waiting"
    path = f"/api/v1/exports/{export['id']}/"
    wait_until(lambda: 0 < person.api("GET", path)["done"] < ITEMS, worker)


def sql(postgres, deployment, query):
    return postgres.sql(query, deployment.database).split()


@redis_only
@pytest.mark.matrix
def test_an_export_is_for_its_owner_alone(server, deployment, worker, ada):
    bob = Client(server, https=True).sign_up("bob")
    assert "The export has started." in ada.submit("/exports/", action="/exports/add/").text
    check_done(ada, worker)
    (export,) = exports(ada)
    for path in f"/exports/{export['id']}/file/", f"/api/v1/exports/{export['id']}/file/":
        assert ada.get(path).text.startswith("\ufeffname,description,")
        assert bob.get(path).status_code == 404
    file = deployment.project.path / "private" / "exports" / f"{export['id']}.csv"
    assert file.exists()
    ada.api("DELETE", f"/api/v1/exports/{export['id']}/", 204)
    assert not file.exists()


@pytest.mark.matrix
def test_a_process_is_killed_in_the_middle(worker, ada):
    begin(ada, worker)
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)
    check_done(ada, worker)


@pytest.mark.matrix
def test_a_worker_is_killed_in_the_middle(worker, ada):
    begin(ada, worker)
    worker.kill()
    worker.start()
    check_done(ada, worker)


@pytest.mark.matrix
def test_the_broker_is_restarted_in_the_middle(worker, broker, ada):
    begin(ada, worker)
    for _ in range(3):
        ada.api("POST", "/api/v1/exports/", 201)
    broker.restart()
    check_done(ada, worker)


@redis_only
@pytest.mark.matrix
def test_a_worker_that_is_stopped_finishes_its_tasks(worker, ada):
    begin(ada, worker)
    worker.process.terminate()
    release(worker.deployment)
    assert worker.process.wait(60) == 0
    check_done(ada, worker)
    worker.start()


def reports(tracker, request_id):
    return [event for event in tracker.events() if event.get("tags", {}).get("request_id") == request_id]


def value(event):
    return event["exception"]["values"][-1]["value"]


@pytest.mark.matrix
def test_poisonous_messages_and_tasks_come_to_an_end(worker, deployment, postgres, tracker, ada):
    deployment.run("shell", "-c", POISON)
    ids = {ada.get("/fail/", headers={"X-Request-ID": "of-the-request"}).text}
    wait_until(lambda: "always" in [value(event) for event in reports(tracker, "of-the-request")], worker)
    ids.add(ada.get("/kill/").text)
    query = "SELECT task_id FROM django_celery_results_taskresult WHERE status = 'FAILURE'"
    wait_until(lambda: ids <= set(sql(postgres, deployment, query)), worker)
    ada.api("POST", "/api/v1/exports/", 201)
    check_done(ada, worker)
    lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
    failed = [line for line in lines if line.get("task") == "items.tasks.fail" and line.get("task_id") in ids]
    assert {line["request_id"] for line in failed} == {"of-the-request"}
    assert "no.such.task" in worker.log
    results = postgres.sql("SELECT * FROM django_celery_results_taskresult", deployment.database)
    for text in worker.log, results, str(tracker.envelopes):
        assert "confidential" not in text, text[text.index("confidential") - 2000 : text.index("confidential") + 200]


@redis_only
@pytest.mark.parametrize(
    "count", [pytest.param(500, marks=pytest.mark.matrix), pytest.param(10_000, marks=pytest.mark.load)]
)
def test_each_of_many_tasks_runs_once(worker, deployment, mail_server, count):
    before = len(mail_server.messages)
    with running_worker(deployment) as other:
        deployment.run("shell", "-c", MANY_MAILS.format(count=count))
        wait_until(lambda: len(mail_server.messages) >= before + count, worker, limit=600)
        memory = max(worker.memory(), other.memory())
    sent = [message["To"] for message in mail_server.messages[before:]]
    assert sorted(sent) == sorted(f"{number}@example.com" for number in range(count))
    assert memory < 250


@pytest.mark.matrix
def test_the_certificate_and_host_name_of_a_broker_with_tls_are_checked(deployment, broker, tmp_path):
    def connect(name, is_trusted):
        file, key = certificate(tmp_path, name).values()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(file, key)
        with running_peer(broker.port, tls) as peer:
            url = broker.url.replace(str(broker.port), str(peer.port)).replace("://", "s://")
            environment = {"CELERY_BROKER_URL": url, **({"SSL_CERT_FILE": file} if is_trusted else {})}
            environment = {**deployment.environment, **environment}
            done = deployment.project.run("shell", "-c", CONNECT, env=environment, check=False)
        return done.stdout + done.stderr

    assert "connected\n" in connect("IP:127.0.0.1", is_trusted=True)
    assert "certificate verify failed: self-signed certificate" in connect("IP:127.0.0.1", is_trusted=False)
    assert "certificate is not valid for '127.0.0.1'" in connect("DNS:example.com", is_trusted=True)


@pytest.mark.matrix
def test_a_silent_broker_delays_no_one(worker, deployment, broker, ada, postgres):
    release(deployment)
    with running_peer(broker.port) as peer:
        address = broker.url.replace(str(broker.port), str(peer.port))
        with deployment.serve(CELERY_BROKER_URL=address) as server:
            visitor = Client(server, https=True)
            visitor.cookies.update(ada.cookies)
            for silence in peer.silent.clear, peer.silent.set:
                silence()
                visitor.api("POST", "/api/v1/exports/", 201)
            me = visitor.api("GET", "/api/v1/users/me/")["email"]
            assert visitor.submit("/accounts/password/reset/", email=me).url.endswith("/done/")
            message_to(me, RESET)
            assert "Mail is sent without the queue" in server.log
    wait_until(lambda: sorted(export["state"] for export in exports(ada)) == ["done", "waiting"], worker)
    postgres.sql("UPDATE exports_export SET updated_at = updated_at - interval '1 hour'", deployment.database)
    with running_worker(deployment, "beat"):
        check_done(ada, worker)
        postgres.sql("UPDATE exports_export SET created_at = created_at - interval '1 day'", deployment.database)
        wait_until(lambda: exports(ada) == [], worker)
        wait_until(lambda: list((deployment.project.path / "private" / "exports").iterdir()) == [], worker)


@redis_only
@pytest.mark.matrix
def test_a_silent_mail_server_delays_no_one(server, worker, mail):
    ada = Client(server, https=True).sign_up("ada-mail")
    mail.silent.set()
    assert ada.submit("/accounts/password/reset/", email="ada-mail@example.com").url.endswith("/done/")
    wait_until(lambda: re.search("Task my_project.tasks.send_mail.* retry: Retry in", worker.log), worker)
    mail.silent.clear()
    message = message_to("ada-mail@example.com", RESET)
    token = re.search(rf"{RESET}\w+-([\w-]+)/", text_of(message))[1]
    assert token not in worker.log


def look(visitor, deployment, worker, name):
    """Export on the page, and see the progress without another visit."""
    page = visitor.sign_up(name)
    add_items(deployment, name)
    hold(deployment)
    page.get_by_role("link", name="Exports").click()
    page.get_by_role("button", name="Export the items").click()
    page.evaluate("window.isTheSame = true")
    expect(page.locator("progress")).to_be_visible()
    release(deployment)
    expect(page.get_by_text(f"{ITEMS} of {ITEMS} rows")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == ITEMS + 1
    assert page.evaluate("window.isTheSame")
    assert faults(page, f"exports-{name}") == []


@redis_only
@pytest.mark.matrix
def test_the_page_is_updated_live(server, deployment, worker, visit):
    visitor = visit(server.url, extra_http_headers=proxied())
    look(visitor, deployment, worker, "live")


@pytest.mark.matrix
def test_the_page_polls_without_a_websocket(deploy, redis, visit):
    port = free_port()
    deployment = deploy("WSGI", answers=ANSWERS, REDIS_URL=redis, CSRF_TRUSTED_ORIGINS=f"http://127.0.0.1:{port}")
    slow_down(deployment)
    with running_worker(deployment) as worker, deployment.serve(port=port) as server:
        look(visit(server.url, extra_http_headers=proxied()), deployment, worker, "poll")
