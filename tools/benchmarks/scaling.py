"""Measure what each step of deploy/SCALING.md gives, and write it there.

`.venv/bin/python -m tools.benchmarks.scaling [ROUNDS [SECONDS]]`. All services of an interface are up at once, each
behind an nginx of its own, and asked in turn.
"""

import contextlib
import gzip
import http.client
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

from template_code.questions import QUESTIONS
from tests.support.load import Redis, Service
from tests.support.machine import RUNNING_PYTHON, program
from tests.support.packages import environment_of
from tests.support.pooler import running_pooler
from tests.support.postgres import running_postgres
from tests.support.production import Deployment
from tests.support.project import generate
from tests.support.proxies import Front, family, nginx, tls_context
from tests.support.rendering import TEMPLATE
from tools.benchmarks import lists, results
from tools.benchmarks.servers import FILL, ask, memory, version

PAGE = TEMPLATE / "deploy" / "SCALING.md"
LIST, SITE = "/api/v1/items/", "/items/"
PROCESSES = (1, 2, 4)
# The connections that PgBouncer may open: one for each process.
POOL = 2
ROLES = ("Application", "PostgreSQL", "nginx", "Redis", "Client")
WIDTH = 120


class Arrangement(NamedTuple):
    """Services behind one nginx, with a database of their own."""

    deployment: Deployment
    services: list[Service]
    front: Front


class Measured(NamedTuple):
    """Requests a second, and role -> how many cores it kept busy."""

    rate: float
    cores: dict[str, float]


def with_cached_sessions(project):
    """Keep the sessions of a project in the cache and in the database."""
    (settings,) = project.path.glob("*/settings.py")
    with settings.open("a", encoding="utf-8") as file:
        file.write('\nSESSION_ENGINE = "django.contrib.sessions.backends.cached_db"\n')


def without_static_files(project):
    """Let nginx find no static files, so that it asks the application for them."""
    site = project.path / "deploy" / "nginx.conf"
    text = site.read_text(encoding="utf-8")
    assert "/staticfiles/;" in text, text
    site.write_text(text.replace("/staticfiles/;", "/none/;"), encoding="utf-8")


def arrange(stack, folder, prepared, postgres, processes, change=None, pooled=False):
    """Start a service for each of these numbers of processes, from a copy of this deployment; return them."""
    folder.mkdir(0o755)
    database = postgres.database(prepared.database)
    deployment = Deployment(prepared.project, folder, database, **{**prepared.environment, "DATABASE_URL": database})
    if change:
        change(deployment.project)
    settings = {}
    if pooled:
        url = stack.enter_context(running_pooler(database, POOL))
        settings = {"DATABASE_URL": url, "DATABASE_POOLER": True}
    services = [
        stack.enter_context(Service(deployment, folder, WEB_CONCURRENCY=number, **settings)) for number in processes
    ]
    front = stack.enter_context(nginx(deployment, folder, [service.path for service in services]))
    return Arrangement(deployment, services, front)


def arrangements(stack, folder, prepared, postgres):
    """Return name -> Arrangement."""

    def start(name, *processes, **options):
        return arrange(stack, folder / name, prepared, postgres, processes, **options)

    return {
        **{number: start(f"processes-{number}", number) for number in PROCESSES},
        "two services": start("two-services", 1, 1, change=without_static_files),
        "PgBouncer": start("pooler", 2, pooled=True),
        "cached sessions": start("cached-sessions", 2, change=with_cached_sessions),
    }


def seconds_of(roots):
    """Return the processor time that these processes, and all below them, have used."""
    return sum(sum(process.cpu_times()[:4]) for root in roots for process in family(root))


def measure(arrangement, postgres, redis, sessions, path, seconds):
    """Ask for a path; return what was Measured."""
    (postmaster, *_) = postgres.sql("SELECT pg_read_file('postmaster.pid')").splitlines()
    roots = {
        "Application": [service.process.pid for service in arrangement.services],
        "PostgreSQL": [int(postmaster)],
        "nginx": [arrangement.front.process.pid],
        "Redis": [redis.process.pid],
    }

    def used():
        # wrk has ended by then.
        client = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {**{role: seconds_of(of) for role, of in roots.items()}, "Client": client.ru_utime + client.ru_stime}

    rate = 0
    # On a busy machine, none may be answered in a second.
    while not rate:
        before, started = used(), time.perf_counter()
        rate, _, errors = ask((arrangement.front, sessions), "GET", path, seconds)
        length, after = time.perf_counter() - started, used()
        if errors:
            log = arrangement.services[0].log[-1000:]
            sys.exit(f"GET {path} failed, so its speed says nothing: {errors}. The server's log ends with:\n{log}")
    return Measured(rate, {role: (after[role] - before[role]) / length for role in ROLES})


def median(rounds):
    """Return the Measured that has the median of each number."""
    cores = {role: statistics.median(one.cores[role] for one in rounds) for role in ROLES}
    return Measured(statistics.median(one.rate for one in rounds), cores)


def fetch(front, path, session):
    """Return the body of a response as a browser gets it."""
    headers = {**lists.headers(session), "Accept-Encoding": "gzip"}
    connection = http.client.HTTPSConnection("127.0.0.1", front.https, timeout=60, context=tls_context())
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
    assert response.status == 200, (path, response.status, body)
    return body


def first_view(front, session):
    """Return the bytes of the page, and path -> bytes of each static file that it names."""
    page = fetch(front, SITE, session)
    files = sorted(set(re.findall(r'(?:href|src)="(/static/[^"#]+)', gzip.decompress(page).decode())))
    return len(page), {file: len(fetch(front, file, session)) for file in files}


