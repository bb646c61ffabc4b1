"""How the set-up runs programs: in a clean environment, with their output in a log, and none outlives it."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Optional

# What would make the project's own commands use another project's settings or packages.
MISLEADING = {
    "DJANGO_SETTINGS_MODULE", "PIPENV_CUSTOM_VENV_NAME", "PIPENV_DOTENV_LOCATION", "PIPENV_PIPFILE", "PIPENV_PYTHON",
    "PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT", "PIP_TARGET", "PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH",
}  # fmt: skip
FOREIGN = re.compile(
    "PIPENV_(?!CACHE_DIR|PYPI_MIRROR|TIMEOUT)|PYTHON|UV_(PREFIX|PYTHON|SYSTEM|TARGET)|VIRTUAL_ENV$"
    "|GIT_(DIR|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|WORK_TREE)$"
)
END_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StepFailed(Exception):
    """A step of the set-up failed; the text is a sentence that says why."""


class Killed(StepFailed):
    """A signal ended a program: somebody sent it, or the machine was short of memory."""


def misleading_variables(environment_file: Path) -> set[str]:
    """Return the names of the variables that would mislead the project's commands.

    These are MISLEADING, and the settings of the project, which `environment_file` declares.
    """
    settings = re.findall(r'\bVariable\(\s*"([A-Z_]+)"', environment_file.read_text(encoding="utf-8"))
    return {*MISLEADING, *settings, *(f"{name}_FILE" for name in settings)}


def clean_environment(misleading: set[str]) -> dict[str, str]:
    """Return the environment in which programs run: the user's, without what belongs to other projects."""
    kept = {name: value for name, value in os.environ.items() if name not in misleading and not FOREIGN.match(name)}
    return {
        **kept,
        "NO_COLOR": "1",
        "PIPENV_DONT_USE_PYENV": "1",
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "PIPENV_NOSPIN": "1",
        "PIPENV_NO_INHERIT": "1",
        "PIPENV_PIPFILE": str(Path("Pipfile").resolve()),
        "PIPENV_VENV_IN_PROJECT": "1",
        "PIP_USER": "0",
    }


def kill(process: "subprocess.Popen[str]") -> None:
    """End a process with all that it started, if it still runs."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def wait_for(process: "subprocess.Popen[str]") -> None:
    """Wait until a process ends; raise StepFailed, or Killed, unless its exit code is 0."""
    assert isinstance(process.args, tuple)
    program = f"`{shlex.join(process.args[:4])}`"
    if process.wait() < 0:
        raise Killed(f"{program} was killed by signal {-process.returncode}.")
    if process.returncode:
        raise StepFailed(f"{program} failed.")


class Runner:
    """Runs programs in an environment, and appends what they print to a log."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.environment = dict(environment)
        self.log = log
        self.started: list[subprocess.Popen[str]] = []

    def start(
        self, *command: str, stdin: int = subprocess.DEVNULL, stdout: Optional[int] = None
    ) -> "subprocess.Popen[str]":
        """Start a command in a process group of its own; its output goes to the log, or to `stdout`."""
        with open(self.log if os.access(self.log, os.W_OK) else os.devnull, "ab", buffering=0) as log:
            words = ["..." if "\n" in word else word for word in command]
            with contextlib.suppress(OSError):
                log.write(f"\n$ {shlex.join(words)}\n".encode())
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=stdin,
                stdout=stdout or log,
                stderr=log,
                start_new_session=True,
                encoding="utf-8",
                errors="replace",
            )
            self.started.append(process)
            return process

    def run(self, *command: str) -> None:
        """Run a command; raise StepFailed unless it succeeds."""
        self._run(*command)

    def output(self, *command: str) -> str:
        """Run a command; return what it printed, or raise StepFailed unless it succeeds."""
        return self._run(*command, stdout=subprocess.PIPE)

    def _run(self, *command: str, stdout: Optional[int] = None) -> str:
        try:
            process = self.start(*command, stdout=stdout)
        except OSError as error:
            raise StepFailed(f"{command[0]} cannot be started: {error.strerror}.") from error
        with process:
            try:
                printed = process.stdout.read() if process.stdout else ""
                wait_for(process)
                return printed
            finally:
                kill(process)

    def interrupt(self, *_: object) -> NoReturn:
        """End all programs at once: Cookiecutter waits only a quarter of a second after Ctrl-C."""
        for number in END_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for process in self.started:
            kill(process)
        raise KeyboardInterrupt


# Runs each command of manage.py that it reads; prints an empty line when the command is done.
RUN_COMMANDS = """
import os, sys
from importlib import invalidate_caches
import django
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
done, sys.stdout = sys.stdout, sys.stderr
django.setup()
for line in sys.stdin:
    invalidate_caches()
    execute_from_command_line(["manage.py", *line.split()])
    print(file=done, flush=True)
"""


class Manager:
    """Runs commands of manage.py in one process, because Django takes a while to start."""

    def __init__(self, runner: Runner, python: str, settings: str) -> None:
        self.runner = runner
        self.command = (python, "-c", RUN_COMMANDS, settings)
        self.process: Optional[subprocess.Popen[str]] = None

    def start(self) -> "subprocess.Popen[str]":
        """Start the process, unless it runs, and return it; Django is ready soon after."""
        if not self.process:
            self.process = self.runner.start(*self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self.process

    def run(self, *arguments: str) -> str:
        """Run a command; return what it printed, or raise StepFailed unless it succeeds."""
        process = self.start()
        assert process.stdin
        assert process.stdout
        before = self.runner.log.stat().st_size
        with contextlib.suppress(BrokenPipeError):
            print(*arguments, file=process.stdin, flush=True)
        if not process.stdout.readline():
            with contextlib.suppress(StepFailed):
                wait_for(process)
            raise StepFailed(f"`manage.py {arguments[0]}` failed.")
        return self.runner.log.read_bytes()[before:].decode(errors="replace")

    def close(self) -> None:
        """End the process, if it was started."""
        if self.process:
            # Closing the pipe writes what the process did not read.
            with contextlib.suppress(BrokenPipeError), self.process:
                kill(self.process)
            self.process = None
