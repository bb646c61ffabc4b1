"""What deploy/SCALING.md says: the benchmark writes its tables, and its commands and its counts are true."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.load import Redis, sessions
from tests.support.machine import free_port
from tests.support.pooler import running_pgbouncer
from tests.support.postgres import PASSWORD, running_postgres
from tests.support.production import INTERFACES, Deployment, wait_until
from tests.support.proxies import replaced
from tools.benchmarks import lists, scaling

pytestmark = pytest.mark.matrix

WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LOCKING = "SELECT pid FROM pg_locks WHERE relation = '{table}'::regclass AND mode = 'AccessExclusiveLock' AND granted"
# More connections than PostgreSQL allows, and more than PgBouncer allows by default.
LIMITS = """
from django.db import connections
held = [connections.create_connection("default") for _ in range(110)]
shown = set()
for connection in held:
    with connection.cursor() as cursor:
        for name in "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout":
            cursor.execute(f"SHOW {name}")
            shown.add((name, cursor.fetchone()[0]))
print(*sorted(shown), sep="\\n")
"""
SPIN = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\nsys.stdin.read(int(sys.argv[1]))"


def page(project):
    return (project.path / "deploy" / "SCALING.md").read_text(encoding="utf-8")


def block(project, start):
    """Return the indented block of the page that starts with this text."""
    blocks = re.findall(r"(?:^    .+\n)+", page(project), re.MULTILINE)
    (found,) = (text for text in blocks if text.startswith(f"    {start}"))
    return re.sub("^    ", "", found, flags=re.MULTILINE)


def name_of(database):
    return database.rpartition("/")[2]


@contextlib.contextmanager
def locked(postgres, database, table):
    """Lock a table until the block ends; all others wait for it."""
    command = [postgres.bin_folder / "psql", "-XAtqc", f"BEGIN; LOCK TABLE {table}; SELECT pg_sleep(60)", database]
    holder = LOCKING.format(table=table)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as locking:
        limit = time.monotonic() + 20
        while not postgres.sql(holder, database):
            assert locking.poll() is None
            assert time.monotonic() < limit, f"{table} is not locked"
            time.sleep(0.05)
        try:
            yield
        finally:
            postgres.sql(f"SELECT pg_terminate_backend(pid) FROM ({holder}) AS holder", database)


@contextlib.contextmanager
def replay_paused(replica):
    """Make a replica lag until the block ends."""
    replica.sql("SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        replica.sql("SELECT pg_wal_replay_resume()")


@pytest.fixture
def folder():
    """A folder that all users of the machine can read."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def rows(text):
    """Return the first cell, and how many there are, of each row of the tables."""
    lines = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    return [(cells[1], len(cells)) for cells in lines]


def test_the_benchmark_writes_all_rows(installed, postgres, folder):
    paragraphs = scaling.measure_all(installed("ASGI"), folder, postgres, rounds=1, seconds=1)
    copy = Path(shutil.copy(scaling.PAGE, folder))
    before = copy.read_text(encoding="utf-8")
    for interface in INTERFACES:
        scaling.write(interface, paragraphs, page=copy)
    after = copy.read_text(encoding="utf-8")
    assert after.count(paragraphs[0]) == len(INTERFACES)
    assert rows(after) == rows(before)


def test_the_time_of_all_processes_counts_also_of_those_that_have_ended():
    script = '"$0" -c "$1" 0 && "$0" -c "$1" 1'
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["sh", "-c", script, sys.executable, SPIN], **pipe) as shell:
        assert [shell.stdout.readline() for _ in range(2)] == [b"\n"] * 2
        # The system counts in hundredths of a second.
        assert scaling.seconds_of([shell.pid]) > 0.5
        shell.communicate(b"x")


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_process_holds_as_many_connections_as_the_page_says(deploy, postgres, interface):
    deployment = deploy(interface)
    held, processes = map(
        int, re.search(r"holds (\d+) connections?.*?: (\d+) processes", page(deployment.project), re.DOTALL).groups()
    )
    allowed = int(postgres.sql("SHOW max_connections")) - int(postgres.sql("SHOW superuser_reserved_connections"))
    assert f"is near {allowed}, which PostgreSQL allows" in page(deployment.project)
    assert processes == allowed // held
    if interface == "ASGI":
        assert f"\nASGI_THREADS = {held}\n" in (deployment.project.path / "my_project" / "settings.py").read_text()
    (session,) = sessions(lambda *words: deployment.run(*words).stdout, 1)
    with deployment.serve(WEB_CONCURRENCY=1) as server, ThreadPoolExecutor(3 * held) as threads:
        with locked(postgres, deployment.database, "django_session"):
            answers = [threads.submit(lists.get, server, "/items/", session) for _ in range(2 * held)]
            wait_until(lambda: len(postgres.sql(WAITING, deployment.database).split()) == held, server)
        assert all(answer.result() for answer in answers)
        assert len(deployment.connections(postgres)) == held


