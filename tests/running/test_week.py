"""A week of work on a product that lends equipment: in the evening the checks pass and the server answers."""

import base64
import contextlib
import html
import re
from datetime import date, timedelta

import pytest

from tests.support import lending
from tests.support.changes import commit, edit, git, remove_example
from tests.support.client import PASSWORD, Client
from tests.support.hooks import path_of_tools
from tests.support.machine import DJANGO, PRESENT
from tests.support.project import generate

pytestmark = pytest.mark.matrix

ADD_USER = f"from users.models import User; User.objects.create_superuser('ada', 'ada@example.com', {PASSWORD!r})"
PAGES = ["/", "/categories/", "/devices/", "/devices/add/", "/loans/", "/loans/add/", "/places/", "/admin/"]
API = ["/api/docs/", *(f"/api/v1/{name}/" for name in ("categories", "devices", "loans", "places"))]
# All checks of `pipenv run ci`.
CHECKS = ["code", "format", "templates", "types", "migrations", "safe-migrations", "deploy", "api", "tests"]

# One pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Week:
    """The work on a project; all checks run at the end of each day."""

    def __init__(self, project, environment):
        self.project = project
        self.environment = {"PIPENV_IGNORE_VIRTUALENVS": 1, "PIPENV_VENV_IN_PROJECT": 1, **environment}
        self.allowed = []
        commit(project.path)

    def call(self, *command, **options):
        return self.project.call(*command, env=self.environment, **options)

    def run(self, *command, **options):
        """Run a command of manage.py."""
        return self.project.run(*command, env=self.environment, **options)

    def check(self):
        """Run `pipenv run fix` and all checks, and commit."""
        self.call("pipenv", "run", "fix")
        done = self.call("pipenv", "run", "ci")
        assert re.findall("^([a-z-]+) .* ok$", done.stdout, re.MULTILINE) == CHECKS
        commit(self.project.path)

    def add(self, app, *words):
        """Add an app, a resource or a field, and commit."""
        said = self.run("startapp", app, *words).stdout
        assert "did not change" not in said
        if "While a deployment runs" in said:
            self.allow(re.search(r"migrations/(\w+)\.py", said)[1])
        commit(self.project.path)
        return said

    def allow(self, migration):
        """Say that a migration breaks the version that still runs, on purpose."""
        self.allowed.append(migration)
        lending.ignore_migrations(self.project, *self.allowed)

    def change(self, edit_files, *arguments, migration="", is_unsafe=False):
        """Change files by hand, make the migration with this name, and commit; return the names of the files."""
        edit_files(self.project, *arguments)
        # Sorts the imports.
        self.call("ruff", "check", "--fix")
        changed = git(self.project.path, "ls-files", "--modified").split()
        if migration:
            # "y" says that a field was renamed.
            self.run("makemigrations", "inventory", "--name", migration, stdin="y\n")
        if is_unsafe:
            (path,) = (self.project.path / "inventory" / "migrations").glob(f"*_{migration}.py")
            self.allow(path.stem)
        commit(self.project.path)
        return changed

    def end_day(self):
        """Run everything that CI runs, and request all pages from the server."""
        self.check()
        with self.serve() as client:
            for address in [*PAGES, *API]:
                assert client.get(address).status_code == 200, f"{address}\n{client.server.log}"

    @contextlib.contextmanager
    def serve(self):
        """Start the server; give a user who signed in."""
        self.run("migrate")
        with self.project.serve(env=self.environment, ready="/readyz") as server:
            client = Client(server)
            assert "Sign out" in client.sign_in("ada").text
            yield client

    def use(self):
        """Use what was written: lend a device with a photo, and look at places without an account."""
        tomorrow = date.today() + timedelta(days=1)
        photo = {"photo": ("drill.png", PNG, "image/png")}
        with self.serve() as client:
            tools = client.api("POST", "/api/v1/categories/", 201, name="Tools")["id"]
            page = client.submit("/devices/add/", files=photo, name="Drill", serial="D1", state="new", category=tools)
            assert "“Drill” was created." in html.unescape(page.text)
            headers = {"Referer": f"{client.url}/", "X-CSRFToken": client.cookies["csrftoken"]}
            fields = {"name": "Saw", "serial": "S1", "category": tools}
            answer = client.post("/api/v1/devices/", data=fields, files=photo, headers=headers)
            assert answer.status_code == 201, answer.text
            saw, drill = client.api("GET", "/api/v1/devices/")["results"]
            for device in saw, drill:
                assert client.get(device["photo"]).content == PNG
                assert device["photo"].partition("/media/")[2] in client.get("/devices/").text

            assert "was lent" in client.submit("/devices/", action=f"/devices/{drill['id']}/lend/").text
            assert "You borrowed Drill" in client.server.log
            loan = {"device": saw["id"], "start": str(tomorrow), "end": str(tomorrow)}
            client.api("POST", "/api/v1/loans/", 201, **loan)
            client.api("POST", "/api/v1/loans/", 400, **{**loan, "end": "2000-01-01"})
            loans = client.api("GET", "/api/v1/loans/")["results"]
            assert [each["device_details"]["category"]["name"] for each in loans] == ["Tools", "Tools"]
            assert f"Saw,{tomorrow},{tomorrow}" in client.get("/loans/export/").text
            assert "Please return Saw" in self.run("remind").stdout

            client.api("POST", "/api/v1/places/", 201, name="Hall", floor="Ground")
            visitor = Client(client.server)
            assert "Hall" in visitor.get("/places/").text
            assert [place["name"] for place in visitor.api("GET", "/api/v1/places/")["results"]] == ["Hall"]
            assert visitor.get("/api/v1/loans/").status_code == 401


