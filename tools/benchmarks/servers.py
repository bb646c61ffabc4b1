"""Measure the servers, into README.md: `.venv/bin/python -m tools.benchmarks.servers [ROUNDS [SECONDS]]`.

All servers are up at once and asked in turn, each when the one before has come to rest. README.md says what is
measured.
"""

import contextlib
import json
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from template_code.questions import ROOT
from tests.support import machine
from tests.support.load import Service, many_files
from tests.support.packages import environment_of
from tests.support.postgres import running_postgres
from tests.support.production import Deployment
from tests.support.project import Project, generate
from tests.support.proxies import family, nginx
from tools.benchmarks import lists, profiles, results
from tools.benchmarks.crowd import Memory, SlowClients, memory

HERE = ROOT / "tools" / "benchmarks"
FILL = (HERE / "fill.py").read_text()
WORKERS = 2
GUNICORN = f"gunicorn --bind 127.0.0.1:{{port}} --workers {WORKERS}"
UVICORN = f"uvicorn --port {{port}} --workers {WORKERS} --no-access-log"
DAPHNE = "daphne --verbosity 0 --port {port}"
FASTAPI = ["fastapi", "sqlalchemy[asyncio]", "asyncpg", "uvicorn[standard]"]
SLOW_CLIENTS = 100


class Request(NamedTuple):
    """A request, and over how many connections it is sent; `slow` of them are slow clients behind nginx."""

    method: str
    path: str
    connections: int = 16
    slow: int = 0

    def __str__(self):
        text = f"`{self.method} {self.path}`"
        if self.connections != LIST.connections:
            text += f", {self.connections:,} connections"
        return f"{text}, {self.slow} of them slow" if self.slow else text


LIST = Request("GET", "/api/v1/items/")
CROWD = LIST._replace(connections=256)
BEHIND_NGINX = LIST._replace(connections=1000, slow=SLOW_CLIENTS)
POST = LIST._replace(method="POST")
REQUESTS = [Request("GET", "/livez"), Request("GET", "/items/"), LIST, POST, CROWD, BEHIND_NGINX]
ALL = {request for request in REQUESTS if not request.slow}
ONLY_LISTS = {LIST, CROWD}
# What the other projects are compared with, in the order of the columns.
YARDSTICKS = ["limit", "FastAPI", "bare, tuned", "bare, untuned"]


class Running(NamedTuple):
    """A running server; `process` is an id, `requests` are those that it is asked for."""

    url: str
    process: int
    sessions: Path
    database: str
    requests: set


class Answers(NamedTuple):
    """What one measurement found: requests a second, milliseconds, wrk's words, and megabytes if they were watched."""

    rate: float
    slowest: float
    errors: str
    memory: Any = None
    slow: int = 0


def bare_project(folder, generated):
    """Return what `startproject` makes, with the app of bare/ and the frame of the generated project's pages."""
    folder.mkdir()
    project = Project(folder, {}).borrow(generated)
    project.call("django-admin", "startproject", "bare", ".")
    shutil.copytree(HERE / "bare" / "items", folder / "items")
    shutil.copy(HERE / "bare" / "urls.py", folder / "bare")
    with (folder / "bare" / "settings.py").open("a") as settings:
        settings.write((HERE / "bare" / "settings.py").read_text())
    shutil.copy(generated.path / "my_project" / "templates" / "base.html", folder / "items" / "templates")
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    project.run("makemigrations", "items", env={"DATABASE": json.dumps(sqlite)})
    return project


def bare_environment(database, **settings):
    """Return the environment of the bare project for a DATABASE_URL; `settings` are those of Django for it."""
    url = urlsplit(database)
    keys = {"NAME": url.path[1:], "USER": url.username, "PASSWORD": url.password, "HOST": url.hostname}
    return {"DATABASE": json.dumps({"ENGINE": "django.db.backends.postgresql", **keys, "PORT": url.port, **settings})}


