"""A week in a project: after each thing that its developers do, its CI is green and its server answers."""

import re

import pytest

from tests.client import PASSWORD, Client
from tests.machine import PYTHON_VERSIONS, python_of
from tests.project import generate
from tests.test_ci import commit
from tests.test_startapp import remove_example

pytestmark = pytest.mark.matrix

NEWEST = [version for version in PYTHON_VERSIONS if python_of(version)][-1]
# The oldest and the newest Python, and with them Django, with each interface and each database.
WEEKS = [
    ("3.9", "ASGI", "SQLite"),
    ("3.9", "WSGI", "PostgreSQL"),
    (NEWEST, "ASGI", "PostgreSQL"),
    (NEWEST, "WSGI", "SQLite"),
]
ADD_USER = f"from users.models import User; User.objects.create_user('ada', 'ada@example.com', {PASSWORD!r})"
ENVIRONMENT = {"PIPENV_IGNORE_VIRTUALENVS": 1, "PIPENV_VENV_IN_PROJECT": 1}


class Week:
    def __init__(self, project, pipenv, environment):
        self.project = project
        self.program = pipenv
        self.environment = {**ENVIRONMENT, **environment}
        commit(project)

    def pipenv(self, *words, **options):
        return self.project.call(self.program, *words, env=self.environment, **options)

    def run(self, *command, **options):
        """Run a command of manage.py."""
        return self.pipenv("run", "python", "manage.py", *command, **options)

    def edit(self, name, old, new):
        path = self.project.path / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name}: {old}"
        path.write_text(text.replace(old, new))

    def changed(self):
        command = ["git", "-C", self.project.path, "status", "--porcelain"]
        return self.project.call(*command).stdout

    def is_well(self, *addresses):
        """Run all that CI runs, then ask the server for these pages, as someone who is signed in."""
        done = self.pipenv("run", "ci")
        assert "\nOK\n" in done.stderr
        assert re.search(r"^TOTAL .* 100%$", done.stdout, re.MULTILINE)
        self.run("migrate")
        with self.project.serve(env=self.environment, ready="/readyz") as server:
            client = Client(server)
            sign_in = {"username": "ada", "password": PASSWORD}
            page = client.submit("/accounts/login/?next=/accounts/password_change/", **sign_in)
            assert "Sign out" in page.text
            for address in addresses:
                assert client.get(address).status_code == 200, f"{address}\n{server.log}"
        commit(self.project)


@pytest.mark.parametrize(("python_version", "interface", "database"), WEEKS)
def test_after_each_step_all_is_green_and_the_server_answers(
    request, postgres, tmp_path, python_version, interface, database
):
    if not python_of(python_version):
        pytest.skip(f"there is no Python {python_version} on this machine")
    project = generate(tmp_path / "made", {"python_version": python_version, "interface": interface})
    assert "\nReady:" in project.output
    # The newer Pipenv cannot lock for this Python.
    pipenv = request.getfixturevalue("older_pipenv") if python_version == "3.9" else "pipenv"
    week = Week(project, pipenv, {"DATABASE_URL": postgres.database()} if database == "PostgreSQL" else {})
    week.run("migrate")
    week.run("shell", "-c", ADD_USER)
    week.is_well("/", "/api/v1/items/")

    # Three apps, of which two refer to another.
    week.run("startapp", "catalog", "Category", "name:str", "notes:text")
    week.is_well("/", "/categories/add/", "/api/v1/categories/")
    week.run("startapp", "shop", "Product", "name:str", "price:decimal", "category:catalog.Category")
    week.is_well("/products/add/", "/api/v1/products/")
    week.run("startapp", "sales", "Order", "number:str", "product:shop.Product", "due:date?", "buyer:user")
    week.is_well("/orders/add/", "/api/v1/orders/", "/admin/login/")

    # A command that is refused half-way: Django's checks know what it does not.
    words = ["startapp", "gifts", "Gift", "name:str", "one:shop.Product", "two:shop.Product"]
    done = week.run(*words, check=False)
    assert done.returncode == 1
    assert "fields.E304" in done.stderr
    assert week.changed() == ""
    assert not (project.path / "gifts").exists()

    remove_example(project)
    week.is_well("/orders/", "/api/docs/")

    # The start page is free now, and the next app takes it.
    week.run("startapp", "home")
    week.is_well("/")

    week.pipenv("install", "humanize")
    views = project.path / "home" / "views.py"
    views.write_text(f'import humanize\n{views.read_text()}\n\nassert humanize.intcomma(1000) == "1,000"\n')
    week.pipenv("run", "ruff", "check", "--fix")
    week.is_well("/")

    variable = '    Variable("WEB_CONCURRENCY",'
    week.edit(
        "my_project/environment.py", variable, f'    Variable("MOTTO", text, "what the home page says"),\n{variable}'
    )
    week.edit(
        "my_project/settings.py",
        'ADMIN_URL = env["ADMIN_URL"]\n',
        'ADMIN_URL = env["ADMIN_URL"]\nMOTTO = env["MOTTO"]\n',
    )
    week.pipenv("run", "python", "-m", "my_project.environment")
    assert "MOTTO" in (project.path / ".env.example").read_text()
    assert "MOTTO" in (project.path / "README.md").read_text()
    week.is_well("/")

    field = "    owner = models.ForeignKey("
    week.edit("catalog/models.py", field, f"    place = models.CharField(max_length=20, blank=True)\n{field}")
    week.run("makemigrations", "catalog", "--name", "place")
    week.run("migrate")
    week.run("squashmigrations", "catalog", "0002", "--noinput", "--no-header")
    week.is_well("/categories/")
