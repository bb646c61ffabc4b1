"""What the tests use of the machine: the environment, ports, Pythons, and programs that make has installed."""

import atexit
import functools
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from template_code.questions import ROOT
from tools import prepare

DJANGO = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_django"]
PYTHON_VERSIONS = list(DJANGO)
RUNNING_PYTHON = "%d.%d" % sys.version_info[:2]
KEPT = {"HOME", "LOGNAME", "TMPDIR", "USER", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"}
if os.name == "nt":
    # Programs do not start without some of them, and find no folder of the user without the others.
    KEPT |= {"APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "WINDIR"}
KEPT |= {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

# Tools that create a project. Each test says which ones its user has.
TOOLS = ("cookiecutter", "pipenv", "uv")
# The set-up uses it where it finds it.
HIDDEN = (*TOOLS, "pre-commit")


@functools.cache
def without_tools(path):
    """Return this PATH without the programs of these tests and without those of HIDDEN in other folders."""
    folders = []
    for folder in path.split(os.pathsep):
        if folder == str(Path(sys.executable).parent):
            continue
        if any(Path(folder, tool).exists() for tool in HIDDEN):
            programs = [program for program in Path(folder).iterdir() if program.name not in HIDDEN]
            folder = tempfile.mkdtemp(prefix="programs-")
            atexit.register(shutil.rmtree, folder)
            os.chmod(folder, 0o755)
            for program in programs:
                Path(folder, program.name).symlink_to(program)
        folders.append(folder)
    return os.pathsep.join(folders)


def kept_environment():
    """Return the variables that each user gets from this machine."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("PIP_")}
    return {**kept, "LANG": "C.UTF-8"}


def clean_environment(**extra):
    """Return the environment of a user without an active virtual environment or settings of another Django project."""
    # To compile all modules takes longer than to unpack them, and Python compiles those that it imports.
    kept = {**kept_environment(), "PATH": without_tools(os.environ["PATH"]), "PIP_NO_COMPILE": "1"}
    return {**kept, **{name: str(value) for name, value in extra.items()}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.cache
def python_of(version):
    """Return the path of the Python of a version such as "3.12", from PATH or else from pyenv, or None."""
    candidates = [os.path.realpath(sys.executable), shutil.which(f"python{version}", path=clean_environment()["PATH"])]
    for folder in (os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")):
        candidates += sorted(glob.glob(f"{folder}/versions/{version}.*/bin/python"), reverse=True) if folder else []
    for candidate in filter(None, candidates):
        # pyenv has a shim for every version, but a shim works only for the selected versions.
        script = "import os, sys; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"
        answer = subprocess.run([candidate, "-c", script], capture_output=True, encoding="utf-8")
        found, _, path = answer.stdout.strip().partition(" ")
        if found == version:
            return path
    return None


PRESENT = [version for version in PYTHON_VERSIONS if python_of(version)]


def pythons_of_other_djangos():
    """Return the newest installed Python of each Django, without the Django of the running Python."""
    found = {DJANGO[version]: version for version in PRESENT}
    return [version for django, version in found.items() if django != DJANGO.get(RUNNING_PYTHON)]


def program(name):
    """Return the path of a program that make installs; fail the test if it is missing."""
    path = prepare.find(name)
    if not path:
        package = prepare.PACKAGES.get(name, name)
        pytest.fail(f"{name} is missing; install it: sudo apt-get install --yes {package}", pytrace=False)
    return path