def fastapi_project(folder):
    """Return the project of fastapi/, in a virtual environment with the newest packages."""
    shutil.copytree(HERE / "fastapi", folder)
    project = Project(folder, {})
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", project.venv], check=True)
    project.call("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *FASTAPI)
    return project


def version(project, package):
    script = f"from importlib.metadata import version; print(version('{package}'))"
    return project.call("python", "-c", script).stdout.strip()


def first(sessions):
    return sessions.read_text().split()[0]


class Bench:
    """All running servers: `running` is (project, server) -> Running, `loops` is name -> the arguments of a Loop."""

    def __init__(self, stack, folder, postgres):
        self.stack, self.folder, self.postgres = stack, folder, postgres
        self.running = {}
        self.loops = {}
        self.made = {interface: self.generate(interface) for interface in ("WSGI", "ASGI")}
        ours = {interface: self.deploy(interface) for interface in self.made}
        environment = {"DATABASE_URL": ours["WSGI"].database}
        limit = Project(shutil.copytree(HERE / "limit", folder / "limit"), {}).borrow(self.made["WSGI"])
        self.add("limit", "gunicorn", limit, f"{GUNICORN} limit:application", environment, ours["WSGI"].sessions)
        self.fastapi = fastapi_project(folder / "fastapi")
        self.add("FastAPI", "Uvicorn", self.fastapi, f"{UVICORN} service:app", environment, ours["WSGI"].sessions)
        bare = bare_project(folder / "bare", self.made["WSGI"])
        for name, settings in ("bare, tuned", {"CONN_MAX_AGE": 60}), ("bare, untuned", {}):
            database = postgres.database()
            environment = {"DATABASE_URL": database, **bare_environment(database, **settings)}
            bare.run("migrate", env=environment)
            sessions = self.fill(name, bare, environment)
            self.add(name, "gunicorn", bare, f"{GUNICORN} bare.wsgi", environment, sessions, ALL)
            if settings:
                self.loops[name] = (bare, "bare", environment, sessions)
        for interface, server, command in (
            ("WSGI", "gunicorn", "gunicorn"),
            ("ASGI", "Uvicorn", "python -m my_project.server"),
            ("ASGI", "Daphne, one process", f"{DAPHNE} my_project.asgi:application"),
        ):
            one = ours[interface]
            self.add("ours", server, one.project, command, one.environment, one.sessions, ALL)
        for interface, server in ("WSGI", "gunicorn behind nginx"), ("ASGI", "Uvicorn behind nginx"):
            self.add_service(server, ours[interface], folder / f"nginx-{interface}")
        one = ours["WSGI"]
        self.loops["ours"] = (one.project, "my_project", one.environment, one.sessions)
        self.check_items()

    def generate(self, interface):
        print(f"Making the project for {interface}", flush=True)
        answers = {"interface": interface, "python_version": machine.RUNNING_PYTHON}
        return generate(self.folder / interface, answers, lent=environment_of(answers))

    def deploy(self, interface):
        made = self.made[interface]
        folder = self.folder / f"ours-{interface}"
        deployment = Deployment(made, folder, self.postgres.database(), WEB_CONCURRENCY=WORKERS).prepare()
        deployment.sessions = self.fill(f"ours-{interface}", deployment.project, deployment.environment)
        return deployment

    def fill(self, name, project, environment):
        """Make the users and their items; return the file with the keys of their sessions."""
        sessions = self.folder / f"sessions-{name}"
        sessions.write_text(project.run("shell", "--verbosity", "0", "-c", FILL, env=environment).stdout)
        self.postgres.sql("VACUUM ANALYZE", environment["DATABASE_URL"])
        return sessions

    def add(self, name, server, project, command, environment, sessions, requests=frozenset(ONLY_LISTS)):
        options = {"ready": LIST.path, "headers": lists.headers(first(sessions))}
        running = self.stack.enter_context(project.serve(*command.split(), env=environment, **options))
        # To wrk, a page that only leads to the sign-in would be no error.
        for path in {request.path for request in requests}:
            lists.get(running, path, first(sessions))
        process, database = running.process.pid, environment["DATABASE_URL"]
        self.running[name, server] = Running(running.url, process, sessions, database, set(requests))

    def add_service(self, server, deployment, folder):
        folder.mkdir(0o755)
        service = self.stack.enter_context(Service(deployment, folder))
        front = self.stack.enter_context(nginx(deployment, folder, [service.path]))
        process, requests = service.process.pid, {BEHIND_NGINX}
        self.running["ours", server] = Running(front.url, process, deployment.sessions, deployment.database, requests)

    def check_items(self):
        """Exit unless the projects that are written by hand answer with the same items as ours."""
        answers = {}
        for key in ("ours", "gunicorn"), ("limit", "gunicorn"), ("FastAPI", "Uvicorn"):
            running = self.running[key]
            server = urlsplit(running.url)
            answers[key] = json.loads(lists.get(server, LIST.path, first(running.sessions))[0])["results"]
        for key, items in answers.items():
            if items != answers["ours", "gunicorn"] or len(items) != 50:
                sys.exit(f"{key[0]} does not answer with the same items as ours: {items[:1]}, {len(items)} in all.")

    def versions(self):
        """Return the versions of what was measured, as a text."""
        said = subprocess.run([machine.program("nginx"), "-v"], capture_output=True, text=True).stderr
        found = {
            "Python": platform.python_version(),
            "Django": version(self.made["WSGI"], "django"),
            "PostgreSQL": self.postgres.sql("SHOW server_version"),
            "gunicorn": version(self.made["WSGI"], "gunicorn"),
            "Uvicorn": version(self.made["ASGI"], "uvicorn"),
            "Daphne": version(self.made["ASGI"], "daphne"),
            "nginx": said.split("/")[-1].strip(),
            **{name: version(self.fastapi, name.lower()) for name in ("FastAPI", "SQLAlchemy", "asyncpg", "pydantic")},
        }
        return ", ".join(f"{name} {number}" for name, number in found.items())


def parse(said):
    """Return requests a second, the 99th percentile in milliseconds, and the errors of wrk's output."""
    number, unit = re.search(r"99% +([\d.]+)(us|ms|s|m)\b", said).groups()
    milliseconds = float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]
    rate = float(re.search(r"Requests/sec: +([\d.]+)", said)[1])
    return Answers(rate, milliseconds, "; ".join(re.findall("(?:Non-2xx|Socket errors).*", said)))


