"""`cruft update` takes an edited project from one version of the template to the next."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import requests

from template_code.questions import ROOT
from tests.support.changes import PERSON, commit, git
from tests.support.hooks import path_of_tools
from tests.support.machine import clean_environment
from tests.support.project import Project

pytestmark = pytest.mark.matrix

ANSWERS = {"project_name": "Shop", "interface": "WSGI"}


def an_older_version():
    """Return the first commit whose projects can be updated: it has the whole Pipfile, as its users will."""
    commits = git(ROOT, "log", "--format=%H", "--reverse", "-Sdef default_index", "--", "template_filters.py").split()
    assert commits, "the history of this clone is not complete: `git fetch --unshallow` brings the rest"
    return commits[0]


class Template:
    """A git repository with the present template, committed or not, on top of its history, and with a next version."""

    def __init__(self, path):
        self.path = path
        git(path.parent, "clone", "--quiet", ROOT, path)
        git(path, "rm", "-r", "--quiet", ".")
        for file in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
            if file and (ROOT / file).exists():
                (path / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, path / file)
        self.present = commit(path)
        self.edit("template_code/extension.py", "^    texts.markdown,$", "    texts.markdown,\n    str.upper,")
        self.edit("cookiecutter.json", r'"_version": ".*?"', '"_version": "2099.01"')
        project = "{{cookiecutter.project_slug}}"
        self.edit(f"{project}/README.md", "^# .*$", "# {{ cookiecutter.project_name|upper }}")
        self.edit(f"{project}/{project}/settings.py", "^USE_TZ = True$", "USE_TZ = True\nFIRST_DAY_OF_WEEK = 1")
        self.edit(f"{project}/Pipfile", r"^whitenoise = .*$", r"tablib = '*'\n\g<0>")
        (path / project / "docs.md").write_text("{{ cookiecutter.description|upper }}\n")
        self.next = commit(path)

    def edit(self, file, old, new):
        text = (self.path / file).read_text(encoding="utf-8")
        edited = re.sub(old, new, text, count=1, flags=re.MULTILINE)
        assert edited != text, f"{file} has no {old}"
        (self.path / file).write_text(edited, encoding="utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return Template(tmp_path_factory.mktemp("update") / "template")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return path_of_tools(tmp_path_factory.mktemp("path") / "bin", "pipenv", "uv")


class Shop(Project):
    """A project that cruft made and that is in git."""

    def __init__(self, folder, template, version, path):
        self.search_path = path
        super().__init__(folder / "shop", ANSWERS)
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--checkout", version, "--extra-context", json.dumps(ANSWERS)]
        self.output = self.cruft(folder, "create", "--no-input", *options, template.path)
        commit(self.path)

    def cruft(self, folder, *arguments):
        """Run cruft, whose errors are no exit code; return what it printed."""
        command = [sys.executable, "-m", "cruft", *map(str, arguments)]
        environment = clean_environment(PATH=self.search_path, **PERSON)
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def update(self, version, answers=None):
        """Update to a version of the template, and with other answers; check that git has all, without a conflict."""
        options = ["--variables-to-update", json.dumps(answers)] if answers else []
        installed = self.installed()
        output = self.cruft(self.path, "update", "--skip-apply-ask", "--checkout", version, *options)
        assert "as clean as possible" in output
        assert "different update strategy" not in output
        assert "Setting up" not in output
        assert self.installed() == installed
        assert not list(self.path.glob("*/**/*.rej"))
        assert "\nU" not in f"\n{git(self.path, 'status', '--porcelain')}"
        git(self.path, "diff", "--check", "HEAD", "--", ".", ":!*.lock")
        commit(self.path)
        assert git(self.path, "status", "--porcelain") == ""
        return output

    def installed(self):
        """Return path -> time of all that the set-up made."""
        files = [self.path / name for name in (".env", "Pipfile.lock", "db.sqlite3", "schema.yml", "setup.log")]
        files += [file for file in self.venv.rglob("*") if "__pycache__" not in file.parts]
        return {file: file.stat().st_mtime_ns for file in files if file.exists()}

    def edit(self, file, old, new):
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text
        (self.path / file).write_text(text.replace(old, new), encoding="utf-8")

    def pipenv(self, *arguments):
        settings = {"PIPENV_VENV_IN_PROJECT": "1", "PIPENV_IGNORE_VIRTUALENVS": "1"}
        return self.call("pipenv", *arguments, env=settings)

    def passes_its_tests(self):
        self.run("migrate")
        assert "No changes detected" in self.run("makemigrations", "--check").stdout
        assert "\nOK\n" in self.run("test").stderr
        self.call("ruff", "check")


@pytest.fixture(scope="module")
def edited(template, path, tmp_path_factory):
    """A project of an older version, edited as its users would."""
    folder = tmp_path_factory.mktemp("older")
    shop = Shop(folder, template, an_older_version(), path)
    assert "\nReady: " in shop.output
    shop.run("startapp", "blog")
    shop.edit("shop/settings.py", '    "items",\n', '    "items",\n    "blog",\n')
    shop.edit(
        "shop/urls.py",
        '    path("", include("items.urls")),\n',
        '    path("", include("items.urls")),\n    path("", include("blog.urls")),\n',
    )
    shop.edit("shop/settings.py", 'LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "en-gb"')
    shop.edit(
        "items/models.py",
        "    created_at = ",
        "    quantity = models.PositiveIntegerField(default=1)\n    created_at = ",
    )
    shop.run("makemigrations", "--name", "quantity")
    # Where `pipenv install` puts it.
    shop.edit("Pipfile", '\nwhitenoise = "*"\n', '\nwhitenoise = "*"\nhumanize = "*"\n')
    commit(shop.path)
    return shop


@pytest.fixture(scope="module")
def updated(edited, template):
    """The same project, updated to the present version."""
    edited.update(template.present)
    edited.pipenv("install", "--dev")
    edited.run("makemigrations")
    edited.run("spectacular", "--file", "schema.yml")
    commit(edited.path)
    return edited


def test_the_project_says_which_version_of_the_template_it_was_made_from(rendered):
    version = json.loads((ROOT / "cookiecutter.json").read_text())["_version"]
    pyproject = (rendered().path / "pyproject.toml").read_text()
    assert f'[tool.template]\nversion = "{version}"\n' in pyproject


def test_an_update_keeps_the_edits_and_brings_what_is_new(updated):
    assert 'LANGUAGE_CODE = "en-gb"' in (updated.path / "shop" / "settings.py").read_text()
    assert '"blog",' in (updated.path / "shop" / "settings.py").read_text()
    assert "quantity = " in (updated.path / "items" / "models.py").read_text()
    assert (updated.path / "items" / "migrations" / "0002_quantity.py").exists()
    assert (updated.path / "blog" / "views.py").exists()
    assert "\nhumanize = " in (updated.path / "Pipfile").read_text()
    assert "[tool.template]" in (updated.path / "pyproject.toml").read_text()


def test_the_updated_project_passes_its_tests(updated):
    updated.passes_its_tests()
    updated.pipenv("verify")
    with updated.serve() as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text


def test_an_update_changes_the_interface(updated, template, installed):
    updated.update(template.present, {"interface": "ASGI"})
    assert not (updated.path / "gunicorn.conf.py").exists()
    assert "\ndaphne = " in (updated.path / "Pipfile").read_text()
    assert "\nhumanize = " in (updated.path / "Pipfile").read_text()
    # What Pipenv would install now.
    shutil.rmtree(updated.venv)
    updated.borrow(installed("ASGI"))
    updated.run("spectacular", "--file", "schema.yml")
    updated.passes_its_tests()
    assert (updated.path / "items" / "tests" / "test_live.py").exists()
    with updated.serve() as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text
        assert "Daphne" in server.log or "daphne" in server.log


@pytest.fixture(scope="module")
def present(template, path, tmp_path_factory):
    """A project of the present version."""
    shop = Shop(tmp_path_factory.mktemp("present"), template, template.present, path)
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
    commit(present.path)
    present.update(template.next)
    settings = (present.path / "shop" / "settings.py").read_text()
    assert '"PAGE_SIZE": 20' in settings
    assert "FIRST_DAY_OF_WEEK = 1" in settings
    assert (present.path / "docs.md").read_text() == "A WEB APPLICATION AND ITS API.\n"
    assert 'version = "2099.01"' in (present.path / "pyproject.toml").read_text()
    assert "tablib = " in (present.path / "Pipfile").read_text()
    present.passes_its_tests()