def add_resources(week):
    """Add shared categories, owned devices and loans, and public places to one app."""
    device = ["name:str", "serial:str:40:unique", "state:choice:new:lent:lost", "category:inventory.Category"]
    week.add("inventory", "Category", "name:str:unique", "--shared")
    week.add("inventory", "Device", *device)
    week.add("inventory", "Loan", "device:inventory.Device", "start:date", "end:date", "borrower:user")
    week.add("inventory", "Place", "name:str", "floor:str", "--public")
    django = DJANGO[week.project.answers["python_version"]]
    week.change(lending.refuse_early_ends, django, migration="end")
    week.change(lending.nest_serializers)


def refuse(week):
    """Try what Django's checks reject after the files were written."""
    done = week.run("startapp", "gifts", "Gift", "name:str", "device:inventory.Device", "device_id:int", check=False)
    assert done.returncode == 1
    assert "models.E006" in done.stderr
    assert git(week.project.path, "status", "--porcelain") == ""
    assert not (week.project.path / "gifts").exists()


def write_by_hand(week):
    for step in lending.lend, lending.add_action, lending.remind, lending.export:
        week.change(step)


def change_models(week):
    """Change fields and owners; no test that the generator wrote needs an edit, except those of the owner."""
    week.add("inventory", "Device", "--add", "weight:decimal")
    assert len(week.change(lending.share_devices)) == 5
    assert len(week.change(lending.rename_serial, migration="rename", is_unsafe=True)) == 6
    assert week.change(lending.restrict_places, migration="restrict", is_unsafe=True) == ["inventory/models.py"]


def change_project(week, newest):
    """Remove the example, add an app without a model, a package and a variable, and squash the migrations."""
    project = week.project
    remove_example(project, week.environment)
    commit(project.path)
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
    week.run("squashmigrations", "inventory", "0002", "--noinput", "--no-header")


def live_through(week, newest=False):
    week.run("migrate")
    week.run("shell", "-c", ADD_USER)
    add_resources(week)
    refuse(week)

    said = week.add("inventory", "Device", "--add", "photo:image:optional")
    if newest:
        assert "Installing Pillow" in said
        assert '\npillow = "*"\n' in (week.project.path / "Pipfile").read_text()
    write_by_hand(week)
    week.use()
    week.end_day()

    change_models(week)
    change_project(week, newest)
    done = week.run("runscript", "seed", check=False)
    assert "The database lacks migrations. Run: python manage.py migrate" in done.stderr
    week.run("migrate")
    assert "inventory.Loan: 18 new" in week.run("runscript", "seed").stdout
    week.end_day()


def test_a_week_with_the_oldest_python_on_postgresql(installed, postgres, tmp_path):
    project = installed("WSGI", PRESENT[0]).copy(tmp_path)
    # The virtual environment belongs to all tests, so Pillow is elsewhere.
    pillow = tmp_path / "pillow"
    project.call("python", "-m", "pip", "install", "--quiet", "--target", pillow, "pillow")
    environment = {"DATABASE_URL": postgres.database(), "PYTHONPATH": pillow}
    live_through(Week(project, environment))


def test_a_week_with_the_newest_python_and_more_packages(tmp_path):
    # This project has its own virtual environment, because packages are installed into it.
    path = path_of_tools(tmp_path / "path", "pipenv", "uv")
    project = generate(tmp_path / "made", {"interface": "ASGI", "python_version": PRESENT[-1]}, {"PATH": path})
    assert "\nReady:" in project.output
    live_through(Week(project, {"PATH": path}), newest=True)
