"""Several machines, each with a network of its own: what they share, and what happens when one is cut off."""

import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests

from tests.support.client import Client, heard, proxied, socket
from tests.support.deployed import DEBIANS_PYTHON, FOLDER
from tests.support.hosts import APPLICATIONS, running_hosts
from tests.support.load import sessions
from tests.support.production import wait_until

pytestmark = [pytest.mark.matrix, pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")]

# Blocks each `migrate` of a new database until {count} of them wait, for this table or for each other.
BARRIER = """
DO $$ BEGIN
    CREATE TABLE django_migrations ();
    WHILE (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock') < {count} LOOP
        PERFORM pg_sleep(0.1);
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
    DROP TABLE django_migrations;
END $$
"""
USERS = 40
PATHS = ["/api/v1/items/", "/items/"]


@pytest.fixture(scope="module")
def hosts(installed, mail_server, tmp_path_factory):
    project = installed("ASGI", DEBIANS_PYTHON, background_tasks="Celery")
    with running_hosts(project, mail_server, tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def users(hosts):
    """The session keys of some users."""
    return sessions(hosts.manage, USERS)


@pytest.fixture(scope="module")
def ada(hosts):
    """Two clients of one session, each on its machine of the application."""
    first, second = (visitor(hosts, name) for name in APPLICATIONS)
    first.sign_up("ada")
    # Both have the host name 127.0.0.1.
    second.cookies.update(first.cookies)
    return first, second


def visitor(hosts, name, **options):
    """Return a client of one machine of the application, which asks like the proxy."""
    server = SimpleNamespace(url=f"http://127.0.0.1:{hosts.ports[name]}", log=hosts.log(name))
    return Client(server, https=True, **options)


def asked_often(client):
    """Return the statuses of many requests, which all processes of a machine answer."""
    return {client.get("/api/v1/items/").status_code for _ in range(20)}


def test_machines_that_start_at_once_migrate_once(hosts):
    counts = [told.count("Applying users.0001_initial... OK") for told in hosts.told.values()]
    assert sorted(counts) == [0, 0, 1]
    assert sum("No migrations to apply." in told for told in hosts.told.values()) == 2


def test_machines_that_migrate_at_once_take_turns(hosts):
    database = hosts.machines["database"]
    database.run("""
        runuser -u postgres -- createdb --owner my_project twice
        cd /etc/postgresql/*/main
        echo 'hostssl twice my_project 10.0.0.0/24 scram-sha-256' >> pg_hba.conf
        systemctl reload postgresql
    """)
    psql = "runuser -u postgres -- psql --quiet --no-align --tuples-only twice"
    holding = (
        f"{psql} -c \"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%LOOP%' AND pid <> pg_backend_pid()\""
    )
    url = "DATABASE_URL=$(sed -n 's#^DATABASE_URL=\\(.*\\)/my_project?#\\1/twice?#p' .env)"
    migrate = f"cd {FOLDER}/current\n{url} .venv/bin/python manage.py migrate"
    with ThreadPoolExecutor() as pool:
        script = BARRIER.format(count=len(hosts.versioned))
        barrier = pool.submit(database.run, f"{psql} <<'END'\n{script}\nEND")
        wait_until(lambda: database.run(holding) == "1\n", SimpleNamespace(log="nothing holds them up"))
        told = list(pool.map(lambda name: hosts.machines[name].run(migrate), hosts.versioned))
        barrier.result()
    assert sorted(text.count("Applying users.0001_initial... OK") for text in told) == [0, 0, 1]
    assert sum("No migrations to apply." in text for text in told) == 2


def test_an_item_of_one_machine_appears_on_a_page_of_the_other(ada):
    first, second = ada
    with socket(first) as connection:
        made = second.api("POST", "/api/v1/items/", 201, name="Compass")
        assert heard(connection) == {"event": "saved", "id": made["id"]}
    assert first.names() == ["Compass"]


def test_the_machines_of_the_application_have_the_static_files(hosts):
    url = f"https://127.0.0.1:{hosts.https}"
    page = requests.get(f"{url}/accounts/login/", verify=False)
    (path,) = re.findall(r'href="(/static/style\.[0-9a-f]{12}\.css)"', page.text)
    answer = requests.get(url + path, verify=False)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]


def test_machines_count_requests_and_failed_sign_ins_together(hosts, ada):
    address = proxied()
    both = [visitor(hosts, name, headers=address) for name in APPLICATIONS]
    statuses = []
    for number in range(11):
        account = {"username": f"nobody-{number}", "password": "wrong"}
        statuses.append(both[number % 2].post("/api/v1/token/", json=account).status_code)
    assert statuses == [401] * 10 + [429]
    both = [visitor(hosts, name, headers=proxied()) for name in APPLICATIONS]
    for number in range(5):
        assert "not correct" in both[number % 2].sign_in("ada", "wrong").text
    for client in both:
        client.sign_in("ada", expect=429)


def test_the_worker_writes_an_export_that_both_machines_send(hosts, ada):
    first, second = ada
    path = f"/api/v1/exports/{first.api('POST', '/api/v1/exports/', 201)['id']}/"
    wait_until(lambda: first.api("GET", path)["state"] == "done", SimpleNamespace(log=hosts.log("worker")))
    assert first.get(f"{path}file/").text == second.get(f"{path}file/").text != ""


def test_a_machine_that_is_cut_off_loses_only_what_it_was_answering(hosts, users):
    hosts.check_a_machine_is_cut_off(users, 20, PATHS)


@pytest.mark.parametrize(("cut", "reason"), [("database", "no database"), ("redis", "no cache")])
def test_a_service_that_is_cut_off_makes_both_machines_unready_until_it_is_back(hosts, ada, cut, reason):
    hosts.wait_until_all_are(200, "ok")
    hosts.network.cut(cut)
    try:
        # PostgreSQL's limit for a statement, 30 seconds, does not matter here.
        assert [hosts.ready(name) for name in APPLICATIONS] == [(503, reason)] * 2
        if cut == "redis":
            assert [client.get("/items/").status_code for client in ada] == [200, 200]
    finally:
        hosts.network.join(cut)
    hosts.wait_until_all_are(200, "ok")
    # For 5 seconds, some processes do not ask Redis again.
    for client in ada:
        wait_until(lambda client=client: asked_often(client) == {200}, client.server)


def test_a_new_version_on_one_machine_after_the_other_fails_no_request(hosts, users):
    hosts.check_a_new_version(users, 20, PATHS)
