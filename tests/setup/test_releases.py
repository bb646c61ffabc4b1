"""`cruft update` updates an edited project of each of the last releases to the present template."""

import itertools
import json

import pytest
import requests

from template_code.questions import QUESTIONS, ROOT
from tests.support.hooks import path_of_tools
from tests.support.machine import RUNNING_PYTHON
from tests.support.packages import environment_of, environment_of_release
from tests.support.updates import Shop, Template, commit_of, last_releases

pytestmark = pytest.mark.matrix

RELEASES = {release.version: release for release in last_releases()}
# One interface for each release; the interfaces alternate.
PAIRS = list(zip(RELEASES, itertools.cycle(QUESTIONS["interface"])))
# The set-up of a release is slow, so one project runs it. The others borrow an environment with the same packages.
WITH_PIPENV = PAIRS[0]
# Only this project runs its tests. The others are only migrated.
WITH_ITS_TESTS = PAIRS[:1]
ADD = "from users.models import User; from items.models import Item; "
ADD += "ada, bob = (User.objects.create_user(name, 'ada@example.com') for name in ('ada', 'bob')); "
ADD += "Item.objects.create(name='Map', owner=ada)"
SHOW = "from items.models import Item; print([(i.name, i.quantity, i.owner.username) for i in Item.objects.all()])"

# What is left of the accounts, in a script that needs no model of a removed package.
ACCOUNTS = """
from allauth.account.models import EmailAddress
from django.db import connection
from users.models import User
print([(address.user.username, address.verified) for address in EmailAddress.objects.all()])
print([table for table in connection.introspection.table_names() if table.startswith(("axes_", "knox_"))])
print(User.objects.get(username="bob").delete()[0])
"""
LINKS = """{% url 'login' %} {% url "password_change" %} {% url 'login_code' %}"""
NEW_LINKS = """{% url 'account_login' %} {% url "account_change_password" %} {% url 'login_code' %}"""


def name_of(pair):
    return ",".join(pair)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return Template(tmp_path_factory.mktemp("update") / "template")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return path_of_tools(tmp_path_factory.mktemp("path") / "bin", "pipenv", "uv")


@pytest.fixture(scope="module", params=PAIRS, ids=name_of)
def updated(request, template, path, tmp_path_factory):
    """An edited project of a release, updated to the present template as CHANGELOG.md says."""
    version, interface = request.param
    commit = commit_of(RELEASES[version])
    answers = {"interface": interface, "python_version": RUNNING_PYTHON}
    folder = tmp_path_factory.mktemp("older")
    if request.param == WITH_PIPENV:
        shop = Shop(folder, template, commit, path, answers)
        assert "\nReady: " in shop.output
    else:
        shop = Shop(folder, template, commit, path, answers, SKIP_SETUP=1)
        shop.lend(environment_of_release(commit, answers, (shop.path / "Pipfile").read_text(encoding="utf-8")))
        (shop.path / ".env").write_text((shop.path / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
        shop.run_all("makemigrations --no-header users", "makemigrations --no-header", "migrate")
    shop.run("shell", "-c", ADD)
    (shop.path / "items" / "templates" / "items" / "links.html").write_text(LINKS, encoding="utf-8")
    shop.edit_as_users_do()
    shop.update(template.present)
    if request.param == WITH_PIPENV:
        shop.pipenv("install", "--dev")
    else:
        shop.lend(environment_of(answers))
    shop.follow_the_changelog(version)
    shop.run_all("makemigrations", "spectacular --file schema.yml", "check", "makemigrations --check", "migrate")
    return shop, request.param


def test_an_update_from_a_release_keeps_the_edits_and_the_data(updated):
    shop, _ = updated
    shop.has_the_edits()
    assert shop.run("shell", "-v", "0", "-c", SHOW).stdout == "[('Map', 1, 'ada')]\n"
    assert shop.run("shell", "-v", "0", "-c", ACCOUNTS).stdout == "[('ada', True)]\n[]\n1\n"
    links = shop.path / "items" / "templates" / "items" / "links.html"
    assert links.read_text(encoding="utf-8") == NEW_LINKS
    version = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_version"]
    pyproject = (shop.path / "pyproject.toml").read_text(encoding="utf-8")
    assert pyproject.endswith(f'[tool.template]\nversion = "{version}"\n')


@pytest.mark.parametrize("updated", WITH_ITS_TESTS, indirect=True, ids=name_of)
def test_a_project_that_was_updated_from_a_release_passes_its_tests(updated):
    shop, pair = updated
    shop.passes_its_tests()
    if pair == WITH_PIPENV:
        shop.pipenv("verify")
    with shop.serve() as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text
