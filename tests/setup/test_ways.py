"""Call Cookiecutter in many ways, with the template from many sources: the project is the same and it runs."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest
import requests

from template_code.questions import QUESTIONS, ROOT
from tests.support.machine import PYTHON_VERSIONS, RUNNING_PYTHON, clean_environment, python_of
from tests.support.production import INTERFACES
from tests.support.project import Project
from tests.support.rendering import OTHER_TEXTS, listing, template_files
from tests.support.user import MAKE, User, copy_template, tracked, virtualenv

pytestmark = pytest.mark.matrix

SKIP_SETUP = {"SKIP_SETUP": 1}
RENDER = f"cookiecutter --no-input {ROOT}"
WITHOUT_HOOKS = f"{RENDER} --accept-hooks no"
OWN_MIGRATION = """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = []
"""
ADD_USER = "from users.models import User; User.objects.create_user('ada')"
COUNT_USERS = "from users.models import User; print(User.objects.count(), 'user')"


@pytest.fixture
def user(tmp_path):
    return User(tmp_path, "cookiecutter", "pipenv", "uv")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A git repository with the template at its root, and once more in the folder `inside/template`."""
    folder = tmp_path_factory.mktemp("git") / "template"
    copy_template(folder)
    copy_template(folder / "inside" / "template")
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    environment = clean_environment(GIT_CONFIG_GLOBAL=os.devnull)
    for command in ["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "--message=All"]:
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    return folder


def made(user, script, env=None):
    """Return the project that a script generates in the folder of the user's work."""
    return Project(user.work / "my_project", {}, user.run(script, env=env))


def made_quickly(user, installed, script):
    """Return the project that a script generates; its packages are already installed."""
    Project(user.work / "my_project", {}).borrow(installed("WSGI"))
    return made(user, f"{script} -f interface=WSGI")


def is_as_tested(project):
    """Return whether the set-up finished with the tested versions of the template."""
    return "as tested\n" in project.output and "\nReady: " in project.output


def test_from_a_relative_path_into_another_folder(user, repository, installed):
    template = os.path.relpath(repository, user.work)
    (user.work / "elsewhere").mkdir()
    output = user.run(f"cookiecutter --no-input -o elsewhere {template} interface=WSGI")
    project = Project(user.work / "elsewhere" / "my_project", {}, output)
    assert is_as_tested(project)
    assert tracked(project) == tracked(installed("WSGI"))
    with user.serve(project) as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


def test_from_a_git_address(user, repository, installed):
    project = made_quickly(user, installed, f"cookiecutter --no-input file://{repository}")
    assert is_as_tested(project)
    assert tracked(project) == tracked(installed("WSGI"))


def test_from_a_folder_of_a_repository(user, repository, installed):
    project = made_quickly(user, installed, f"cookiecutter --no-input --directory inside/template file://{repository}")
    assert is_as_tested(project)
    assert tracked(project) == tracked(installed("WSGI"))


def test_from_a_zip_file(user, repository, installed):
    user.run(f"git archive --prefix=template/ --output={user.home}/template.zip HEAD", repository)
    project = made_quickly(user, installed, f"cookiecutter --no-input {user.home}/template.zip")
    assert is_as_tested(project)
    assert tracked(project) == tracked(installed("WSGI"))


def test_with_prompts_answered_in_a_terminal(user, installed):
    typed = "".join("2\n" if question == "interface" else "\n" for question in QUESTIONS)
    Project(user.work / "my_project", {}).borrow(installed("WSGI"))
    output = user.run_in_terminal(f"cookiecutter -f {ROOT}", typed=typed)
    assert "What do users sign in with?" in output
    assert tracked(Project(user.work / "my_project", {})) == tracked(installed("WSGI"))


def test_replay_repeats_the_last_answers(user, rendered):
    user.run(f"{RENDER} interface=WSGI login=email", env=SKIP_SETUP)
    user.run(f"cookiecutter --replay -o again {ROOT}", env=SKIP_SETUP)
    assert tracked(Project(user.work / "again" / "my_project", {})) == tracked(
        rendered(interface="WSGI", login="email")
    )


def replay_file(user, answers, without=()):
    path = user.home / "answers.json"
    path.write_text(json.dumps({"cookiecutter": {key: answers[key] for key in answers if key not in without}}))
    return path


def test_a_replay_file_repeats_its_answers(user, rendered):
    project = rendered(interface="WSGI", login="email")
    file = replay_file(user, project.answers)
    assert tracked(made(user, f"cookiecutter --replay-file {file} {ROOT}", env=SKIP_SETUP)) == tracked(project)


def test_a_question_that_a_replay_file_lacks_is_asked(user, rendered):
    project = rendered(interface="WSGI", login="email")
    file = replay_file(user, project.answers, without=["login"])
    output = user.run_in_terminal(f"cookiecutter --replay-file {file} {ROOT}", env=SKIP_SETUP, typed="2\n")
    assert "[1/1]" in output
    assert tracked(Project(user.work / "my_project", {})) == tracked(project)


@pytest.fixture
def lived_in(user, installed):
    """A project that its user has changed."""
    project = installed("WSGI").copy(user.work)
    project.run("startapp", "blog")
    (project.path / "items" / "migrations" / "0002_own.py").write_text(OWN_MIGRATION)
    project.run("migrate")
    project.run("shell", "-c", ADD_USER)
    with (project.path / ".env").open("a") as env:
        env.write("LOG_LEVEL=WARNING\n")
    for name in "users/own.py", "items/own.py", "items/static/own.css", "items/templates/items/own.html":
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text("own\n")
    return project


def test_generating_again_keeps_all_files_that_the_template_does_not_own(user, lived_in, rendered):
    own = tracked(lived_in).keys() - tracked(rendered(interface="WSGI")).keys()
    own |= {".env", "db.sqlite3"}
    before = {name: (lived_in.path / name).read_bytes() for name in own}
    assert {"Pipfile.lock", "schema.yml", "blog/models.py", "items/own.py"} <= own
    assert "items/templates/items/own.html" in own

    output = user.run(f"{MAKE} -f")
    assert {name: (lived_in.path / name).read_bytes() for name in own} == before
    assert "1 user" in lived_in.run("shell", "-c", COUNT_USERS).stdout
    assert re.search("^  packages, with pipenv install .* already installed$", output, re.MULTILINE)
    assert "\nReady: " in output
    lived_in.run("migrate", "--check")


def test_generating_again_brings_the_templates_own_files_back(user, lived_in, installed):
    (lived_in.path / "manage.py").write_text("changed\n")
    (lived_in.path / "items" / "views.py").unlink()
    user.run(f"{MAKE} -f")
    assert tracked(lived_in).items() >= tracked(installed("WSGI")).items()


def test_skipping_what_exists_keeps_the_users_changes_to_the_templates_files_too(user, lived_in):
    settings = lived_in.path / lived_in.path.name / "settings.py"
    settings.write_text(f"{settings.read_text()}\nSESSION_COOKIE_AGE = 60\n")
    (lived_in.path / "items" / "views.py").unlink()
    output = user.run(f"{MAKE} -f -s")
    assert settings.read_text().endswith("\nSESSION_COOKIE_AGE = 60\n")
    assert (lived_in.path / "items" / "views.py").exists()
    assert "\nReady: " in output


def test_generating_again_can_go_from_wsgi_to_asgi_and_add_celery(user, rendered):
    before = made(user, MAKE)
    before.run("shell", "-c", ADD_USER)
    project = made(user, f"{MAKE} -f background_tasks=Celery".replace("WSGI", "ASGI"))
    assert "\nReady: " in project.output
    assert listing(rendered(interface="ASGI", background_tasks="Celery")) <= listing(project)
    assert not (project.path / "gunicorn.conf.py").exists()
    assert "1 user" in project.run("shell", "-c", COUNT_USERS).stdout
    assert "No changes detected" in project.run("makemigrations", "--check").stdout
    project.call("pipenv", "verify")
    project.run("test")
    with user.serve(project) as server:
        assert "Listening on TCP address" in server.log
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


@pytest.mark.parametrize(("interface", "login"), list(zip(INTERFACES, QUESTIONS["login"])))
def test_without_hooks_the_project_has_the_files_of_all_answers_and_runs(user, rendered, installed, interface, login):
    project = made(user, f"{WITHOUT_HOOKS} interface={interface} login={login}").borrow(installed(interface))
    expected = rendered(interface=interface, login=login)
    assert listing(project) - {".venv"} == set(template_files(expected.answers))
    assert tracked(project).items() >= tracked(expected).items()

    shutil.copy(project.path / ".env.example", project.path / ".env")
    project.run("makemigrations", "users")
    project.run("makemigrations")
    project.run("migrate")
    project.run("spectacular", "--file", "schema.yml")
    project.run("check")
    # Tests of other answers import packages that are not installed.
    tests = [path for path in listing(expected) if re.search(r"/test[^/]*\.py$", path)]
    project.run("test", *(path.removesuffix(".py").replace("/", ".") for path in tests))
    with project.serve() as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


def test_without_hooks_the_readme_and_makemigrations_start_the_project(user):
    project = made(user, f"{WITHOUT_HOOKS} interface=WSGI login=email")
    commands = re.search("^## Start\n\n((?:    .*\n)+)", (project.path / "README.md").read_text(), re.MULTILINE)[1]
    *prepare, start = commands.splitlines()
    (migrate,) = (number for number, command in enumerate(prepare) if command.endswith(" migrate"))
    prepare.insert(migrate, "pipenv run python manage.py makemigrations")
    user.run("\n".join(["set -e", *prepare]), project.path)
    project.output = f"Ready: {start}"
    with user.serve(project, project.path) as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


@pytest.mark.parametrize("version", [version for version in PYTHON_VERSIONS if version != RUNNING_PYTHON])
def test_every_cookiecutter_on_every_python_renders_the_same(user, tmp_path, rendered, version):
    if not python_of(version):
        pytest.skip(f"there is no Python {version} on this machine")
    programs = virtualenv(tmp_path / "venv", python_of(version), "-r", ROOT / "tools" / "requirements.txt")
    said = user.run(f"{programs}/cookiecutter --version")
    assert f"(Python {version}." in said
    assert ("Cookiecutter 2.6." in said) == (version == "3.9")
    answers = {**OTHER_TEXTS, "python_version": RUNNING_PYTHON, "login": "email"}
    words = [shlex.quote(f"{key}={value}") for key, value in answers.items()]
    user.run(f"{programs}/{RENDER} {' '.join(words)}", env=SKIP_SETUP)
    (path,) = user.work.iterdir()
    assert tracked(Project(path, {})) == tracked(rendered(**answers))


@pytest.mark.parametrize("runner", ["uvx", "pipx run"])
def test_without_pipenv_uvx_or_pipx_is_enough(tmp_path, installed, runner):
    user = User(tmp_path, runner.split()[0])
    output = user.run(f"{runner} {MAKE} python_version={RUNNING_PYTHON}")
    project = Project(user.work / "my_project", {}, output)
    assert is_as_tested(project)
    assert re.search("^Pipenv, which this machine lacks, .*: (uv tool|pipx) install pipenv$", output, re.MULTILINE)
    assert tracked(project) == tracked(installed("WSGI"))
    with user.serve(project) as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text
