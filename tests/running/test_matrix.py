"""Serve projects with every pair of answers.

Not all combinations are tested: each pair of answers to two questions occurs in at least one project, so each answer
is tested on every Python of this machine. The answers come from cookiecutter.json, so new ones are included. Some of
them are set up by the hooks, the others get their packages from the cache. A table of the projects is printed at the
end.
"""

import json
import shutil
import subprocess
import sys
import time

import pytest

from template_code.questions import QUESTIONS, ROOT
from tests.support.client import Client, heard, socket
from tests.support.machine import DJANGO, PRESENT, PYTHON_VERSIONS, clean_environment
from tests.support.packages import environment_of
from tests.support.production import INTERFACES, Deployment
from tests.support.rendering import VALUES, all_pairs, given, name_of

pytestmark = pytest.mark.matrix

# The Pythons that this machine lacks, or the newest one if it has all.
ABSENT = [version for version in PYTHON_VERSIONS if version not in PRESENT] or PYTHON_VERSIONS[-1:]
TASKS = QUESTIONS["background_tasks"]
# What the dependencies depend on.
SETS = all_pairs({"interface": INTERFACES, "python_version": PRESENT, "background_tasks": TASKS})
ENDS = [
    answers
    for answers in SETS
    if (answers["python_version"], answers["interface"]) in [(PRESENT[0], "WSGI"), (PRESENT[-1], "ASGI")]
]
# The stage counts as one more question.
ROWS = all_pairs({**VALUES, "python_version": PRESENT, "stage": ["development", "production"]})
CHECKS = ["spectacular --file schema.yml", "check --fail-level WARNING"]
SILENT = "System check identified no issues (0 silenced)."


@pytest.fixture(params=SETS, ids=name_of)
def project(request, set_up):
    return set_up(**request.param)


@pytest.fixture(params=ENDS, ids=name_of)
def end(request, set_up):
    """The project on the oldest or the newest Python."""
    return set_up(**request.param)


def test_it_has_its_python_and_its_django(project):
    script = "import sys, django; print('%d.%d' % sys.version_info[:2], django.get_version())"
    python, django = project.call("python", "-c", script).stdout.split()
    assert python == project.answers["python_version"]
    assert django.startswith(f"{DJANGO[python]}.")
    assert json.loads((project.path / "Pipfile.lock").read_text())["_meta"]["requires"] == {"python_version": python}


def test_the_tested_versions_are_compatible(project):
    assert " packages, as tested\n" in project.output
    project.call("python", "-m", "pip", "check")


def test_its_tests_pass_without_warnings(end, postgres):
    for environment in {}, {"DATABASE_URL": postgres.database()}:
        done = end.call("python", "-W", "error", "manage.py", "test", env=environment)
        assert "\nOK\n" in done.stderr


def test_the_checks_are_silent(end, postgres, tmp_path):
    deployment = Deployment(end, tmp_path, postgres.database(), CELERY_BROKER_URL="redis://127.0.0.1")
    # Two warnings about HSTS are silenced.
    assert deployment.run("check", "--deploy", "--fail-level", "WARNING").stdout.strip() == SILENT.replace("0", "2")
    assert "No changes detected" in end.run("makemigrations", "--check").stdout
    end.call("pipenv", "run", "lint")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['python_version']}-{row['interface']}-{row['stage']}")
def test_every_pair_of_answers_is_served(bake, postgres, mail_server, tmp_path, record_property, row):
    answers = given(row)
    stage = answers.pop("stage")
    packages = environment_of(answers)
    started = time.monotonic()
    project = bake(**answers)
    project.venv.symlink_to(packages, target_is_directory=True)
    shutil.copyfile(project.path / ".env.example", project.path / ".env")
    if stage == "production":
        project.run_all("makemigrations users", "makemigrations")
        deployment = Deployment(project, tmp_path, postgres.database(), EMAIL_URL=mail_server.url)
        deployment.project.run_all("collectstatic --noinput", "migrate", *CHECKS, env=deployment.environment)
        running = deployment.serve()
    else:
        project.run_all("makemigrations users", "makemigrations", "migrate", *CHECKS)
        running = project.serve()
    with running as server:
        is_served(server, answers, https=stage == "production")
    seconds = time.monotonic() - started
    django = DJANGO[answers["python_version"]]
    told = ", ".join(f"{question}={value}" for question, value in answers.items() if question != "python_version")
    record_property("combination", f"{seconds:5.1f} s  {answers['python_version']}, Django {django}, {stage}, {told}")


def is_served(server, answers, https):
    login = "ADA@example.com" if answers["login"] == "email" else "ada"
    ada = Client(server, https).sign_up("ada", login)
    ada.sign_out()
    assert "Sign out" in ada.sign_in(login).text
    assert "was created" in ada.submit("/items/add/", name="Compass").text
    ada.api("POST", "/api/v1/items/", 201, name="Sextant")
    assert ada.names() == ["Sextant", "Compass"]
    assert len(ada.api("GET", "/api/v1/items/")["results"]) == 2
    for path in ("/api/docs/", "/api/schema/", "/accounts/email/", "/readyz"):
        assert ada.get(path).status_code == 200, path
    if answers["background_tasks"] == "Celery":
        export = ada.api("POST", "/api/v1/exports/", 201)["id"]
        assert "Sextant" in ada.get(f"/api/v1/exports/{export}/file/").text
    if answers["interface"] == "ASGI":
        with socket(ada) as connection:
            number = ada.api("POST", "/api/v1/items/", 201, name="Chart")["id"]
            assert heard(connection) == {"event": "saved", "id": number}


@pytest.mark.parametrize("version", ABSENT)
def test_every_package_has_a_wheel_for_a_missing_python(tmp_path, version):
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", f"--python-version={version}.20"]
    pins = ROOT / "template_code" / "versions" / f"{version}.txt"
    command = [sys.executable, "-m", "pip", "download", *options, f"--dest={tmp_path}", "--requirement", pins]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob(f"django-{DJANGO[version]}.*.whl"))
    assert list(tmp_path.glob(f"psycopg2_binary-*-cp{version.replace('.', '')}-*.whl"))