def test_pgbouncer_serves_the_project_as_the_page_says(deploy, postgres, folder):
    deployment = deploy("ASGI")
    database = name_of(deployment.database)
    role = f"role_of_{database}"
    postgres.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data, pg_write_all_data")
    roles = {"ALTER ROLE my_project ": f"ALTER ROLE {role} "}
    statements = replaced(block(deployment.project, "ALTER ROLE"), roles)
    postgres.sql(statements)
    port = free_port()
    changes = {
        "apt-get install --yes --no-install-recommends pgbouncer\n": "",
        "my_project = host=127.0.0.1\n": f"{database} = host=127.0.0.1 port={postgres.url.rpartition(':')[2][:-1]}\n",
        '"my_project" "the password in DATABASE_URL"': f'"{role}" "{PASSWORD}"',
        "[pgbouncer]\n": f"[pgbouncer]\nlisten_port = {port}\nunix_socket_dir =\nquery_wait_timeout = 10\n",
        "/etc/pgbouncer/": f"{folder}/",
        "systemctl restart pgbouncer\n": "",
    }
    subprocess.run(["sh", "-ec", replaced(block(deployment.project, "apt-get"), changes)], check=True)
    with running_pgbouncer(folder / "pgbouncer.ini", port):
        (name, value) = re.search(r"`(DATABASE_POOLER)=(\w+)`", page(deployment.project)).groups()
        url = f"postgres://{role}:{PASSWORD}@127.0.0.1:{port}/{database}"
        deployment.environment.update({"DATABASE_URL": url, name: value})
        shown = re.findall(r"\('(\w+)', '(\w+)'\)", deployment.run("shell", "-c", LIMITS).stdout)
        assert shown == [
            ("idle_in_transaction_session_timeout", "1min"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "30s"),
        ]
        with deployment.serve(WEB_CONCURRENCY=2) as server:
            ada = Client(server, https=True).sign_up("ada")
            ada.submit("/items/add/", name="Compass")
            assert ada.names() == ["Compass"]


def test_a_command_that_only_reads_can_use_a_replica(installed, folder):
    with running_postgres() as primary:
        deployment = Deployment(installed("ASGI"), folder, primary.database()).prepare()
        deployment.add_users("ada")
        with primary.replica() as replica:
            changes = {"postgres://user:password@replica/name": f"{replica.url}{name_of(deployment.database)}"}
            command = replaced(re.search(r"`(DATABASE_URL=.+)`", page(deployment.project))[1], changes)
            # As on a server; PostgreSQL there is not the replica.
            (deployment.project.path / ".env").write_text(f"DATABASE_URL={deployment.database}\n")
            variables = {name: value for name, value in deployment.environment.items() if name != "DATABASE_URL"}
            with replay_paused(replica):
                deployment.add_users("bob")
                done = deployment.project.call("sh", "-ec", command, env=variables)
                assert done.stdout.split() == ["ada"]
            deployment.database, write = changes.popitem()[1], command.replace("runscript inactive_users", "cleanup")
            done = deployment.project.call("sh", "-ec", write, env=variables, check=False)
            assert done.returncode != 0
            assert "read-only transaction" in done.stderr


def test_with_sessions_in_the_cache_a_signed_in_user_needs_redis(deploy, folder):
    deployment = deploy("WSGI")
    (session,) = sessions(lambda *words: deployment.run(*words).stdout, 1)
    (setting,) = re.findall(r"`(SESSION_ENGINE = .+?)`", page(deployment.project))

    def statuses():
        with Redis(folder) as redis, deployment.serve(REDIS_URL=redis.url) as server:
            before = server.status("/items/", lists.headers(session))
            redis.stop()
            return before, server.status("/items/", lists.headers(session))

    assert statuses() == (200, 200)
    with (deployment.project.path / "my_project" / "settings.py").open("a") as settings:
        settings.write(f"\n{setting}\n")
    assert statuses() == (200, 500)
