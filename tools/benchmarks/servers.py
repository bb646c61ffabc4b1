"""Measure the servers, into README.md: `.venv/bin/python -m tools.benchmarks.servers [ROUNDS [SECONDS]]`.

Bare is `startproject` with the same model, page and endpoint, as bare/ has them, on the same PostgreSQL,
which wants a password, and the same server. All servers are up at once and asked in turn.
"""

import json
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from template_code.questions import ROOT
from tests.support import machine
from tests.support.postgres import running_postgres
from tests.support.production import Deployment
from tests.support.project import Project, generate
from tools.benchmarks import lists, results

HERE = ROOT / "tools" / "benchmarks"
FILL = (HERE / "fill.py").read_text()
WORKERS = 2
# server -> interface, and its command without the application
SERVERS = {
    "gunicorn": ("WSGI", f"gunicorn --bind 127.0.0.1:{{port}} --workers {WORKERS}"),
    "Uvicorn": ("ASGI", f"uvicorn --port {{port}} --workers {WORKERS} --no-access-log"),
    "Daphne, one process": ("ASGI", "daphne --verbosity 0 --port {port}"),
}
LIST = ("GET", "/api/v1/items/")
REQUESTS = [("GET", "/livez"), ("GET", "/items/"), LIST, ("POST", "/api/v1/items/")]
CONNECTIONS = 16
MANY_CONNECTIONS = 256


def bare_project(folder, generated):
    """Return what `startproject` makes, with the app of bare/ and the page of the generated project."""
    folder.mkdir()
    project = Project(folder, {}).borrow(generated)
    project.call("django-admin", "startproject", "bare", ".")
    shutil.copytree(HERE / "bare" / "items", folder / "items")
    shutil.copy(HERE / "bare" / "urls.py", folder / "bare")
    with (folder / "bare" / "settings.py").open("a") as settings:
        settings.write((HERE / "bare" / "settings.py").read_text())
    templates = folder / "items" / "templates"
    (templates / "items").mkdir(parents=True)
    shutil.copy(generated.path / "items" / "templates" / "items" / "item_list.html", templates / "items")
    shutil.copy(generated.path / "my_project" / "templates" / "base.html", templates)
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    project.run("makemigrations", "items", env={"DATABASE": json.dumps(sqlite)})
    return project


def bare_environment(postgres, **settings):
    """Return the environment of the bare project, with a new database; `settings` are those of Django for it."""
    url = urlsplit(postgres.database())
    keys = {"NAME": url.path[1:], "USER": url.username, "PASSWORD": url.password, "HOST": url.hostname}
    database = {"ENGINE": "django.db.backends.postgresql", **keys, "PORT": url.port, **settings}
    return {"DATABASE": json.dumps(database)}


def version(project, package):
    script = f"from importlib.metadata import version; print(version('{package}'))"
    return project.call("python", "-c", script).stdout.strip()


