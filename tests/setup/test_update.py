"""`cruft check`, `diff` and `update` of a project of the present template: to the next version, to other answers."""

import re
import subprocess
import sys

import pytest
import requests

from tests.support.changes import commit, git
from tests.support.hooks import path_of_tools
from tests.support.machine import RUNNING_PYTHON
from tests.support.packages import environment_of
from tests.support.updates import Shop, Template

pytestmark = pytest.mark.matrix

ANSWERS = {"interface": "WSGI", "python_version": RUNNING_PYTHON}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return Template(tmp_path_factory.mktemp("update") / "template")


@pytest.fixture(scope="module")
def present(template, tmp_path_factory):
    """A project of the present version."""
    path = path_of_tools(tmp_path_factory.mktemp("path") / "bin", "pipenv", "uv")
    shop = Shop(tmp_path_factory.mktemp("present"), template, template.present, path, ANSWERS)
    assert "\nReady: " in shop.output
    return shop


def test_to_check_and_to_compare_sets_nothing_up(present, template):
    installed = present.installed()
    check = [sys.executable, "-m", "cruft", "check", "--checkout"]
    codes = [
        subprocess.run([*check, version], cwd=present.path).returncode for version in (template.present, template.next)
    ]
    assert codes == [0, 1]
    present.edit("shop/settings.py", '"PAGE_SIZE": 50', '"PAGE_SIZE": 20')
    diff = present.cruft(present.path, "diff")
    assert '    "PAGE_SIZE": 20,' in diff
    assert "Setting up" not in diff
    changed = set(re.findall("^diff --git .* upstream-template-new/(.*)$", diff, re.MULTILINE))
    assert changed == {"shop/settings.py"}
    assert present.installed() == installed
    git(present.path, "checkout", "--quiet", ".")


def test_an_update_to_the_next_version_sets_nothing_up(present, template):
    present.edit("shop/settings.py", '"PAGE_SIZE": 50', '"PAGE_SIZE": 20')
    present.edit("Pipfile", '\nwhitenoise = "*"\n', '\nwhitenoise = "*"\nhumanize = "*"\n')
    commit(present.path)
    present.update(template.next)
    settings = (present.path / "shop" / "settings.py").read_text()
    assert '"PAGE_SIZE": 20' in settings
    assert "FIRST_DAY_OF_WEEK = 1" in settings
    assert (present.path / "docs.md").read_text() == "A WEB APPLICATION AND ITS API.\n"
    assert 'version = "2099.01.01"' in (present.path / "pyproject.toml").read_text()
    assert "tablib = " in (present.path / "Pipfile").read_text()
    present.passes_its_tests()


def test_an_update_changes_the_interface(present, template):
    present.update(template.present, {"interface": "ASGI"})
    assert not (present.path / "gunicorn.conf.py").exists()
    pipfile = (present.path / "Pipfile").read_text(encoding="utf-8")
    assert "\ndaphne = " in pipfile
    assert "\nhumanize = " in pipfile
    # What Pipenv would install now.
    present.lend(environment_of({**ANSWERS, "interface": "ASGI"}))
    present.run("spectacular", "--file", "schema.yml")
    present.passes_its_tests()
    assert (present.path / "items" / "tests" / "test_live.py").exists()
    with present.serve() as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text
        assert "Daphne" in server.log or "daphne" in server.log
