"""What the steps of a set-up share."""

import contextlib
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from template_code import processes
from template_code.processes import Manager, Runner, StepFailed
from template_code.versions import Package, known_versions

LOG = Path("setup.log")
VIRTUALENV = Path(".venv")


def venv_python(folder: Path) -> str:
    """Return the path of the Python of a virtualenv."""
    return str(Path(folder, "Scripts", "python.exe") if os.name == "nt" else Path(folder, "bin", "python"))


PYTHON = venv_python(VIRTUALENV)


class State:
    """One set-up of the project in the current folder.

    `answers` are Cookiecutter's, `misleading` the names of variables that must not reach the project's commands,
    `uv` is the path of uv, or None if the machine has none.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.python_version: str = answers["python_version"]
        self.misleading = processes.misleading_variables(Path(answers["project_slug"], "environment.py"))
        self.runner = Runner(processes.clean_environment(self.misleading), LOG)
        self.manager = Manager(self.runner, PYTHON, f"{answers['project_slug']}.settings")
        self.uv: Optional[str] = os.environ.get("UV") or shutil.which("uv")
        self.temporary: Optional[Path] = None
        # The commands that create the git repository, if git refused to.
        self.first_commit: list[str] = []

    def make_temporary_folder(self) -> None:
        """Make the folder for the temporary files of all programs, which is removed at the end."""
        self.temporary = Path(tempfile.mkdtemp())
        self.runner.environment["TMPDIR"] = str(self.temporary)

    @functools.cached_property
    def versions(self) -> dict[str, Package]:
        """What the template was tested with on this Python, by name."""
        return known_versions(self.python_version)

    @functools.cached_property
    def python(self) -> str:
        """The Python of the answer: the running one, one on PATH, or one of pyenv's. Raises StepFailed without any."""
        pyenv = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
        found = sorted(map(str, pyenv.glob(f"{self.python_version}.*/bin/python")))
        script = "import sys; print('{}.{}'.format(*sys.version_info))"
        for python in sys.executable, f"python{self.python_version}", *found:
            with contextlib.suppress(StepFailed):
                if self.runner.output(python, "-c", script).strip() == self.python_version:
                    return shutil.which(python) or python
        raise StepFailed(f"There is no Python {self.python_version} on this machine: install it.")

    @functools.cached_property
    def own_pipenv(self) -> Optional[list[str]]:
        """The command that starts the user's Pipenv, or None if there is none that can install for this Python."""
        commands = ["pipenv"], [sys.executable, "-m", "pipenv"]
        return next((command for command in commands if self._pipenv_works(*command)), None)

    def _pipenv_works(self, *command: str) -> bool:
        with contextlib.suppress(StepFailed):
            version = self.runner.output(*command, "--version").split()[-1]
            # Pipenv resolves with the project's Python, and no longer runs on 3.9 since 2026.
            return self.python_version != "3.9" or version < "2026"
        return False