def start(stack, folder, postgres, interface):
    """Start the servers of an interface; return the generated project, and (server, project) -> Server, sessions."""
    print(f"Making the projects for {interface}", flush=True)
    made = generate(folder / interface, {"interface": interface})
    extra = ["gunicorn", "uvicorn[standard]"]
    made.call("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *extra)
    ours = Deployment(made, folder / f"ours-{interface}", postgres.database()).prepare()
    bare = bare_project(folder / f"bare-{interface}", made)
    projects = {
        "ours": (ours.project, "my_project", ours.environment),
        "bare": (bare, "bare", bare_environment(postgres)),
    }
    if interface == "WSGI":
        projects["bare, persistent connections"] = (bare, "bare", bare_environment(postgres, CONN_MAX_AGE=60))
    servers = {}
    for name, (project, package, environment) in projects.items():
        project.run("migrate", env=environment)
        sessions = folder / f"sessions-{interface}-{name}"
        sessions.write_text(project.run("shell", "--verbosity", "0", "-c", FILL, env=environment).stdout)
        for server, (kind, command) in SERVERS.items():
            if kind == interface:
                words = f"{command} {package}.{kind.lower()}:application".split()
                running = stack.enter_context(project.serve(*words, env=environment))
                # To wrk, a page that only leads to the sign-in would be no error.
                for _, path in REQUESTS:
                    lists.get(running, path, sessions.read_text().split()[0])
                servers[server, name] = running, sessions
    return made, dict(sorted(servers.items()))


def ask(running, method, path, seconds, connections=CONNECTIONS):
    """Return requests a second, the 99th percentile in milliseconds, and what wrk says of errors, if anything."""
    server, sessions = running
    wrk = machine.program("wrk")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
    command += ["-s", HERE / "load.lua", server.url + path]
    environment = machine.clean_environment(SESSIONS=sessions, METHOD=method)
    said = subprocess.check_output(list(map(str, command)), env=environment, text=True)
    number, unit = re.search(r"99% +([\d.]+)(us|ms|s)", said).groups()
    milliseconds = float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    rate = float(re.search(r"Requests/sec: +([\d.]+)", said)[1])
    return rate, milliseconds, "; ".join(re.findall("(?:Non-2xx|Socket errors).*", said))


def memory(process):
    """Return the megabytes of each process below this one that has none below it, with its part of what is shared."""
    below = " ".join(file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children")).split()
    if below:
        return [megabytes for child in below for megabytes in memory(child)]
    # Uvicorn has one beside its workers.
    if "resource_tracker" in Path(f"/proc/{process}/cmdline").read_text():
        return []
    return [int(re.search(r"Pss: +(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text())[1]) / 1024]


def speeds_table(asked, medians):
    rows = []
    for (server, name, method, path), rounds in asked.items():
        rates, slow, errors = zip(*rounds)
        rate = medians[server, name, method, path]
        row = [f"`{method} {path}`", server, name, f"{rate:.0f}", f"{min(rates):.0f} to {max(rates):.0f}"]
        row += [f"{statistics.median(slow):.0f}", f"{rate / medians[server, 'bare', method, path]:.2f}"]
        rows.append([*row, "; ".join(filter(None, errors)) or "none"])
    head = ["Request", "Server", "Project", "Requests/s:", "Slowest to fastest:", "99 % within, ms:", "Ratio to bare:"]
    return results.table([*head, "Errors"], rows)


def lists_table(pages):
    few, many = lists.COUNTS
    rows = [(page, f"{of[few]:.1f}", f"{of[many]:.1f}", f"{of[many] / of[few]:.2f}") for page, of in pages.items()]
    return results.table(["Page", f"{few:,} items, ms:", f"{many:,} items, ms:", "Ratio:"], rows)


def ask_in_rounds(servers, rounds, seconds):
    """Ask each server for each request in turn; return server, project, method, path -> results of the rounds."""
    asked = {}
    for number in range(1, rounds + 1):
        for method, path in REQUESTS:
            for (server, name), running in servers.items():
                result = ask(running, method, path, seconds)
                asked.setdefault((server, name, method, path), []).append(result)
                where = f"Round {number} of {rounds}, {method} {path}, {server}, {name}"
                print(f"{where}: {result[0]:.0f} requests/s, {result[2] or 'no errors'}", flush=True)
    return asked


def ask_with_many_connections(servers, seconds):
    """Return a row of the results for our list on each server."""
    rows = []
    for server in SERVERS:
        rate, slow, errors = ask(servers[server, "ours"], *LIST, seconds, MANY_CONNECTIONS)
        said = f"{rate:.0f} requests/s, {errors or 'no errors'}"
        print(f"{MANY_CONNECTIONS} connections, {LIST[1]}, {server}, ours: {said}", flush=True)
        rows.append((server, f"{rate:.0f}", f"{slow:.0f}", errors or "none"))
    return rows


def versions(wsgi, asgi, postgres):
    """Return the versions of what was measured, as a text."""
    found = {
        "Python": platform.python_version(),
        "Django": version(wsgi, "django"),
        "PostgreSQL": postgres.sql("SHOW server_version"),
        "gunicorn": version(wsgi, "gunicorn"),
        "Uvicorn": version(asgi, "uvicorn"),
        "Daphne": version(asgi, "daphne"),
    }
    return ", ".join(f"{name} {number}" for name, number in found.items())


def main(rounds=5, seconds=4):
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(running_postgres())
        wsgi, servers = start(stack, folder, postgres, "WSGI")
        asgi, more = start(stack, folder, postgres, "ASGI")
        servers.update(more)
        asked = ask_in_rounds(servers, rounds, seconds)
        memories = [
            (server, name, f"{statistics.median(memory(running.process.pid)):.0f}")
            for (server, name), (running, _) in servers.items()
        ]
        crowded = ask_with_many_connections(servers, seconds)
        pages = lists.measure(wsgi, folder, postgres, FILL)
        conditions = [
            *results.machine(),
            ("Versions", versions(wsgi, asgi, postgres)),
            ("Rounds", f"{rounds}, of {seconds} s for each request, server and project"),
        ]
    medians = {key: statistics.median(rate for rate, _, _ in of) for key, of in asked.items()}
    ratio = medians[("Uvicorn", "ours", *LIST)] / medians[("gunicorn", "ours", *LIST)]
    results.write(
        results.table(["Measured", "on or with"], conditions),
        f"### Requests a second, {CONNECTIONS} connections",
        speeds_table(asked, medians),
        f"For our item list Uvicorn answers {ratio:.2f} times as many requests a second as gunicorn.",
        f"### Our item list, {MANY_CONNECTIONS} connections",
        results.table(["Server", "Requests/s:", "99 % within, ms:", "Errors"], crowded),
        "### Memory of a worker process, after the load",
        results.table(["Server", "Project", "MB:"], memories),
        "### A page of our lists, by how many items the user has",
        lists_table(pages),
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
