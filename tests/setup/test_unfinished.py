"""The set-up on a machine without the chosen Python: it ends within seconds and prints how to finish it."""

import json
import os
import stat
import subprocess
import sys

import pytest

from tests.support.hooks import path_of_tools, remaining_commands
from tests.support.machine import PYTHON_VERSIONS, RUNNING_PYTHON, clean_environment, free_port
from tests.support.packages import OFFLINE, locked, pins
from tests.support.project import Project, cookiecutter_command, secret_key

MISSING = next(version for version in reversed(PYTHON_VERSIONS) if version != RUNNING_PYTHON)
ANSWERS = {"interface": "WSGI", "python_version": MISSING}
FOREIGN = {"DJANGO_SETTINGS_MODULE": "other.settings", "PIPENV_PIPFILE": "/nowhere/Pipfile", "DEBUG": "False"}
MANAGE = ".venv/bin/python manage.py"


class Unfinished:
    """A set-up with only these tools on PATH; `done` is Cookiecutter's CompletedProcess."""

    def __init__(self, folder, *tools, answers=ANSWERS, **environment):
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        path = path_of_tools(folder / "bin", *tools).partition(os.pathsep)[0]
        index = f"http://127.0.0.1:{free_port()}/simple"
        own = {
            "PATH": path,
            "PIP_INDEX_URL": index,
            **OFFLINE,
            "PYENV_ROOT": folder / "pyenv",
            "TMPDIR": self.temporary,
            **environment,
        }
        command = cookiecutter_command(folder / "made", answers, "--no-input", "--overwrite-if-exists")
        self.done = subprocess.run(command, env=clean_environment(**own), capture_output=True, text=True)
        self.project = Project(folder / "made" / "my_project", answers, self.done.stdout)
        self.commands = remaining_commands(self.done.stdout).splitlines()


def program(path, command):
    """Create a program that runs this command; return its path."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    return Unfinished(tmp_path_factory.mktemp("unfinished"), "pipenv", SETUP_OUTPUT="json", **FOREIGN)


def test_the_project_stays_and_the_commands_that_finish_it_are_printed(unfinished):
    assert unfinished.done.returncode == 0
    sentence = f"There is no Python {MISSING} on this machine: install it."
    log = unfinished.project.path / "setup.log"
    assert f"\n{sentence} All output is in {log}.\n\nNot finished:\n" in unfinished.done.stdout
    assert unfinished.commands == [
        f"  cd {unfinished.project.path}",
        "  unset DEBUG DJANGO_SETTINGS_MODULE PIPENV_PIPFILE",
        f"  PIPENV_VENV_IN_PROJECT=1 pipenv install --dev --python python{MISSING}",
        f"  {MANAGE} makemigrations users",
        f"  {MANAGE} makemigrations",
        f"  {MANAGE} migrate",
        f"  {MANAGE} spectacular --file schema.yml",
        f"  {MANAGE} check",
    ]


def test_the_end_of_the_log_is_shown(unfinished):
    shown = [line[4:] for line in unfinished.done.stdout.splitlines() if line.startswith("  | ")]
    assert any("version_info" in line for line in shown)
    assert set(shown) <= set((unfinished.project.path / "setup.log").read_text().splitlines())


def test_the_last_line_has_the_result_as_json(unfinished):
    result = json.loads(unfinished.done.stdout.splitlines()[-1])
    assert (result["state"], result["project"]) == ("not finished", str(unfinished.project.path))
    assert [step["state"] for step in result["steps"]] == ["done", "failed", *["not run"] * 5]
    assert [f"  {command}" for command in result["remaining"]] == unfinished.commands


def test_only_its_owner_can_read_env(unfinished):
    assert stat.S_IMODE((unfinished.project.path / ".env").stat().st_mode) == 0o600
    assert len(secret_key(unfinished.project)) >= 50


def test_the_lock_has_the_tested_versions(unfinished):
    shipped, packages = pins(MISSING), locked(unfinished.project)
    # The last two are dependencies of Django.
    assert {"django", "ruff", "asgiref", "sqlparse"} <= packages.keys()
    for name, package in packages.items():
        assert package["version"] == str(shipped[name].specifier)
        assert package["hashes"]
    unfinished.project.call("pipenv", "verify")


def test_nothing_is_left_in_the_temporary_folder_of_an_unfinished_set_up(unfinished):
    assert list(unfinished.temporary.iterdir()) == []


def test_an_existing_env_is_kept(tmp_path):
    env = tmp_path / "made" / "my_project" / ".env"
    env.parent.mkdir(parents=True)
    env.write_text("SECRET_KEY=own\n")
    unfinished = Unfinished(tmp_path, "pipenv")
    assert " s  kept\n" in unfinished.done.stdout
    assert env.read_text() == "SECRET_KEY=own\n"


def test_a_pipenv_that_only_the_running_python_has_is_found(tmp_path):
    assert f" {sys.executable} -m pipenv install --dev --python " in Unfinished(tmp_path).commands[1]


def test_of_two_pipenvs_the_one_that_works_is_used(tmp_path):
    program(tmp_path / "broken" / "pipenv", "exit 1")
    unfinished = Unfinished(tmp_path, PATH=tmp_path / "broken")
    assert f" {sys.executable} -m pipenv install --dev --python " in unfinished.commands[1]


def test_a_python_that_only_pyenv_has_is_found(tmp_path):
    # This stub of a Python does nothing but print its version.
    python = program(tmp_path / "pyenv" / "versions" / f"{MISSING}.1" / "bin" / "python", f"echo {MISSING}")
    unfinished = Unfinished(tmp_path, "pipenv")
    assert "There is no Python" not in unfinished.done.stdout
    assert unfinished.commands[1].endswith(f" pipenv install --dev --python {python}")
    # The log has Pipenv's error message.
    assert (unfinished.project.path / "setup.log").read_text().partition("$ pipenv --python ")[2].count("\n") > 2


@pytest.mark.skipif(RUNNING_PYTHON == "3.9", reason="the running Python is the oldest one")
def test_a_pipenv_that_does_not_support_the_chosen_python_is_not_used(tmp_path):
    python = program(tmp_path / "pyenv" / "versions" / "3.9.1" / "bin" / "python", "echo 3.9")
    unfinished = Unfinished(tmp_path, "pipenv", answers={**ANSWERS, "python_version": "3.9"})
    sentence = "There is no Pipenv for this Python here, and none could be installed."
    assert f"\n{sentence} All output is in " in unfinished.done.stdout
    assert unfinished.commands[1:5] == [
        f"  {python} -m venv .venv-of-pipenv",
        "  .venv-of-pipenv/bin/python -m pip install pipenv",
        f"  PIPENV_VENV_IN_PROJECT=1 .venv-of-pipenv/bin/python -m pipenv install --dev --python {python}",
        "  rm -r .venv-of-pipenv",
    ]
