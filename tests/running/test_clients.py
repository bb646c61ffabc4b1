"""Clients that other programs generate from schema.yml, and linters of this file."""

import os
import shutil
import subprocess
import sys

import pytest

from template_code.questions import ROOT
from tests.support.client import PASSWORD, Client
from tests.support.machine import clean_environment, program
from tests.support.user import virtualenv

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="openapi-python-client needs Python 3.11"),
]

NODE = ["@redocly/cli@1.34.15", "@stoplight/spectral-cli@6.16.3"]
NODE += ["openapi-fetch@0.17.0", "openapi-typescript@7.13.0", "typescript@5.9.3"]
PYTHON = ["openapi-python-client==0.29.1", "mypy==2.4.1"]
TSC = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]


def call(*words, folder, programs):
    """Run a command with these programs on PATH; return its output."""
    certificates = {name: value for name, value in os.environ.items() if name == "NODE_EXTRA_CA_CERTS"}
    environment = clean_environment(**certificates)
    environment["PATH"] = os.pathsep.join([str(programs), environment["PATH"]])
    # The machine's proxy must not be used for the test server.
    environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1"
    command = [shutil.which(words[0], path=environment["PATH"]) or words[0], *map(str, words[1:])]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The folder with the packages that npm has installed."""
    folder = tmp_path_factory.mktemp("node")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    call(program("npm"), "install", *options, *NODE, folder=folder, programs=folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The program folder of a virtual environment with openapi-python-client."""
    return virtualenv(tmp_path_factory.mktemp("python") / "venv", sys.executable, *PYTHON)


@pytest.fixture(scope="module")
def project(installed, tmp_path_factory):
    return installed("ASGI").copy(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def server(project):
    with project.serve() as server:
        Client(server).sign_up("ada")
        yield server


def test_redocly_and_spectral_find_no_error(project, node):
    programs = node / "node_modules" / ".bin"
    told = call("redocly", "lint", "schema.yml", folder=project.path, programs=programs)
    assert "Your API description is valid" in told
    (node / "rules.yaml").write_text('extends: ["spectral:oas"]')
    words = ["lint", "--ruleset", node / "rules.yaml", "--fail-severity", "error", "schema.yml"]
    assert "(0 errors, " in call("spectral", *words, folder=project.path, programs=programs)


def test_a_python_client_signs_in_and_creates_lists_updates_and_deletes_items(project, server, python, tmp_path):
    # Disable the generator's hooks: newer versions of ruff change the code so that mypy rejects it.
    (tmp_path / "config.yaml").write_text("post_hooks: []")
    made = ["--path", project.path / "schema.yml", "--meta", "none", "--output-path", "made", "--fail-on-warning"]
    call("openapi-python-client", "generate", *made, "--config", "config.yaml", folder=tmp_path, programs=python)
    shutil.copy(ROOT / "tests" / "support" / "generated_client.py", tmp_path)
    call("mypy", "--strict", "made", "generated_client.py", folder=tmp_path, programs=python)
    said = call("python", "generated_client.py", server.url, "ada", PASSWORD, folder=tmp_path, programs=python)
    assert said == "done\n"


def test_a_typescript_client_signs_in_and_creates_lists_updates_and_deletes_items(project, server, node):
    programs = node / "node_modules" / ".bin"
    call("openapi-typescript", project.path / "schema.yml", "--output", "made.d.ts", folder=node, programs=programs)
    shutil.copy(ROOT / "tests" / "support" / "generated_client.ts", node)
    call("tsc", *TSC, "generated_client.ts", folder=node, programs=programs)
    said = call(program("node"), "generated_client.js", server.url, "ada", PASSWORD, folder=node, programs=programs)
    assert said == "done\n"
