import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import venv

import playwright.sync_api
import pytest

from demo import ROOT, problem_with
from tests import machine
from tests.browser import Visitor
from tests.mail import running_mail_server
from tests.postgres import running_postgres
from tests.project import Project, generate
from tests.rendering import Renderer, run_cookiecutter

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_report_header():
    found = {version: machine.python_of(version) for version in machine.PYTHON_VERSIONS}
    present = ", ".join(f"{version} ({path})" for version, path in found.items() if path)
    absent = ", ".join(version for version, path in found.items() if not path)
    return [f"Pythons present: {present}", f"Pythons absent, so not tested: {absent or 'none'}"]


@pytest.fixture
def bake(cookies, monkeypatch, tmp_path_factory):
    """Generate a project: `bake(interface="WSGI").path`.

    Its hooks sort the files and install nothing; with `setup=True` they do all that they do for a user.
    """

    def bake(setup=False, **answers):
        problem = problem_with(answers)
        if problem:
            raise ValueError(problem)
        if setup:
            return generate(tmp_path_factory.mktemp("setup") / "made", answers)
        with monkeypatch.context() as patch:
            patch.setenv("SKIP_SETUP", "1")
            result = cookies.bake(extra_context=answers, template=str(ROOT))
        if result.exception:
            raise AssertionError(f"{answers} exited {result.exit_code}") from result.exception
        return Project(result.project_path, result.context)

    return bake


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
    folder = tmp_path_factory.mktemp("oldest")
    subprocess.run([python, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    environment = machine.clean_environment()
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "cookiecutter==2.6.0"]
    subprocess.run(command, check=True, env=environment)
    return python


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
def installed(tmp_path_factory):
    """Give the project of an interface and a Python, really installed once: `installed("WSGI", "3.12")`.

    Every test shares it, so a test that changes it takes a copy: `installed("ASGI").copy(tmp_path)`.
    """
    made = {}

    def installed(interface="ASGI", python_version=machine.RUNNING_PYTHON):
        answers = {"interface": interface, "python_version": python_version}
        if problem_with(answers):
            raise ValueError(problem_with(answers))
        if not machine.python_of(python_version):
            pytest.skip(f"there is no Python {python_version} on this machine")
        key = interface, python_version
        if key not in made:
            project = generate(tmp_path_factory.mktemp("installed") / "made", answers)
            if "\nReady:" not in project.output:
                raise AssertionError(f"the hooks did not finish\n{project.output}")
            made[key] = project
        return made[key]

    return installed


@pytest.fixture(scope="session")
def older_pipenv(tmp_path_factory):
    """The last Pipenv that works with Python 3.9."""
    folder = tmp_path_factory.mktemp("pipenv")
    venv.create(folder, with_pip=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "pipenv==2025.0.4"]
    subprocess.run(command, check=True, env=machine.clean_environment())
    return str(folder / "bin" / "pipenv")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server: `postgres.database()` creates an empty database and returns its DATABASE_URL."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mail_server():
    """A mail server: `url` is its EMAIL_URL, `messages` is what it was given, by all tests."""
    with running_mail_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_port():
    redis = machine.program("redis-server", package="redis-server")
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
        path = find_chromium(session)
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


def find_chromium(session):
    names = ("chromium", "chromium-browser", "google-chrome")
    if machine.is_debian():
        return machine.program(*names, package="chromium")
    own = session.chromium.executable_path
    if not os.path.exists(own):
        own = next(filter(None, map(shutil.which, names)), own)
    if not os.path.exists(own):
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if not os.path.exists(own):
        command = ".venv/bin/playwright install --with-deps chromium"
        pytest.fail(f"Chromium is missing; install it: `{command}`.", pytrace=False)
    return own
