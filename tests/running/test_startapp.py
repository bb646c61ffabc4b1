"""`manage.py startapp` in a real project: what it writes, what it changes, and what it refuses."""

import json
import re
import shutil
import signal
import subprocess
import time

import pytest
import requests

from tests.support.changes import RESOURCES, contents, is_clean, remove_example, tools_are_content
from tests.support.client import Client, heard, socket
from tests.support.production import INTERFACES
from tests.support.project import COVERAGE

ITEM = ["items", "Item", "name:str", "description:text"]
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


@pytest.mark.matrix
def test_an_app_of_two_words_has_a_readable_name_and_the_longest_names_are_formatted(project):
    project.run("startapp", "photo_albums")
    assert "class PhotoAlbumsConfig" in (project.path / "photo_albums" / "apps.py").read_text()
    project.run("startapp", "a" * 40, "A" + "b" * 39, f"{'c' * 40}:str", f"{'d' * 40}:date?")
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
        assert "was created" in ada.submit("/categories/add/", name="Maps").text
        category = ada.api("GET", "/api/v1/categories/")["results"][0]["id"]
        offer = {"title": "Atlas", "stock": 3, "price": "9.50", "since": "2026-01-02", "seen": "2026-01-02T03:04:05Z"}
        made = ada.api("POST", "/api/v1/box-offers/", 201, category=category, **offer)
        assert (made["category"], made["item"], made["active"]) == (category, None, False)
        page = ada.get("/box-offers/").text
        for text in (
            "Atlas",
            "Stock: 3",
            "Price: 9.50",
            "Active: no",
            "Since: Jan. 2, 2026",
            "Until: \N{EN DASH}",
            "Category: Maps",
        ):
            assert text in page
        assert 'type="date" name="since" value="2026-01-02"' in ada.get(f"/box-offers/{made['id']}/").text
        filters = {"category": category, "since__lt": "2026-02-01", "active": "false", "stock__gte": 3}
        assert len(ada.api("GET", f"/api/v1/box-offers/?{requests.compat.urlencode(filters)}")["results"]) == 1
        assert ada.api("GET", f"/api/v1/box-offers/?category={category + 1}")["results"] == []
        refused = ada.api("GET", "/api/v1/box-offers/?category__id=1", 400)
        assert [error["pointer"] for error in refused["errors"]] == ["#/category__id"]
        refused = bob.api("POST", "/api/v1/box-offers/", 400, category=category, **offer)
        assert [error["pointer"] for error in refused["errors"]] == ["#/category"]
        assert "Maps" not in bob.get("/box-offers/add/").text
        assert bob.get(f"/box-offers/{made['id']}/").status_code == 404
        if interface == "ASGI":
            with socket(ada, path="/ws/box-offers/") as connection:
                ada.api("PATCH", f"/api/v1/box-offers/{made['id']}/", title="Globe")
                assert heard(connection) == {"event": "saved", "id": made["id"]}


REFUSED = [
    (["two-words"], "An app cannot be called 'two-words'"),
    (["items"], "An app cannot be called 'items'"),
    (["json"], "An app cannot be called 'json'"),
    (["scripts"], "An app cannot be called 'scripts'"),
    (["blog", "post"], "A model cannot be called 'post'"),
    (["blog", "Item", "name:str"], "A model cannot be called 'Item'"),
    (["blog", "Post"], "The first field is the title of posts"),
    (["blog", "Post", "title"], "'title' is not a field"),
    (["blog", "Post", "title:str", "size:float"], "'float' is not a type of field"),
    (["blog", "Post", "title:str", "class:str"], "A field cannot be called 'class'"),
    (["blog", "Post", "title:str", "group:auth.Group"], "'auth.Group' is not a type of field"),
    # Only Django's checks find this one.
    (["blog", "Post", "title:str", "one:items.Item", "two:items.Item"], "blog.Post.one: (fields.E304)"),
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
    lines = dict(re.findall(r"^  (\S+\.py): (.+)$", said, re.MULTILINE))
    assert lines.keys() == {"my_project/settings.py", "my_project/urls.py"}
    for name, line in lines.items():
        place = {"settings.py": '    "items",\n', "urls.py": '    path("", include("items.urls")),\n'}[name[11:]]
        path = project.path / name
        path.write_text(path.read_text().replace(place, f"{place}    {line}\n"))
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
        assert requests.get(f"{server.url}/accounts/login/", timeout=60).status_code == 200
        assert requests.get(f"{server.url}/api/v1/items/", timeout=60).status_code == 404


@pytest.mark.matrix
def test_the_folder_of_startapp_can_be_deleted(project):
    shutil.rmtree(project.path / "my_project" / "management")
    assert is_clean(project)
