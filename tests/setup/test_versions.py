"""The versions that the template ships: a project gets exactly these, whichever tool installs them."""

import doctest
import http.server
import json
import re
import sys
import threading
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from packaging.requirements import Requirement
from pip._internal.models.index import PyPI

from template_code.pipfile import PACKAGES
from template_code.questions import ROOT
from tests.support.hooks import path_of_tools
from tests.support.machine import PYTHON_VERSIONS, RUNNING_PYTHON
from tests.support.packages import indexes, lock, locked, pins
from tests.support.production import INTERFACES
from tests.support.project import generate
from tests.support.user import tracked, virtualenv
from tools import versions

try:
    import tomllib
except ImportError:
    import tomli as tomllib

# Packages that a new virtualenv has.
SEEDS = {"pip", "setuptools", "wheel"}
# Files that say which tool installed a package, and files that depend on the installation.
TOOLS_OWN = {"INSTALLER", "RECORD", "REQUESTED"}
LIST_INSTALLED = """
import importlib.metadata, json, re
found = {package.metadata["Name"]: package.version for package in importlib.metadata.distributions()}
print(json.dumps({re.sub("[._]", "-", name).lower(): version for name, version in found.items()}))
"""


def site_packages(project):
    """Return path -> bytes of the installed packages' files, and the names of their programs."""
    (folder,) = (project.venv / "lib").glob("python*/site-packages")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name not in TOOLS_OWN
    }
    return files, {path.name for path in (project.venv / "bin").iterdir()} - {"__pycache__"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A project that was generated with Pipenv on PATH but without uv."""
    folder = tmp_path_factory.mktemp("plain")
    path = path_of_tools(folder / "bin", "pipenv")
    return generate(folder / "made", {"interface": "WSGI"}, {"PATH": path})


def test_the_doctests_of_the_versions_command():
    assert doctest.testmod(versions) == (0, 2)


@pytest.mark.parametrize("python_version", PYTHON_VERSIONS)
@pytest.mark.parametrize("interface", INTERFACES)
def test_each_package_of_the_pipfile_has_a_version_that_it_allows(rendered, interface, python_version):
    project = rendered(interface=interface, python_version=python_version)
    pipfile = tomllib.loads((project.path / "Pipfile").read_text())
    shipped = pins(python_version)
    for package in (package for table in PACKAGES for package in pipfile[table].items()):
        wanted = Requirement(versions.requirement(*package))
        (exactly,) = shipped[wanted.name].specifier
        assert exactly.operator == "=="
        assert exactly.version in wanted.specifier


def test_the_pipfile_names_pips_default_index_before_anything_is_set_up(rendered, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.com/simple")
    project = rendered.make(no_input=True)
    (source,) = tomllib.loads((project.path / "Pipfile").read_text())["source"]
    assert source == {"name": "pypi", "url": PyPI.simple_url, "verify_ssl": True}


@pytest.mark.parametrize("python_version", PYTHON_VERSIONS)
def test_the_versions_name_no_index(python_version):
    assert "://" not in (ROOT / "template_code" / "versions" / f"{python_version}.txt").read_text()


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_project_is_locked_to_the_tested_versions(installed, interface):
    shipped = pins(RUNNING_PYTHON)
    text = (ROOT / "template_code" / "versions" / f"{RUNNING_PYTHON}.txt").read_text()
    for name, package in locked(installed(interface)).items():
        assert package["version"] == str(shipped[name].specifier)
        block = re.search(rf"^{name}==.*?(?=\n\S|\Z)", text, re.MULTILINE | re.DOTALL)[0]
        assert package["hashes"] == re.findall("--hash=(.*?)(?: |$)", block, re.MULTILINE)


@pytest.mark.parametrize("interface", INTERFACES)
def test_only_the_locked_packages_are_installed(set_up, interface):
    project = set_up(interface)
    present = json.loads(project.call("python", "-c", LIST_INSTALLED).stdout)
    shipped = pins(RUNNING_PYTHON)
    here = {name for name in locked(project) if not shipped[name].marker or shipped[name].marker.evaluate()}
    assert present.keys() - SEEDS == here - SEEDS
    assert {name: f"=={present[name]}" for name in here} == {name: locked(project)[name]["version"] for name in here}
    project.call("python", "-m", "pip", "check")


@pytest.mark.matrix
@pytest.mark.parametrize(("interface", "python_version"), [("ASGI", RUNNING_PYTHON), ("WSGI", "3.9")])
def test_an_older_and_a_newer_pipenv_agree_with_the_lock(installed, tmp_path, older_pipenv, interface, python_version):
    project = installed(interface, python_version).copy(tmp_path)
    before = (project.path / "Pipfile.lock").read_bytes()
    for pipenv in older_pipenv, "pipenv":
        project.call(pipenv, "verify")
        # The newer Pipenv no longer installs packages on Python 3.9.
        if python_version != "3.9" or pipenv == older_pipenv:
            project.call(pipenv, "install", "--deploy", "--dev")
    assert (project.path / "Pipfile.lock").read_bytes() == before


@pytest.mark.matrix
def test_pipenv_installs_the_packages_of_telemetry_where_they_are_wanted(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    before = lock(project)
    project.venv.unlink()
    virtualenv(project.venv, sys.executable, "pip")
    project.call("pipenv", "install", "--deploy", "--categories", "telemetry")
    present = json.loads(project.call("python", "-c", LIST_INSTALLED).stdout)
    wanted = {name: package["version"] for name, package in before["telemetry"].items()}
    assert wanted == {name: f"=={present[name]}" for name in present.keys() - SEEDS}
    assert "opentelemetry-sdk" in present
    assert lock(project) == before


def test_the_same_answers_make_the_same_bytes(set_up, installed):
    files = tracked(set_up("WSGI"))
    assert {"Pipfile", "Pipfile.lock", "items/migrations/0001_initial.py", "schema.yml"} <= files.keys()
    assert files == tracked(installed("WSGI"))


@pytest.mark.matrix
def test_uv_and_pipenv_alone_install_the_same_files(set_up, plain):
    quick = set_up("WSGI")
    assert re.search(r"^\$ \S+/uv pip install", (quick.path / "setup.log").read_text(), re.MULTILINE)
    assert "uv pip install" not in (plain.path / "setup.log").read_text()
    assert tracked(quick) == tracked(plain)
    files, programs = site_packages(quick)
    assert "django/__init__.py" in files
    assert (files, programs) == site_packages(plain)


RESOLVED = "as Pipenv resolved them, because a tested version is not available here\n"


class PoorIndex(http.server.BaseHTTPRequestHandler):
    """An index with everything that the machine's index has, except one file name."""

    def do_GET(self):
        address = f"{self.server.target}{self.path.removeprefix('/simple')}"
        page = requests.get(address, headers={"Accept": "text/html"}, timeout=60, verify=self.server.certificates)
        links = re.findall(r"<a .*?</a>", page.text, re.DOTALL)
        kept = [link for link in links if self.server.lacks not in link]
        kept = [re.sub('href="(.*?)"', lambda found: f'href="{urljoin(page.url, found[1])}"', link) for link in kept]
        body = "\n".join(kept).encode()
        self.send_response(page.status_code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.mark.matrix
def test_if_a_tested_version_is_not_available_pipenv_resolves_the_versions(installed, tmp_path):
    shipped = str(pins(RUNNING_PYTHON)["whitenoise"].specifier).removeprefix("==")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PoorIndex)
    _, index, certificates = indexes(installed("WSGI"))
    server.target = index.rstrip("/")
    server.certificates = certificates or True
    server.lacks = f"whitenoise-{shipped}"
    threading.Thread(target=server.serve_forever).start()
    try:
        environment = {
            "PATH": path_of_tools(tmp_path / "bin", "pipenv", "uv"),
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
            "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple",
            "PIP_NO_CACHE_DIR": "1",
            "UV_CACHE_DIR": str(tmp_path / "cache"),
        }
        project = generate(tmp_path / "made", {"interface": "WSGI"}, environment)
    finally:
        server.shutdown()
        server.server_close()
    assert RESOLVED in project.output
    assert "\nReady: " in project.output
    assert locked(project)["whitenoise"]["version"] != f"=={shipped}"
    assert locked(project)["whitenoise"]["hashes"]
    project.call("pipenv", "verify")
    assert "127.0.0.1" not in Path(project.path, "Pipfile.lock").read_text()
