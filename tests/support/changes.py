"""What developers do to a project: commit it, remove the example, add resources, run the tests and the linters."""

import shutil
import subprocess
from pathlib import Path

from tests.support.machine import clean_environment

PERSON = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in {"NAME": "Ada", "EMAIL": "ada@example.com"}.items()
}
# Every type of field, most of them also optional, and relations to each other and to the example.
RESOURCES = [
    ["catalog", "Category", "name:str:unique", "--shared"],
    ["catalog", "Crate", "name:str", "category:catalog.Category:optional"],
    [
        *["shop", "BoxOffer", "title:str", "subtitle:str:40:optional", "body:text", "stock:int", "limit:int:optional"],
        *["views:bigint:index", "height:float", "price:decimal:8:2", "discount:decimal:default=1", "active:bool"],
        *["since:date", "until:date?", "opens:time", "seen:datetime", "sold:datetime:default=now", "length:duration"],
        *["contact:email", "site:url", "slug:slug:unique", "key:uuid", "extra:json", "state:choice:new:old"],
        *["manual:file:pdf:txt:optional", "crate:catalog.Crate", "item:items.Item:optional", "author:user"],
        *["crates:many:catalog.Crate", "category:catalog.Category:set_null", "name:str:help=Short"],
    ],
]
MADE = {"__pycache__", ".coverage", ".git", ".venv", ".ruff_cache", ".mypy_cache"}


def git(folder, *words):
    """Run git with an author's name set; return its output."""
    environment = clean_environment(**PERSON)
    done = subprocess.run(
        ["git", *map(str, words)], cwd=folder, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"git {words}\n{done.stdout}{done.stderr}"
    return done.stdout.rstrip("\n")


def commit(folder):
    """Commit everything in a folder, and create the repository if needed; return the commit."""
    git(folder, "init", "--quiet")
    # A borrowed .venv is a symlink. The .gitignore of older releases ignores only a folder.
    (Path(folder) / ".git" / "info" / "exclude").write_text(".venv\n", encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "All")
    return git(folder, "rev-parse", "HEAD")


def contents(project):
    """Return path -> content of all files, without those that running the project creates."""
    paths = [path for path in project.path.rglob("*") if not MADE & set(path.parts) and path.is_file()]
    # SQLite may leave files beside its database.
    paths = [path for path in paths if not path.name.startswith("db.sqlite3")]
    return {str(path.relative_to(project.path)): path.read_bytes() for path in paths}


def edit(project, name, old, new, after=""):
    """Replace a text that occurs once in a file, or the first one after another text."""
    path = project.path / name
    text = path.read_text(encoding="utf-8")
    start = text.index(after)
    assert old in text[start:] if after else text.count(old) == 1, f"{name}: {old}"
    path.write_text(text[:start] + text[start:].replace(old, new, 1), encoding="utf-8")


def add_file(project, name, text):
    path = project.path / name
    assert not path.exists(), name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def add_imports(project, name, imports):
    """Write these lines on top of a module; `ruff check --fix` sorts them."""
    path = project.path / name
    path.write_text(imports + path.read_text(encoding="utf-8"), encoding="utf-8")


def remove_example(project, env=None):
    """Remove the first app as the README says: delete folders and two lines, then regenerate schema.yml."""
    shutil.rmtree(project.path / "items")
    if project.answers["__django"] == "4.2":
        shutil.rmtree(project.path / ".mypy_cache", ignore_errors=True)
    edit(project, "my_project/settings.py", '    "items",\n', "")
    edit(project, "my_project/urls.py", '    path("", include("items.urls")),\n', "")
    project.run("spectacular", "--file", "schema.yml", env=env)


def is_clean(project, *apps):
    """Check that the tests of these apps pass, and that Django's checks and ruff report nothing."""
    # Django 5 warns of each URLField that forms will assume HTTPS.
    warnings = ["-W", "error", "-W", "ignore:The default scheme will be changed"]
    done = project.call("python", *warnings, "manage.py", "test", *apps)
    assert "\nOK\n" in done.stderr
    return tools_are_content(project)


def tools_are_content(project):
    project.run("check", "--fail-level", "WARNING")
    project.run("makemigrations", "--check")
    project.call("ruff", "check")
    project.call("ruff", "format", "--check")
    return True
