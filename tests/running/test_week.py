"""A week of work in a project: after each change its tests pass and its server answers."""

import re

import pytest

from tests.support.changes import commit, edit, git, remove_example
from tests.support.client import PASSWORD, Client
from tests.support.hooks import path_of_tools
from tests.support.machine import PRESENT
from tests.support.project import generate

pytestmark = pytest.mark.matrix

ADD_USER = f"from users.models import User; User.objects.create_superuser('ada', 'ada@example.com', {PASSWORD!r})"

# A field of a loan.
START = "    start = models.DateField("


class Week:
    def __init__(self, project, environment):
        self.project = project
        self.environment = {"PIPENV_IGNORE_VIRTUALENVS": 1, "PIPENV_VENV_IN_PROJECT": 1, **environment}
        commit(project.path)

    def call(self, *command, **options):
        return self.project.call(*command, env=self.environment, **options)

    def run(self, *command, **options):
        """Run a command of manage.py."""
        return self.project.run(*command, env=self.environment, **options)

    def add(self, app, *words):
        """Add an app, a resource or a field, run the tests of the app, and commit."""
        said = self.run("startapp", app, *words).stdout
        assert "did not change" not in said
        assert "\nOK\n" in self.run("test", app).stderr
        commit(self.project.path)
        return said

    def is_served(self, *addresses):
        """Request these pages from the server as a signed-in user."""
        self.run("migrate")
        with self.project.serve(env=self.environment, ready="/readyz") as server:
            client = Client(server)
            assert "Sign out" in client.sign_in("ada").text
            for address in addresses:
                assert client.get(address).status_code == 200, f"{address}\n{server.log}"
        commit(self.project.path)

    def is_well(self, *addresses):
        """Run everything that CI runs, then request these pages."""
        done = self.call("pipenv", "run", "ci")
        assert re.search("^tests .* ok$", done.stdout, re.MULTILINE)
        assert "failed" not in done.stdout
        self.is_served(*addresses)


def live_through(week, newest=False):
    """Work for a week. With the newest Python a package is added too, and all checks run only at the end."""
    project = week.project
    is_well = week.is_served if newest else week.is_well
    week.run("migrate")
    week.run("shell", "-c", ADD_USER)

    # A shared category, owned devices and loans, and public places, all in one app.
    week.add("inventory", "Category", "name:str:unique", "--shared")
    device = ["name:str", "serial:str:40:unique", "state:choice:new:lent:lost", "category:inventory.Category"]
    week.add("inventory", "Device", *device)
    week.add("inventory", "Loan", "device:inventory.Device", "start:date", "end:date:optional", "borrower:user")
    week.add("inventory", "Place", "name:str", "--public")
    week.add("inventory", "Device", "--add", "weight:decimal:optional", "tags:many:inventory.Category")
    if newest:
        said = week.add("inventory", "Device", "--add", "photo:image:optional")
        assert "Installing Pillow" in said
        assert '\npillow = "*"\n' in (project.path / "Pipfile").read_text()
    week.run("migrate")
    assert "inventory.Loan: 20 new" in week.run("runscript", "seed").stdout
    pages = ["/", "/items/", "/categories/", "/devices/", "/loans/", "/places/add/", "/admin/"]
    is_well(*pages, "/api/v1/items/", "/api/v1/categories/", "/api/v1/devices/", "/api/v1/loans/", "/api/v1/places/")

    # Django's checks reject this one after the files were written.
    words = ["startapp", "gifts", "Gift", "name:str", "device:inventory.Device", "device_id:int"]
    done = week.run(*words, check=False)
    assert done.returncode == 1
    assert "models.E006" in done.stderr
    assert git(project.path, "status", "--porcelain") == ""
    assert not (project.path / "gifts").exists()

    remove_example(project)
    is_well("/", "/loans/", "/api/docs/")

    week.add("home")
    if newest:
        week.call("pipenv", "install", "humanize")
        views = project.path / "home" / "views.py"
        views.write_text(f"import humanize\n{views.read_text()}\n\nTHOUSAND = humanize.intcomma(1000)\n")
        week.call("ruff", "check", "--fix")

    variable = '    Variable("WEB_CONCURRENCY",'
    motto = '    Variable("MOTTO", text, "what the home page says"),\n'
    edit(project, "my_project/environment.py", variable, f"{motto}{variable}")
    admin = 'ADMIN_URL = env["ADMIN_URL"]\n'
    edit(project, "my_project/settings.py", admin, f'{admin}MOTTO = env["MOTTO"]\n')
    week.call("python", "-m", "my_project.environment")
    assert "MOTTO" in (project.path / ".env.example").read_text()
    assert "MOTTO" in (project.path / "docs" / "settings.md").read_text()
    week.is_served("/home/")

    shelf = "    shelf = models.IntegerField(null=True, blank=True)\n"
    edit(project, "inventory/models.py", START, f"{shelf}{START}")
    week.run("makemigrations", "inventory", "--name", "shelf")
    week.run("migrate")
    week.run("squashmigrations", "inventory", "0002", "--noinput", "--no-header")
    week.is_well("/", "/loans/")


def test_after_each_step_all_checks_pass_and_the_server_answers(installed, postgres, tmp_path):
    project = installed("WSGI", PRESENT[0]).copy(tmp_path)
    live_through(Week(project, {"DATABASE_URL": postgres.database()}))


def test_with_the_newest_python_all_checks_pass_at_the_end_of_the_week(tmp_path):
    # This project has its own virtual environment, because a package is installed into it.
    path = path_of_tools(tmp_path / "path", "pipenv", "uv")
    project = generate(tmp_path / "made", {"interface": "ASGI", "python_version": PRESENT[-1]}, {"PATH": path})
    assert "\nReady:" in project.output
    live_through(Week(project, {"PATH": path}), newest=True)
