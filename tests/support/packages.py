"""The packages of a project: the pinned versions, the lock, and virtual environments with these packages."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from filelock import FileLock
from packaging.requirements import Requirement

from template_code.questions import ROOT
from template_code.versions import known_versions, parse, with_dependencies
from template_code.versions import requirements as as_requirements
from tests.support.changes import git
from tests.support.machine import clean_environment, python_of
from tests.support.rendering import render
from tools.prepare import install_pinned

if sys.version_info >= (3, 11):
    import tomllib
else:
    # pytest depends on it.
    import tomli as tomllib

ENVIRONMENTS = ROOT / ".cache" / "environments"
# Makes pip ignore the machine's configuration and not retry.
OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
INDEXES = """
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI
print(PyPI.simple_url)
options = create_command("install").parser.get_default_values()
print(options.index_url, options.cert or "", sep="\\n")
"""


def indexes(project):
    """Return pip's default index, and the index and the certificates of this machine's configuration."""
    return project.call("python", "-c", INDEXES).stdout.splitlines()


def pins(python_version):
    """Return name -> Requirement of the tested packages for a Python."""
    text = (ROOT / "template_code" / "versions" / f"{python_version}.txt").read_text(encoding="utf-8")
    found = [Requirement(line) for line in re.findall(r"^([a-z].*?) \\$", text, re.MULTILINE)]
    return {pin.name: pin for pin in found}


def lock(project):
    return json.loads((project.path / "Pipfile.lock").read_text(encoding="utf-8"))


def locked(project):
    """Return name -> entry in the lock, for all packages."""
    return {name: package for section in ("default", "develop") for name, package in lock(project)[section].items()}


def requirements(pipfile, shipped, *more):
    """Return the pinned packages of this Pipfile, and of its tables `more`, in pip's requirements format."""
    tables = tomllib.loads(pipfile)
    wanted = {name for table in ("packages", "dev-packages", *more) for name in tables[table]}
    return as_requirements(with_dependencies(wanted, shipped))


def environment_of(answers, *more):
    """Return a virtual environment with the packages of a project, created once and kept in this clone's cache."""
    text = requirements(render("Pipfile", **answers), known_versions(answers["python_version"]), *more)
    return environment_with(answers, text)


def environment_of_release(commit, answers, pipfile):
    """Return a virtual environment for a project with this Pipfile that an older commit of the template generated."""
    wanted = f"versions/{answers['python_version']}.txt"
    files = git(ROOT, "ls-tree", "-r", "--name-only", commit).splitlines()
    (file,) = (file for file in files if file == wanted or file.endswith(f"/{wanted}"))
    return environment_with(answers, requirements(pipfile, parse(git(ROOT, "show", f"{commit}:{file}"))))


def environment_with(answers, text):
    """Return a virtual environment with these pinned packages, created once and kept in this clone's cache."""
    python = python_of(answers["python_version"])
    key = hashlib.sha256(f"{python}\n{text}".encode()).hexdigest()[:12]
    folder = ENVIRONMENTS / f"{answers['python_version']}-{answers['interface']}-{key}"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        file = folder / "requirements.txt"
        if not file.exists():
            shutil.rmtree(folder, ignore_errors=True)
            # Pipenv creates it in the same way.
            virtualenv = [sys.executable, "-m", "virtualenv", "--quiet", "--python", python, folder]
            subprocess.run(virtualenv, check=True, env=clean_environment())
            file.with_suffix(".new").write_text(text, encoding="utf-8")
            install_pinned(folder / "bin" / "python", file.with_suffix(".new"), clean_environment(), "--no-deps")
            file.with_suffix(".new").replace(file)
    return folder