def wrk(url, method, sessions, seconds, connections):
    """Ask with wrk; return its output."""
    command = [machine.program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
    environment = machine.clean_environment(SESSIONS=sessions, METHOD=method)
    words = [*map(str, command), "-s", str(HERE / "load.lua"), url]
    return subprocess.check_output(words, env=environment, text=True)


def ask(running, method, path, seconds, connections=LIST.connections):
    """Return requests a second, the 99th percentile in milliseconds, and what wrk says of errors, if anything."""
    server, sessions = running
    return parse(wrk(server.url + path, method, sessions, seconds, connections))[:3]


def rest(process):
    """Wait until a server does nothing more: wrk leaves requests behind that it no longer waits for."""
    limit, used = time.monotonic() + 60, None
    while time.monotonic() < limit:
        now = sum(sum(one.cpu_times()[:2]) for one in family(process))
        if used is not None and now - used < 0.02:
            return
        used = now
        time.sleep(0.3)
    sys.exit("A server does not come to rest.")


def measure(running, request, postgres, seconds):
    """Send one request for so many seconds; return the Answers."""
    watched = request.connections > LIST.connections
    with ExitStack() as stack:
        slow = None
        used = stack.enter_context(Memory(running.process)) if watched else None
        if request.slow:
            sessions = running.sessions.read_text().split()[: request.slow]
            port = urlsplit(running.url).port
            slow = stack.enter_context(SlowClients(port, request.path, sessions, seconds))
        connections = request.connections - request.slow
        said = wrk(running.url + request.path, request.method, running.sessions, seconds, connections)
    rest(running.process)
    if request.method == "POST":
        # Otherwise each round would ask for longer lists than the one before.
        postgres.sql("DELETE FROM items_item WHERE name = 'Compass'", running.database)
        postgres.sql("VACUUM ANALYZE items_item", running.database)
    megabytes = (used.before, used.most) if watched else None
    return parse(said)._replace(memory=megabytes, slow=slow.answered if slow else 0)


def measure_in_rounds(bench, rounds, seconds):
    """Ask each server for each request in turn; return (request, project, server) -> Answers of the rounds."""
    found = {}
    for number in range(1, rounds + 1):
        for request in REQUESTS:
            for (project, server), running in bench.running.items():
                if request in running.requests:
                    one = measure(running, request, bench.postgres, seconds)
                    found.setdefault((request, project, server), []).append(one)
                    where = f"Round {number} of {rounds}, {request}, {project}, {server}"
                    print(f"{where}: {one.rate:.0f} requests/s, {one.errors or 'no errors'}", flush=True)
    return found


def rate(of):
    return statistics.median(one.rate for one in of)


def slowest(of):
    return statistics.median(one.slowest for one in of)


def ratio(of, others):
    """Return the median of the ratios in the same round."""
    # On a busy machine, none may be answered in a second.
    return statistics.median(one.rate / max(other.rate, 0.01) for one, other in zip(of, others))


def errors(request, of):
    """Return what a row says of errors, and of slow clients."""
    said = "; ".join(one.errors for one in of if one.errors) or "none"
    if request.slow:
        said += f"; {min(one.slow for one in of)} of {request.slow} slow clients answered"
    return said


def speeds_table(found):
    rows = []
    for (request, project, server), of in found.items():
        rates = [one.rate for one in of]
        row = [request, project, server, f"{rate(of):.0f}", f"{min(rates):.0f} to {max(rates):.0f}"]
        row.append(f"{slowest(of):.0f}")
        for name in YARDSTICKS:
            others = [
                other
                for (asked, other_project, _), other in found.items()
                if (asked, other_project) == (request, name)
            ]
            row.append(f"{ratio(of, others[0]):.2f}" if others else "")
        rows.append([*row, errors(request, of)])
    head = ["Request", "Project", "Server", "Requests/s:", "Slowest to fastest:", "99 % within, ms:"]
    head += [f"Of {'the limit' if name == 'limit' else name}:" for name in YARDSTICKS]
    return results.table([*head, "Errors"], rows)


def crowd_table(found):
    """Return what becomes of our list with many connections."""
    tuned = found[LIST, "bare, tuned", "gunicorn"]
    rows = []
    for server in "gunicorn", "Uvicorn":
        few, many = found[LIST, "ours", server], found[CROWD, "ours", server]
        rows.append((server, f"{slowest(many) / slowest(tuned):.1f}", f"{ratio(many, few):.0%}".replace("%", " %")))
    head = ["Server", f"99 % within, times that of bare, tuned, with {LIST.connections}:"]
    head.append(f"Requests/s, of those with {LIST.connections}:")
    return results.table(head, rows)


def memory_table(found):
    """Return the memory of each server under many connections."""
    rows = []
    for (request, project, server), of in found.items():
        if of[0].memory:
            before, most = zip(*(one.memory for one in of))
            rows.append((request, project, server, f"{before[0]:.0f}", f"{before[-1]:.0f}", f"{max(most):.0f}"))
    head = ["Request", "Project", "Server", "Before the first round, MB:", "Before the last one, MB:", "At most, MB:"]
    return results.table(head, rows)


def lists_table(pages):
    few, many = lists.COUNTS
    rows = [(page, f"{of[few]:.1f}", f"{of[many]:.1f}", f"{of[many] / of[few]:.2f}") for page, of in pages.items()]
    return results.table(["Page", f"{few:,} items, ms:", f"{many:,} items, ms:", "Ratio:"], rows)


def profile_table(bench):
    head = ["Request", "Part", *(f"{name}, {unit}:" for name in bench.loops for unit in ("share", "ms"))]
    return results.table(head, profiles.profile(bench.loops))


def main(rounds=3, seconds=10):
    many_files()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="servers-")))
        # nginx runs as another user, which needs access.
        folder.chmod(0o755)
        postgres = stack.enter_context(running_postgres())
        with contextlib.ExitStack() as servers:
            bench = Bench(servers, folder, postgres)
            found = measure_in_rounds(bench, rounds, seconds)
            memories = [
                (project, server, f"{statistics.median(memory(running.process)):.0f}")
                for (project, server), running in bench.running.items()
            ]
        print("Looking where the time of a request goes", flush=True)
        parts = profile_table(bench)
        pages = lists.measure(bench.made["WSGI"], folder, postgres, FILL)
        conditions = [
            *results.machine(),
            ("Versions", bench.versions()),
            ("Rounds", f"{rounds}, of {seconds} s for each request, server and project"),
        ]
    uvicorn = ratio(found[LIST, "ours", "Uvicorn"], found[LIST, "ours", "gunicorn"])
    results.write(
        results.table(["Measured", "on or with"], conditions),
        f"### Requests a second, {LIST.connections} connections unless said otherwise",
        speeds_table(found),
        f"For our item list Uvicorn answers {uvicorn:.2f} times as many requests a second as gunicorn.",
        f"### Our item list, {CROWD.connections} connections",
        crowd_table(found),
        "### Memory of all workers, under many connections",
        memory_table(found),
        "### Memory of a worker process, after the load",
        results.table(["Project", "Server", "MB:"], memories),
        "### Where the time of a request goes",
        parts,
        "### A page of our lists, by how many items the user has",
        lists_table(pages),
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