def limits_table(found):
    """Return the table of the requests a second, and of how many cores each role used for them."""
    rows = []
    for number in PROCESSES:
        rate, cores = found[number, LIST]
        limit = "the cores" if sum(cores.values()) > 0.85 * os.cpu_count() else "the processes"
        rows.append([number, f"{rate:.0f}", *(f"{cores[role]:.0%}" for role in ROLES), limit])
    return results.table(["Processes:", "Requests/s:", *(f"{role}:" for role in ROLES), "Limit"], rows)


def steps_table(found, style, connections, view):
    """Return the table of what each step gives; `connections` and `view` are the numbers without and with it."""
    two = found[2, LIST].rate
    pairs = {
        "Requests/s: 2 processes instead of 1": (found[1, LIST].rate, two),
        "Requests/s: 4 processes instead of 2": (two, found[4, LIST].rate),
        "Requests/s: 2 services of 1 process instead of 1 of 2": (two, found["two services", LIST].rate),
        "Requests/s of a style sheet: from nginx": (found["two services", style].rate, found[2, style].rate),
        "Bytes that the site sends for a first view: with a CDN": view,
        "Requests/s: sessions in the cache": (two, found["cached sessions", LIST].rate),
        f"Requests/s of `{SITE}`: sessions in the cache": (found[2, SITE].rate, found["cached sessions", SITE].rate),
        "Connections to PostgreSQL of 2 processes: with PgBouncer": connections,
        "Requests/s: with PgBouncer": (two, found["PgBouncer", LIST].rate),
    }
    rows = [(name, f"{one:,.0f}", f"{other:,.0f}", f"{other / one:.2f}") for name, (one, other) in pairs.items()]
    return results.table(["Step", "Before:", "After:", "Ratio:"], rows)


def sentences(project, postgres, measured, connection, rounds, seconds):
    """Return the paragraph about the machine, the versions, and what a request and a connection cost."""
    processor, memory_size, *_ = (value for _, value in results.machine())
    server = "Uvicorn" if project.answers["interface"] == "ASGI" else "gunicorn"
    nginx_version = subprocess.run([program("nginx"), "-v"], capture_output=True, text=True).stderr.split("/")[-1]
    versions = {
        "Python": platform.python_version(),
        "Django": version(project, "django"),
        server: version(project, server.lower()),
        "PostgreSQL": postgres.sql("SHOW server_version"),
        "nginx": nginx_version.strip(),
    }
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    application, database = (measured.cores[role] / measured.rate * 1000 for role in ("Application", "PostgreSQL"))
    feeds = application / max(database, 0.1)
    text = f"""
        Each number is the median of {rounds} rounds of {seconds} s on {processor}, {memory_size}, with {named}.
        A request takes {application:.1f} ms of a core for the application and {database:.1f} ms for PostgreSQL: a
        core of PostgreSQL is enough for {feeds:.0f} cores of the application. A connection takes
        {connection:.0f} MB of PostgreSQL's memory (PSS).
    """
    return textwrap.fill(" ".join(text.split()), WIDTH)


def measure_all(made, folder, postgres, rounds, seconds):
    """Measure a project; return the paragraphs for the page."""
    interface = made.answers["interface"]
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Redis(folder))
        settings = {"REDIS_URL": redis.url}
        prepared = Deployment(made, folder / "prepared", postgres.database(), **settings).prepare()
        sessions = folder / "sessions"
        sessions.write_text(prepared.run("shell", "--verbosity", "0", "-c", FILL).stdout, encoding="utf-8")
        session = sessions.read_text(encoding="utf-8").split()[0]
        running = arrangements(stack, folder, prepared, postgres)
        page, files = first_view(running[2].front, session)
        static = sum(files.values())
        style = next(file for file in files if file.endswith(".css"))
        asked = [(name, LIST) for name in running]
        asked += [(2, SITE), ("cached sessions", SITE), (2, style), ("two services", style)]
        measured = {}
        for number in range(1, rounds + 1):
            for name, path in asked:
                one = measure(running[name], postgres, redis, sessions, path, seconds)
                measured.setdefault((name, path), []).append(one)
                where = f"Round {number} of {rounds}, {interface}, {name}, {path}"
                print(f"{where}: {one.rate:.0f} requests/s", flush=True)
        found = {key: median(of) for key, of in measured.items()}
        held = {name: running[name].deployment.connections(postgres) for name in (2, "PgBouncer")}
        connection = statistics.median(megabytes for pid in held[2] for megabytes in memory(pid))
        return [
            sentences(prepared.project, postgres, found[2, LIST], connection, rounds, seconds),
            limits_table(found),
            steps_table(found, style, connections=list(map(len, held.values())), view=[page + static, page]),
        ]


def write(interface, paragraphs, page=PAGE):
    results.write(*paragraphs, page=page, name=f"results of {interface}")


def main(rounds=3, seconds=4):
    measured = {}
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        for interface in QUESTIONS["interface"]:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scaling-")))
            # nginx and PgBouncer run as another user, which needs access.
            folder.chmod(0o755)
            answers = {"interface": interface, "python_version": RUNNING_PYTHON}
            print(f"Making the project for {interface}", flush=True)
            made = generate(folder / "made", answers, lent=environment_of(answers))
            measured[interface] = measure_all(made, folder, postgres, rounds, seconds)
    for interface, paragraphs in measured.items():
        write(interface, paragraphs)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
