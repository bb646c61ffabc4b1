"""The virtualenv of the project and its packages: what `pipenv install --dev` does, and what uv does faster."""

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from template_code import pipfile
from template_code.files import write
from template_code.processes import Killed, StepFailed
from template_code.state import PYTHON, VIRTUALENV, State, venv_python
from template_code.versions import Package, requirements, with_dependencies

# The virtualenv holds this file until it has all packages.
INCOMPLETE = VIRTUALENV / "incomplete"
REJECTED = ".venv-rejected-"


def install(state: State) -> str:
    """Create the virtualenv and install the packages; return how many, and which versions.

    Raises StepFailed. A virtualenv that was not finished is rejected, so that the next run starts from none.
    """
    if INCOMPLETE.exists():
        reject_virtualenv()
    tables = pipfile.configure(state, sys.executable, PYTHON)
    is_new = not VIRTUALENV.exists()
    if not is_new and tables and pipfile.is_locked(tables):
        return "already installed"
    lock = pipfile.write_tested_lock(state, tables)
    try:
        python = state.python
        lock = lock or pipfile.write_tested_lock(state, pipfile.configure(state, python))
        pipenv = state.own_pipenv or private_pipenv(state)
        if is_new:
            make_virtualenv(state, pipenv)
            lock = lock or pipfile.write_tested_lock(state, pipfile.configure(state, PYTHON))
        if is_new and lock and state.uv and install_locked(state, pipenv):
            # Django takes a while to start, and Pipenv to find that nothing is missing.
            state.manager.start()
        which = install_with_pipenv(state, pipenv, lock)
    except BaseException:
        # Windows does not rename the folder of a program that runs.
        state.manager.close()
        if is_new and VIRTUALENV.exists():
            reject_virtualenv()
        raise
    INCOMPLETE.unlink(missing_ok=True)
    return f"{len(pipfile.locked_packages())} packages, {which}"


def make_virtualenv(state: State, pipenv: list[str]) -> None:
    """Create a virtualenv, marked as incomplete."""
    state.runner.run(*pipenv, "--python", state.python)
    INCOMPLETE.touch()


def reject_virtualenv() -> None:
    """Rename the virtualenv, which is quick; `remove_rejected_virtualenvs` deletes it at the end."""
    VIRTUALENV.replace(tempfile.mkdtemp(prefix=REJECTED, dir="."))


def remove_rejected_virtualenvs() -> None:
    """Delete the virtualenvs that were rejected."""
    for folder in Path().glob(f"{REJECTED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def install_locked(state: State, pipenv: list[str]) -> bool:
    """Install what Pipfile.lock says with uv; if it fails, return False and leave an empty virtualenv."""
    try:
        install_pinned(state, PYTHON, pipfile.locked_packages())
        return True
    except StepFailed:
        # Pipenv would take half a package for a whole one.
        reject_virtualenv()
        make_virtualenv(state, pipenv)
        return False


def install_with_pipenv(state: State, pipenv: list[str], lock: Optional[str]) -> str:
    """Install what Pipfile.lock says if its text is `lock`, or else what Pipenv resolves; return which it was.

    Pipenv also resolves if one of the tested versions is not on the index.
    """
    install = *pipenv, "install", "--dev"
    try:
        state.runner.run(*install)
        return "as tested" if lock else "as Pipenv resolved them"
    except Killed:
        raise
    except StepFailed:
        if not index_answers(state):
            raise StepFailed("The package index does not answer.") from None
        if not lock:
            raise
    state.manager.close()
    pipfile.LOCK.unlink()
    try:
        state.runner.run(*install)
        return "as Pipenv resolved them, because a tested version is not available here"
    except BaseException:
        write(pipfile.LOCK, lock)
        raise


def index_answers(state: State) -> bool:
    """Return whether the index that pip is configured to use offers a package."""
    with contextlib.suppress(StepFailed):
        options = ["--dry-run", "--ignore-installed", "--no-deps", "--retries", "0"]
        state.runner.run(PYTHON, "-m", "pip", "install", *options, "sqlparse")
        return True
    return False


def private_pipenv(state: State) -> list[str]:
    """Return the command that starts a Pipenv in a temporary virtualenv; raise StepFailed if it cannot be made."""
    assert state.temporary
    folder = state.temporary / "pipenv"
    python = venv_python(folder)
    try:
        uv_venv = [state.uv, "venv", "--no-config", "--python", state.python] if state.uv else None
        state.runner.run(*(uv_venv or [state.python, "-m", "venv"]), str(folder))
        try:
            install_pinned(state, python, with_dependencies({"pipenv"}, state.versions))
        except StepFailed:
            pip_install(state, python, "pipenv")
    except StepFailed:
        raise StepFailed("There is no Pipenv for this Python here, and none could be installed.") from None
    return [python, "-m", "pipenv"]


def pip_install(state: State, python: str, *arguments: str) -> None:
    """Run `pip install` with these arguments for a virtualenv, or the faster uv if there is one."""
    uv = [state.uv, "pip", "install", "--no-config", "--python", python] if state.uv else None
    state.runner.run(*(uv or [python, "-m", "pip", "install"]), *arguments)


def install_pinned(state: State, python: str, packages: Mapping[str, Package]) -> None:
    """Install exactly these packages into a virtualenv, and check their hashes."""
    assert state.temporary
    path = state.temporary / "requirements.txt"
    path.write_text(requirements(packages), encoding="utf-8")
    pip_install(state, python, "--no-deps", "--require-hashes", "-r", str(path))


def by_hand(state: State) -> list[str]:
    """Return the commands that install the packages: with the user's Pipenv, or with a temporary one."""
    prefix = f"{'PIPENV_IGNORE_VIRTUALENVS=1 ' if 'VIRTUAL_ENV' in os.environ else ''}PIPENV_VENV_IN_PROJECT=1"
    python = python_by_hand(state)
    if state.own_pipenv:
        return [f"{prefix} {shlex.join(state.own_pipenv)} install --dev --python {python}"]
    folder = ".venv-of-pipenv"
    return [
        f"{python} -m venv {folder}",
        f"{folder}/bin/python -m pip install pipenv",
        f"{prefix} {folder}/bin/python -m pipenv install --dev --python {python}",
        f"rm -r {folder}",
    ]


def python_by_hand(state: State) -> str:
    """Return the wanted Python as the user types it: its name if that is the one which was found, or else its path."""
    python = f"python{state.python_version}"
    with contextlib.suppress(StepFailed):
        # The virtualenv in which Cookiecutter runs may be gone by then.
        found = os.path.realpath(state.python)
        if os.path.realpath(shutil.which(python) or "") != found:
            return shlex.quote(found)
    return python
