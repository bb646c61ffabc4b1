import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import playwright.sync_api
import pytest
from filelock import FileLock
from jinja2 import Environment

from template_code.questions import ROOT
from tests.support import machine
from tests.support.browser import Visitor
from tests.support.hooks import path_of_tools
from tests.support.mail import received, running_mail_server
from tests.support.packages import environment_of
from tests.support.postgres import running_postgres
from tests.support.production import Deployment
from tests.support.project import Project, generate
from tests.support.rendering import Renderer, check_answers, run_cookiecutter
from tests.support.user import virtualenv

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# Django's test runner runs them in a generated project.
collect_ignore = ["generator"]
# The longest first, so that all processes end at about the same time.
TIERS = ["deployed", "setup", "running", "rendering"]
LONGEST = ["test_releases", "test_suite_of_a_fork", "test_week", "test_text"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    # Many tests wait for the network or for a peer that is silent.
    return os.cpu_count() + 1


def pytest_collection_modifyitems(items):
    tiers = {tier: number for number, tier in enumerate(TIERS)}
    items.sort(key=lambda item: (tiers.get(item.path.parent.name, len(TIERS)), item.path.stem not in LONGEST))


def pytest_report_header():
    found = {version: machine.python_of(version) for version in machine.PYTHON_VERSIONS}
    present = ", ".join(f"{version} ({path})" for version, path in found.items() if path)
    absent = ", ".join(version for version, path in found.items() if not path)
    return [f"Pythons present: {present}", f"Pythons absent, so not tested: {absent or 'none'}"]


def pytest_terminal_summary(terminalreporter):
    reports = terminalreporter.stats.get("passed", [])
    rows = [value for report in reports for name, value in report.user_properties if name == "combination"]
    if rows:
        terminalreporter.section("combinations of answers that were served")
        terminalreporter.write("\n".join([*sorted(rows, key=lambda row: row[8:]), ""]))


@pytest.fixture
def bake(cookies, monkeypatch):
    """Generate a project without installing anything: `bake(interface="WSGI").path`."""

    def bake(**answers):
        check_answers(answers)
        with monkeypatch.context() as patch:
            patch.setenv("SKIP_SETUP", "1")
            result = cookies.bake(extra_context=answers, template=str(ROOT))
        if result.exception:
            raise AssertionError(f"{answers} exited {result.exit_code}") from result.exception
        return Project(result.project_path, result.context)

    return bake


@pytest.fixture(scope="session", autouse=True)
def compiled_once():
    """Let Jinja compile each template once, although Cookiecutter makes a new environment for each project."""
    original, made = Environment.compile, {}

    def compile_once(self, source, *arguments, **options):
        settings = self.trim_blocks, self.lstrip_blocks, *self.extensions, *self.filters
        key = source, arguments, tuple(options.items()), settings
        if key not in made:
            made[key] = original(self, source, *arguments, **options)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """Give the project of these answers, made once for all tests: `rendered(interface="WSGI")`; none may change it."""
    return Renderer(tmp_path_factory.mktemp("rendered"))


@pytest.fixture(scope="session")
def oldest_cookiecutter(tmp_path_factory):
    """The Python of an environment that holds the oldest Cookiecutter and the oldest Python that will do."""
    python = machine.python_of("3.9")
    if not python:
        pytest.skip("there is no Python 3.9 on this machine")
    return virtualenv(tmp_path_factory.mktemp("oldest") / "venv", python, "cookiecutter==2.6.0") / "python"


@pytest.fixture(params=["running", "oldest"])
def refused(request, tmp_path):
    """Give answers, on the command line, that are refused; return what the user is told: `refused(app_name="class")`.

    Each test runs with the Cookiecutter of these tests, and with the oldest one.
    """
    python = sys.executable if request.param == "running" else request.getfixturevalue("oldest_cookiecutter")

    def refused(*options, environment=None, **answers):
        words = [f"{name}={value}" for name, value in answers.items()]
        done = run_cookiecutter(tmp_path, *(options or ["--no-input"]), *words, python=python, **(environment or {}))
        assert done.returncode == 1, f"{answers} made a project\n{done.stdout}{done.stderr}"
        assert list((tmp_path / "made").iterdir()) == [], f"{answers} left something behind"
        return done.stdout + done.stderr

    return refused


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Generate a project once and share it between all processes of a run: `once("name", make)`.

    `make(folder)` generates it in this folder. A set-up that did not finish fails each test that asks for the project.
    """
    base = tmp_path_factory.getbasetemp()
    # With pytest-xdist this is the folder of one process; its parent is the folder of the run.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = {}

    def once(name, make):
        if name not in made:
            folder = base / "shared" / name
            folder.parent.mkdir(exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if not Path(f"{folder}.output").exists():
                    # What an attempt that raised has left.
                    shutil.rmtree(folder, ignore_errors=True)
                    make(folder)
            project = Project.load(folder)
            if "\nReady:" not in project.output:
                raise AssertionError(f"the hooks did not finish\n{project.output}")
            made[name] = project
        return made[name]

    return once


@pytest.fixture(scope="session")
def installed(once):
    """Give the project of an interface, a Python and further answers: `installed("WSGI", "3.12", login="email")`.

    The hooks have set it up in a virtual environment from the cache. All tests share it, so a test that changes it
    takes a copy: `installed("ASGI").copy(tmp_path)`.
    """

    def installed(interface="ASGI", python_version=machine.RUNNING_PYTHON, **answers):
        answers = {"interface": interface, "python_version": python_version, **answers}
        check_answers(answers)
        if not machine.python_of(python_version):
            pytest.skip(f"there is no Python {python_version} on this machine")

        def make(folder):
            generate(folder, answers, lent=environment_of(answers))

        return once("-".join(["installed", *answers.values()]), make)

    return installed


@pytest.fixture(scope="session")
def set_up(once, tmp_path_factory):
    """Give the project that the hooks have really set up, with Pipenv and uv: `set_up("WSGI", "3.12")`."""

    def set_up(interface, python_version=machine.RUNNING_PYTHON, **answers):
        answers = {"interface": interface, "python_version": python_version, **answers}

        def make(folder):
            path = path_of_tools(tmp_path_factory.mktemp("path") / "bin", "pipenv", "uv")
            temporary = Path(f"{folder}.temporary")
            temporary.mkdir(exist_ok=True)
            generate(folder, answers, {"PATH": path, "TMPDIR": temporary})

        return once("-".join(["set-up", *answers.values()]), make)

    return set_up


@pytest.fixture(scope="session")
def older_pipenv(tmp_path_factory):
    """The last Pipenv that works with Python 3.9."""
    folder = tmp_path_factory.mktemp("pipenv") / "venv"
    return str(virtualenv(folder, sys.executable, "pipenv==2025.0.4") / "pipenv")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server: `postgres.database()` creates an empty database and returns its DATABASE_URL."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def deploy(installed, postgres, mail_server, tmp_path_factory):
    """Give a new Deployment that is ready to be served: `deploy("WSGI", LOG_FORMAT="json")`.

    Static files are collected once, and each database is a copy of one that was migrated once.
    """
    prepared = {}

    def deploy(interface, python_version=machine.RUNNING_PYTHON, answers=None, **settings):
        key = interface, python_version, *(answers or {}).items()
        if key not in prepared:
            folder = tmp_path_factory.mktemp("prepared")
            project = installed(interface, python_version, **(answers or {}))
            prepared[key] = Deployment(project, folder, postgres.database()).prepare()
        database = postgres.database(prepared[key].database)
        settings = {"EMAIL_URL": mail_server.url, **settings}
        return Deployment(prepared[key].project, tmp_path_factory.mktemp("deployed"), database, **settings)

    return deploy


@pytest.fixture(scope="session")
def mail_server():
    """A mail server that all tests share: `url` is its EMAIL_URL."""
    with running_mail_server() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def own_mail():
    """Forget the mail of earlier modules, whose users can have the same addresses."""
    received.clear()


@pytest.fixture(scope="session")
def redis_port():
    redis = machine.program("redis-server")
    port = machine.free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, "--logfile", "redis.log"]
        process = subprocess.Popen([redis, *options])
        try:
            limit = time.monotonic() + 20
            while b"+PONG" not in redis_says(port, "PING"):
                assert process.poll() is None, "redis-server exited"
                assert time.monotonic() < limit, "redis-server does not answer"
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def redis_says(port, command):
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(1024)
    return b""


@pytest.fixture
def redis(redis_port):
    """The REDIS_URL of a Redis server that holds nothing."""
    assert redis_says(redis_port, "FLUSHALL") == b"+OK\r\n"
    return f"redis://127.0.0.1:{redis_port}/0"


@pytest.fixture(scope="session")
def launch():
    """Start a headless Chromium with these further options: `with launch("--lang=en") as browser`.

    From then on `asyncio.run` does not work in the tests: use the synchronous clients.
    """
    with playwright.sync_api.sync_playwright() as session:
        path = machine.program("chromium")
        yield lambda *options: session.chromium.launch(executable_path=path, args=[*CHROMIUM_OPTIONS, *options])


@pytest.fixture(scope="session")
def chromium(launch):
    """A headless Chromium; `with chromium.new_context() as context` is a browser with no cookies."""
    with launch() as browser:
        yield browser


@pytest.fixture
def visit(chromium):
    """Give a new Visitor, `visit(url, color_scheme="dark")`, who must meet no problem."""
    with contextlib.ExitStack() as stack:
        visitors = []

        def visit(url, **options):
            visitors.append(Visitor(stack.enter_context(chromium.new_context(**options)), url))
            return visitors[-1]

        yield visit
    assert [visitor.problems for visitor in visitors] == [[]] * len(visitors)
