"""Each interface on each Python: generated, installed, migrated, tested and served for real."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from demo import ROOT
from tests.client import Client, heard, socket
from tests.machine import DJANGO, PYTHON_VERSIONS, clean_environment, python_of
from tests.production import INTERFACES, Deployment
from tests.project import generate

pytestmark = pytest.mark.matrix

PRESENT = [version for version in PYTHON_VERSIONS if python_of(version)]
# Those that cannot be tried; where all can, the newest once more.
ABSENT = [version for version in PYTHON_VERSIONS if version not in PRESENT] or PYTHON_VERSIONS[-1:]
EACH = [(version, interface) for version in PRESENT for interface in INTERFACES]
SILENT = "System check identified no issues (0 silenced)."


@pytest.fixture(scope="module", params=EACH, ids="-".join)
def project(request, installed):
    version, interface = request.param
    return installed(interface, version)


def test_it_has_its_python_and_its_django(project):
    script = "import sys, django; print('%d.%d' % sys.version_info[:2], django.get_version())"
    python, django = project.call("python", "-c", script).stdout.split()
    assert python == project.answers["python_version"]
    assert django.startswith(f"{DJANGO[python]}.")
    assert json.loads((project.path / "Pipfile.lock").read_text())["_meta"]["requires"] == {"python_version": python}


def test_the_tested_versions_fit_together(project):
    assert " packages, as tested\n" in project.output
    project.call("python", "-m", "pip", "check")


def test_its_tests_pass_and_warn_of_nothing(project, postgres):
    for environment in {}, {"DATABASE_URL": postgres.database()}:
        done = project.call("python", "-W", "error", "manage.py", "test", env=environment)
        assert "\nOK\n" in done.stderr


def test_the_checks_are_silent(project, postgres, tmp_path):
    assert project.run("check", "--fail-level", "WARNING").stdout.strip() == SILENT
    deployment = Deployment(project, tmp_path, postgres.database())
    assert deployment.run("check", "--deploy", "--fail-level", "WARNING").stdout.strip() == SILENT
    assert "No changes detected" in project.run("makemigrations", "--check").stdout
    project.call("pipenv", "run", "lint")


def test_it_is_served_from_postgresql(project, postgres, mail_server, tmp_path):
    deployment = Deployment(project, tmp_path, postgres.database(), EMAIL_URL=mail_server.url).prepare()
    with deployment.serve() as server:
        ada = Client(server, https=True).sign_up("ada")
        assert "was created" in ada.submit("/items/add/", name="Compass").text
        ada.api("POST", "/api/v1/items/", 201, name="Sextant")
        assert ada.names() == ["Sextant", "Compass"]
        for path in ("/api/docs/", "/api/schema/", "/admin/login/", "/readyz"):
            assert ada.get(path).status_code == 200, path
        (style,) = re.findall(r'href="(/static/style\.[0-9a-f]+\.css)"', ada.get("/").text)
        assert "color-scheme" in ada.get(style).text
        if project.answers["interface"] == "ASGI":
            with socket(ada) as connection:
                number = ada.api("POST", "/api/v1/items/", 201, name="Chart")["id"]
                assert heard(connection) == {"event": "saved", "id": number}
        mail_server.messages.clear()
        ada.sign_out()
        ada.submit("/accounts/password_reset/", email="ada@example.com")
        (message,) = mail_server.messages
        (link,) = re.findall(r"https://127\.0\.0\.1:\d+(/\S+)", message.get_content())
        assert "Sign out" not in ada.get(link).text
        ada.submit(link, new_password1="a different horse", new_password2="a different horse")
        assert "Sign out" in ada.sign_in("ada", "a different horse").text


@pytest.mark.parametrize("version", PRESENT)
def test_users_who_sign_in_with_their_address_work_too(installed, postgres, tmp_path, version):
    answers = {"interface": "WSGI", "python_version": version, "login": "email"}
    project = generate(tmp_path / "made", answers, {"SKIP_SETUP": "1"}).borrow(installed("WSGI", version))
    shutil.copyfile(project.path / ".env.example", project.path / ".env")
    environment = {"DATABASE_URL": postgres.database()}
    project.run("makemigrations", "users", env=environment)
    project.run("makemigrations", env=environment)
    project.run("migrate", env=environment)
    project.run("spectacular", "--file", "schema.yml", env=environment)
    project.call("python", "-W", "error", "manage.py", "test", env=environment)
    with project.serve(env=environment) as server:
        ada = Client(server).sign_up("ada")
        ada.sign_out()
        assert "Sign out" in ada.sign_in("ADA@example.com").text


@pytest.mark.parametrize("version", ABSENT)
def test_every_package_has_a_wheel_for_a_python_that_is_not_here(tmp_path, version):
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", f"--python-version={version}.20"]
    pins = ROOT / "versions" / f"{version}.txt"
    command = [sys.executable, "-m", "pip", "download", *options, f"--dest={tmp_path}", "--requirement", pins]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob(f"django-{DJANGO[version]}.*.whl"))
    assert list(tmp_path.glob(f"psycopg2_binary-*-cp{version.replace('.', '')}-*.whl"))
