"""A generated project, and what a developer does with it: run its commands, start its server."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from template_code.questions import ROOT
from tests.support.changes import PERSON
from tests.support.machine import clean_environment, free_port, python_of

START_LIMIT = 60
COVERAGE = ("python", "-W", "error", "-m", "coverage", "run", "manage.py", "test", "-v", "2")

# Runs all commands in one process, as the hooks do, because Django takes a while to start.
RUN_ALL = """
import os, sys
from importlib import invalidate_caches
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
for command in sys.argv[2:]:
    invalidate_caches()
    execute_from_command_line(["manage.py", *command.split()])
"""


class Project:
    """A project; `path` is its folder, `answers` is its Cookiecutter context, `output` is the output of the hooks."""

    def __init__(self, path, answers, output=""):
        self.path = Path(path)
        self.answers = answers
        self.output = output
        self.venv = self.path / ".venv"
        self.python = self.venv / "bin" / "python"

    def __repr__(self):
        return f"<Project {self.path}>"

    def borrow(self, other):
        """Use the virtual environment of another project, which must have the same dependencies."""
        if not other.python.exists():
            raise AssertionError(f"{other} has no virtual environment to lend")
        self.path.mkdir(exist_ok=True)
        self.venv.symlink_to(other.venv.resolve(), target_is_directory=True)
        return self

    @classmethod
    def load(cls, folder):
        """Return the project that another process generated in this folder."""
        (replay,) = Path(f"{folder}.config.replay").glob("*.json")
        answers = json.loads(replay.read_text(encoding="utf-8"))["cookiecutter"]
        output = Path(f"{folder}.output").read_text(encoding="utf-8")
        return cls(Path(folder) / answers["project_slug"], answers, output)

    def copy(self, folder):
        """Return a copy inside `folder` that a test may change; it borrows the virtual environment."""
        path = Path(folder) / self.path.name
        # Temporary files may disappear while they are copied.
        ignored = shutil.ignore_patterns(".venv", ".coverage*", "db.sqlite3-*", "*.pyc.*")
        shutil.copytree(self.path, path, symlinks=True, ignore=ignored)
        return Project(path, self.answers, self.output).borrow(self)

    def environment(self, **extra):
        environment = clean_environment()
        environment["PATH"] = f"{self.venv / 'bin'}{os.pathsep}{environment['PATH']}"
        return {**environment, **{name: str(value) for name, value in extra.items()}}

    def words(self, command):
        if command[0] == "pipenv":
            # Run the tests' own Pipenv as a module: the folder of the tests' programs is not on PATH.
            command = (sys.executable, "-m", *command)
        found = shutil.which(str(command[0]), path=self.environment()["PATH"])
        if not found:
            raise AssertionError(f"{command[0]} is neither in {self.venv} nor on the machine")
        return [found, *map(str, command[1:])]

    def call(self, *command, env=None, check=True, timeout=600, stdin=""):
        """Run a command with the virtual environment active; return the CompletedProcess, its output as text."""
        done = subprocess.run(
            self.words(command),
            cwd=self.path,
            env=self.environment(**(env or {})),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def run(self, *arguments, **options):
        """Run `manage.py` with these arguments; the options are those of `call`."""
        return self.call("python", "manage.py", *arguments, **options)

    def run_all(self, *commands, **options):
        """Run these commands of `manage.py` in one process; each command is one string."""
        return self.call("python", "-c", RUN_ALL, f"{self.answers['project_slug']}.settings", *commands, **options)

    @contextlib.contextmanager
    def serve(self, *command, env=None, ready="/livez", headers=None, port=None):
        """Run a server, by default `manage.py runserver`, until the block ends; yield its Server.

        The command gets its port, by default a free one, as `{port}` in its words and as PORT in its environment.
        The block begins when GET `ready`, with these headers, returns 200.
        """
        port = port or free_port()
        command = command or ("python", "manage.py", "runserver", "--noreload", "127.0.0.1:{port}")
        command = self.words([str(word).replace("{port}", str(port)) for word in command])
        with tempfile.NamedTemporaryFile(prefix="server-", suffix=".log") as log:
            process = subprocess.Popen(
                command,
                cwd=self.path,
                env=self.environment(**{"PORT": port, "PYTHONUNBUFFERED": 1, **(env or {})}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            server = Server(port, process, Path(log.name))
            try:
                server.wait_until_ready(ready, headers or {})
                yield server
            finally:
                server.end()


class Server:
    """A running server; `url` has no trailing slash."""

    def __init__(self, port, process, log):
        self.port = port
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self):
        """Return everything that the server and its children have printed so far."""
        return self._log.read_text(errors="replace", encoding="utf-8")

    def status(self, path, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()

    def wait_until_ready(self, path, headers):
        limit = time.monotonic() + START_LIMIT
        while True:
            status = self.status(path, headers)
            # If the server has exited, the response came from another program on this port.
            ended = self.process.poll()
            if ended is not None:
                raise AssertionError(f"the server exited {ended} before it answered\n{self.log}")
            if status == 200:
                return
            if time.monotonic() > limit:
                raise AssertionError(f"GET {path} still returns {status} after {START_LIMIT} s\n{self.log}")
            time.sleep(0.1)

    def end(self):
        """Stop the server and its children; return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait(15)


