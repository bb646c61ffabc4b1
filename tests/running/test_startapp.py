"""`manage.py startapp` in a real project: what it writes, what it changes, and what it refuses."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid

import pytest
import requests

from template_code.questions import ROOT
from tests.support.changes import RESOURCES, contents, edit, is_clean, remove_example, tools_are_content
from tests.support.client import Client, heard, socket
from tests.support.machine import RUNNING_PYTHON, pythons_of_other_djangos
from tests.support.production import INTERFACES
from tests.support.project import COVERAGE

ITEM = ["items", "Item", "name:str", "description:text:optional"]
LAYOUT = {
    "__init__.py",
    "admin.py",
    "apps.py",
    "migrations/__init__.py",
    "models.py",
    "serializers.py",
    "templates/blog/index.html",
    "tests/__init__.py",
    "tests/test_pages.py",
    "urls.py",
    "views.py",
}
# Runs each command that it reads; prints the exit code and both output streams of each.
EACH = """
import contextlib, io, json, os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "my_project.settings"
told = []
for words in json.load(sys.stdin):
    code, out, err = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as end:
            code = end.code
    told.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(told))
"""


@pytest.fixture
def project(installed, tmp_path):
    return installed("ASGI").copy(tmp_path)


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_example_is_what_startapp_writes(installed, tmp_path, interface):
    project = installed(interface).copy(tmp_path)
    # startapp cannot translate.
    shutil.rmtree(project.path / "items" / "locale")
    shipped = contents(project)
    remove_example(project)
    assert contents(project) != shipped
    project.run("startapp", *ITEM)
    assert contents(project) == shipped


@pytest.mark.parametrize("interface", ["ASGI", pytest.param("WSGI", marks=pytest.mark.matrix)])
def test_an_app_has_the_layout_and_is_in_the_project(installed, tmp_path, interface):
    project = installed(interface).copy(tmp_path)
    before = contents(project)
    said = project.run("startapp", "blog").stdout
    after = contents(project)
    written = {path for path in after if path not in before}
    changed = {path for path in before if after.get(path) != before[path]}
    assert written == {f"blog/{path}" for path in LAYOUT}
    assert changed == {"my_project/settings.py", "my_project/urls.py"}
    assert set(re.findall("^wrote +(.*)$", said, re.MULTILINE)) == written
    assert set(re.findall("^changed +(.*)$", said, re.MULTILINE)) == changed
    assert is_clean(project, "blog")
    with project.serve() as server:
        page = Client(server).sign_up("ada").get("/blog/")
        assert "<title>Blog · My Project</title>" in page.text
        assert "<h1>Blog</h1>" in page.text
        assert '<a href="/blog/" aria-current="page">Blog</a>' in page.text


@pytest.mark.matrix
def test_an_app_of_two_words_has_a_readable_name_and_the_longest_names_are_formatted(project):
    project.run("startapp", "photo_albums")
    assert "class PhotoAlbumsConfig" in (project.path / "photo_albums" / "apps.py").read_text()
    project.run("startapp", "a" * 40, "A" + "b" * 39, f"{'c' * 40}:str", f"{'d' * 40}:date?", f"{'e' * 40}:choice:a:b")
    project.call("ruff", "check")
    project.call("ruff", "format", "--check")
    project.run("test", "photo_albums", "a" * 40)


@pytest.mark.matrix
@pytest.mark.parametrize("interface", INTERFACES)
def test_resources_with_every_type_of_field_work(installed, tmp_path, postgres, interface):
    project = installed(interface).copy(tmp_path)
    for words in RESOURCES:
        project.run("startapp", *words)
    assert is_clean(project, "catalog", "shop")
    project.run("test", "catalog", "shop", env={"DATABASE_URL": postgres.database()})
    project.run("migrate")
    with project.serve() as server:
        ada, bob = Client(server).sign_up("ada"), Client(server).sign_up("bob")
        assert "was created" in ada.submit("/crates/add/", name="Maps").text
        crate = ada.api("GET", "/api/v1/crates/")["results"][0]["id"]
        offer = {**OFFER, "crate": crate}
        made = ada.api("POST", "/api/v1/box-offers/", 201, **offer)
        assert (made["crate"], made["item"], made["active"], made["state"]) == (crate, None, False, "new")
        page = ada.get("/box-offers/").text
        for text in (
            "Atlas",
            "Stock: 3",
            "Price: 9.50",
            "Active: no",
            "Since: Jan. 2, 2026",
            "Until: \N{EN DASH}",
            "Crate: Maps",
        ):
            assert text in page
        assert 'type="date" name="since" value="2026-01-02"' in ada.get(f"/box-offers/{made['id']}/").text
        filters = {"crate": crate, "since__lt": "2026-02-01", "active": "false", "stock__gte": 3, "state": "new"}
        assert len(ada.api("GET", f"/api/v1/box-offers/?{requests.compat.urlencode(filters)}")["results"]) == 1
        assert ada.api("GET", f"/api/v1/box-offers/?crate={crate + 1}")["results"] == []
        refused = ada.api("GET", "/api/v1/box-offers/?crate__id=1", 400)
        assert [error["pointer"] for error in refused["errors"]] == ["#/crate__id"]
        for name, theirs in ("crate", crate), ("crates", [crate]):
            refused = bob.api("POST", "/api/v1/box-offers/", 400, **{**offer, "crate": crate, name: theirs})
            assert f"#/{name}" in [error["pointer"].removesuffix("/0") for error in refused["errors"]]
        assert "Maps" not in bob.get("/box-offers/add/").text
        assert bob.get(f"/box-offers/{made['id']}/").status_code == 404
        links = re.findall('<a href="(/[a-z-]+/)"', ada.get("/").text)
        assert {"/items/", "/categories/", "/crates/", "/box-offers/"} <= set(links)
        if interface == "ASGI":
            with socket(ada, path="/ws/box-offers/") as connection:
                ada.api("PATCH", f"/api/v1/box-offers/{made['id']}/", title="Globe")
                assert heard(connection) == {"event": "saved", "id": made["id"]}


@pytest.mark.matrix
def test_who_sees_and_changes_a_resource(project):
    project.run("startapp", "catalog", "Category", "name:str", "--shared")
    project.run("startapp", "catalog", "Place", "name:str", "--public")
    project.run("startapp", "catalog", "Hidden", "name:str", "--no-pages", "--plural", "hidden things")
    assert is_clean(project, "catalog")
    project.run("migrate")
    with project.serve() as server:
        ada, staff, nobody = Client(server).sign_up("ada"), Client(server).sign_up("staff"), Client(server)
        project.run("shell", "-c", "from users.models import User; User.objects.filter(pk=2).update(is_staff=True)")
        for path, name in ("categories", "Maps"), ("places", "Attic"):
            assert ada.api("POST", f"/api/v1/{path}/", 403, name=name)["status"] == 403
            assert ada.get(f"/{path}/add/").status_code == 403
            staff.api("POST", f"/api/v1/{path}/", 201, name=name)
            page = ada.get(f"/{path}/").text
            assert name in page
            assert "Edit" not in page
            assert "Edit" in staff.get(f"/{path}/").text
        assert "Attic" in nobody.get("/places/").text
        assert "/accounts/login/" in nobody.get("/categories/").url
        assert nobody.api("GET", "/api/v1/places/")["results"][0]["name"] == "Attic"
        assert nobody.api("GET", "/api/v1/categories/", 401)["status"] == 401
        assert re.findall('<a href="(/[a-z-]+/)"', nobody.get("/").text)[:1] == ["/places/"]
        assert ada.get("/hidden-things/").status_code == 404
        ada.api("POST", "/api/v1/hidden-things/", 201, name="Map")


@pytest.mark.matrix
def test_fields_are_added_to_a_resource_with_rows(project):
    project.run("startapp", "shop", "Crate", "name:str")
    project.run("migrate")
    project.run(
        "shell", "-c", "from shop.tests import *; from users.models import User; make_crate(User.objects.create())"
    )
    fields = [
        f"a_{kind}:{kind}" for kind in ("str", "text", "int", "decimal", "bool", "date", "datetime", "time", "json")
    ]
    fields += ["state:choice:new:old", "note:str:optional", "item:items.Item?", "items:many:items.Item"]
    said = project.run("startapp", "shop", "Crate", "--add", *fields).stdout
    assert "Objects that exist get 0 in a_decimal." in said
    project.run("migrate")
    assert is_clean(project, "shop")


OFFER = {
    **{"title": "Atlas", "body": "Large", "stock": 3, "views": 2**40, "height": 1.5, "price": "9.50"},
    **{"since": "2026-01-02", "opens": "08:00:00", "seen": "2026-01-02T03:04:05Z", "length": "01:00:00"},
    **{"contact": "ada@example.com", "site": "https://example.com/", "slug": "atlas", "key": str(uuid.UUID(int=1))},
    **{"extra": {"scale": [1, 100]}, "name": "A1"},
}
REFUSED = [
    (["two-words"], "An app cannot be called 'two-words'"),
    (["items"], "The app 'items' exists. To add a model to it, name the model"),
    (["json"], "An app cannot be called 'json'"),
    (["scripts"], "An app cannot be called 'scripts'"),
    (["blog", "post"], "A model cannot be called 'post'"),
    (["blog", "Item", "name:str"], "A model cannot be called 'Item'"),
    (["blog", "Problem", "name:str"], "A model cannot be called 'Problem': the description of the API has a Problem."),
    (["blog", "Post"], "A model needs a field"),
    (["blog", "Post", "title"], "'title' is not a field"),
    (["blog", "Post", "title:str", "size:number"], "'number' is not a type of field"),
    (["blog", "Post", "title:str", "class:str"], "A field cannot be called 'class'"),
    (["blog", "Post", "title:str", "group:auth.Group"], "'auth.Group' is not a type of field"),
    (["blog", "Post", "--add", "title:str"], "There is no model 'Post' in the app 'blog'"),
    (["items", "Item", "--add", "key:slug:unique"], "'key' has to be optional"),
    # Only Django's checks find this one.
    (["blog", "Post", "title:str", "title_id:int", "item:items.Item", "item_id:int"], "(models.E006)"),
]


def test_invalid_names_and_fields_are_refused_and_nothing_is_left(project):
    before = contents(project)
    commands = json.dumps([["startapp", *words] for words, _ in REFUSED])
    told = json.loads(project.call("python", "-c", EACH, stdin=commands).stdout)
    assert len(told) == len(REFUSED)
    for (words, reason), (code, out, err) in zip(REFUSED, told):
        assert (code, out) == (1, ""), words
        assert reason in err, words
        assert "Traceback" not in err, words
    assert contents(project) == before


def test_nothing_is_left_of_a_command_that_was_interrupted(project):
    before = contents(project)
    command = project.words(["python", "manage.py", "startapp", "blog", "Post", "title:str"])
    # In the background a shell ignores SIGINT, and child processes would inherit that.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, cwd=project.path, env=project.environment(), stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, handler)
    limit = time.monotonic() + 60
    while '"blog",\n' not in (project.path / "my_project" / "settings.py").read_text():
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert contents(project) == before


@pytest.mark.matrix
def test_in_an_edited_project_the_missing_lines_and_commands_are_printed(project):
    urls = project.path / "my_project" / "urls.py"
    edited = urls.read_text().replace('include("users.urls")', 'include("users.urls", None)')
    urls.write_text(edited)
    said = project.run("startapp", "blog", "Post", "title:str").stdout
    assert urls.read_text() == edited
    assert (project.path / "blog" / "models.py").exists()
    (left,) = re.findall(r"startapp did not change (\S+), because .*\. Add this to it:\n\n(.+)\n", said)
    assert left == ("my_project/urls.py", '    path("", include("blog.urls")),')
    assert '"blog",' in (project.path / "my_project" / "settings.py").read_text()
    place = '    path("", include("items.urls")),\n'
    urls.write_text(edited.replace(place, f"{place}{left[1]}\n"))
    for command in re.findall("^  python manage.py (.*)$", said, re.MULTILINE):
        project.run(*command.split())
    project.run("test", "blog", "my_project.api.tests.test_schema")


@pytest.mark.matrix
@pytest.mark.parametrize("interface", INTERFACES)
def test_everything_works_without_the_example(installed, interface, tmp_path):
    project = installed(interface).copy(tmp_path)
    remove_example(project)
    project.call(*COVERAGE)
    project.call("coverage", "report")
    assert tools_are_content(project)
    with project.serve() as server:
        for client in Client(server), Client(server).sign_up("ada"):
            page = client.get("/")
            assert (page.status_code, page.url) == (200, f"{server.url}/")
            assert "<h1>My Project</h1>" in page.text
            assert client.get("/api/v1/items/").status_code == 404


@pytest.mark.matrix
@pytest.mark.parametrize(
    "python_version",
    [RUNNING_PYTHON, *(pytest.param(version, marks=pytest.mark.matrix) for version in pythons_of_other_djangos())],
)
def test_the_tests_of_the_generator_pass_with_full_coverage(installed, tmp_path, python_version):
    interface = "ASGI" if python_version == RUNNING_PYTHON else "WSGI"
    project = installed(interface, python_version).copy(tmp_path)
    shutil.copytree(ROOT / "tests" / "generator", project.path / "generator" / "tests")
    # The project's own settings of coverage leave the generator out.
    settings = ["--rcfile", os.devnull, "--branch", "--source", "generator", "--omit", "*/tests/*"]
    done = project.call("python", "-W", "error", "-m", "coverage", "run", *settings, "manage.py", "test", "generator")
    assert "\nOK\n" in done.stderr
    project.call("coverage", "report", "--show-missing", "--fail-under", "100")


def test_the_generator_is_gone_with_its_folder_and_a_line(project):
    shutil.rmtree(project.path / "generator")
    edit(project, "my_project/settings.py", '        "generator",\n', "")
    assert is_clean(project)
