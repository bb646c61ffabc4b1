"""Measure how a project starts, beside a bare one: `.venv/bin/python -m tools.benchmarks.start [ROUNDS]`.

Bare is what `startproject` makes, with bare/start/ and the same packages: those of the generated project's apps and
middleware, and their pages. Each project is measured in turn; a line has the medians of the
user CPU time and its ratio to bare, and then the same of the clock.
"""

import http.client
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from template_code.questions import ROOT
from tests.support.machine import free_port
from tests.support.postgres import running_postgres
from tests.support.production import Deployment
from tests.support.project import Project, generate
from tools.benchmarks import results
from tools.benchmarks.servers import bare_environment, memory

BARE = ROOT / "tools" / "benchmarks" / "bare" / "start"
PAGE = "/accounts/login/"
HEADERS = {"Host": "127.0.0.1", "X-Forwarded-Proto": "https"}
TEST = """
from django.contrib.auth import get_user_model
from django.test import TestCase


class NoUserTest(TestCase):
    def test_no_user(self):
        self.assertFalse(get_user_model().objects.exists())
"""
# Prints the apps and middleware that come from packages.
PRINT_PACKAGES = """
import json
from my_project import settings
own = {"my_project", "users", "items", "generator"}
names = "INSTALLED_APPS", "MIDDLEWARE"
print(json.dumps({key: [name for name in getattr(settings, key) if name.split(".")[0] not in own] for key in names}))
"""
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


@dataclass
class Subject:
    """A project with its environment for development, and the same for production with the command of its server."""

    name: str
    project: Project
    development: dict
    deployed: Project
    production: dict
    server: list


def packages(project, environment):
    """Return the settings with the packages of a generated project in this environment."""
    found = json.loads(project.call("python", "-c", PRINT_PACKAGES, env=environment).stdout)
    if WHITENOISE not in found["MIDDLEWARE"]:
        found["MIDDLEWARE"].insert(1, WHITENOISE)
    return found


def bare_project(folder, ours, deployed, postgres, interface):
    """Return the Subject that `startproject` and bare/start/ make."""
    folder.mkdir()
    project = Project(folder, {}).borrow(ours)
    project.call("django-admin", "startproject", "bare", ".")
    shutil.copy(BARE / "urls.py", folder / "bare")
    if interface == "ASGI":
        shutil.copy(BARE / "asgi.py", folder / "bare")
    with (folder / "bare" / "settings.py").open("a") as settings:
        settings.write((BARE / "settings.py").read_text())
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    database = json.loads(bare_environment(postgres.database())["DATABASE"])
    development = {"DEBUG": True, "DATABASES": {"default": sqlite}, **packages(ours, {})}
    production = {"DEBUG": False, "DATABASES": {"default": database}, **packages(*deployed)}
    server = {
        "ASGI": "uvicorn --port {port} --no-access-log --lifespan off bare.asgi:application",
        "WSGI": "gunicorn --bind 127.0.0.1:{port} bare.wsgi",
    }[interface]
    development, production = ({"SETTINGS": json.dumps(settings)} for settings in (development, production))
    return Subject("bare", project, development, project, production, server.split())


def subjects(folder, postgres, interface):
    """Make both projects of an interface; return name -> Subject."""
    made = generate(folder / interface, {"interface": interface})
    made.call("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pytest-django")
    deployment = Deployment(made, folder / f"ours-{interface}", postgres.database(), WEB_CONCURRENCY=1).prepare()
    deployed = deployment.project, deployment.environment
    bare = bare_project(folder / f"bare-{interface}", made, deployed, postgres, interface)
    bare.project.run("migrate", env=bare.production)
    bare.project.run("collectstatic", "--noinput", env=bare.production)
    ours = Subject("my_project", made, {}, *deployed, made.answers["__serve"].split())
    for subject in ours, bare:
        (subject.project.path / "test_nothing.py").write_text(TEST)
    return {"ours": ours, "bare": bare}


def run(subject, *command):
    """Return the seconds of user CPU time, and of the clock, that a command of development takes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.monotonic()
    subject.project.call(*command, env=subject.development)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, time.monotonic() - started


def user_time(pid):
    """Return the seconds of user CPU time of a process, of its children that have ended, and of all below it."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    seconds = (int(words[11]) + int(words[13])) / os.sysconf("SC_CLK_TCK")
    children = " ".join(file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return seconds + sum(map(user_time, children))


def serve(subject):
    """Start the server; return its seconds of user CPU time and of the clock until the page, and a worker's MB."""
    project = subject.deployed
    port = free_port()
    words = project.words([word.replace("{port}", str(port)) for word in subject.server])
    environment = project.environment(**{"PORT": port, **subject.production})
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            words, cwd=project.path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            while status(port) != 200:
                if process.poll() is not None or time.monotonic() - started > 60:
                    log.seek(0)
                    raise AssertionError(log.read())
                time.sleep(0.005)
            return user_time(process.pid), time.monotonic() - started, statistics.median(memory(process.pid))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def status(port):
    """Return the status of the page, or None if no server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", PAGE, headers=HEADERS)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def measure(subject):
    """Return what is measured -> user CPU time and time of the clock, or megabytes."""
    found = {
        "`manage.py check`, s": run(subject, "python", "manage.py", "check"),
        "`manage.py test`, one test, s": run(subject, "python", "manage.py", "test", "test_nothing"),
    }
    command = "python", "-m", "pytest", "-q", f"--ds={subject.name}.settings", "test_nothing.py"
    found["`pytest`, one test, s"] = run(subject, *command)
    user, clock, megabytes = serve(subject)
    found[f"Server until `{PAGE}`, s"] = user, clock
    found["Worker after that page, MB"] = (megabytes,)
    return found


def table(rounds):
    """Return the Markdown table of a measurement."""
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(running_postgres())
        for interface in "ASGI", "WSGI":
            both = subjects(folder, postgres, interface)
            # The first round writes the bytecode.
            measured = [{name: measure(subject) for name, subject in both.items()} for _ in range(rounds + 1)][1:]
            for what in measured[0]["ours"]:
                ours, bare = (
                    [statistics.median(values) for values in zip(*(of[name][what] for of in measured))]
                    for name in ("ours", "bare")
                )
                numbers = [f"{number:.2f}" for pair in zip(ours, bare) for number in (*pair, pair[0] / pair[1])]
                rows.append([interface, what, *numbers, *[""] * (6 - len(numbers))])
                print(f"{interface}  {what:<40}", *(f"{number:>7}" for number in numbers), flush=True)
    head = ["Ours:", "Bare:", "Ratio:"]
    clock = [f"Clock, {name.lower()}" for name in head]
    return results.table(["Interface", "Measured", *head, *clock], rows)


def main(rounds=5):
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {rounds} rounds")
    print(table(rounds))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