def secret_key(project):
    """Return the key in the project's .env."""
    (key,) = re.findall("^SECRET_KEY=(.+)$", (project.path / ".env").read_text(encoding="utf-8"), re.MULTILINE)
    return key


def cookiecutter_command(folder, answers, *options, template=ROOT):
    """Return the command that generates a project in `folder`; Cookiecutter keeps its own files beside the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder.parent / f"{folder.name}.config"
    # JSON is valid YAML.
    config.write_text(
        json.dumps({"cookiecutters_dir": f"{config}.templates", "replay_dir": f"{config}.replay"}), encoding="utf-8"
    )
    command = [
        sys.executable,
        "-m",
        "cookiecutter",
        *options,
        "--config-file",
        config,
        "--output-dir",
        folder,
        template,
    ]
    return [str(word) for word in command] + [f"{name}={value}" for name, value in answers.items()]


def cookiecutter(folder, answers, env=None, options=("--no-input",), timeout=900, wrapper=(), template=ROOT):
    """Run the `cookiecutter` command as a user does; return its CompletedProcess, with both streams in `stdout`.

    The Python of `python_version` comes first on PATH, so that a Python of pyenv is found too. `wrapper` is the
    beginning of the command line, such as `unshare --net`.
    """
    environment = clean_environment(**PERSON)
    wanted = answers.get("python_version")
    if wanted and python_of(wanted):
        environment["PATH"] = f"{Path(python_of(wanted)).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        [*wrapper, *cookiecutter_command(folder, answers, *options, template=template)],
        # Python imports modules from its working directory: here it must not find those of this clone.
        cwd=Path(folder).parent,
        env={**environment, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=timeout,
    )


def generate(folder, answers, env=None, wrapper=(), lent=None, template=ROOT):
    """Run the `cookiecutter` command in `folder`, with hooks; return the Project.

    `lent` is a virtual environment for the project, so that the set-up has nothing to install. The project then has no
    git repository either.
    """
    options = ["--no-input"]
    if lent:
        env = {"SETUP_GIT": "0", **(env or {})}
        path = Path(folder) / answers.get("project_slug", "my_project")
        path.mkdir(parents=True)
        (path / ".venv").symlink_to(lent, target_is_directory=True)
        options.append("--overwrite-if-exists")
    done = cookiecutter(folder, answers, env, options, wrapper=wrapper, template=template)
    if done.returncode != 0:
        raise AssertionError(f"cookiecutter exited {done.returncode}\n{done.stdout}")
    Path(f"{folder}.output").write_text(done.stdout, encoding="utf-8")
    return Project.load(folder)
