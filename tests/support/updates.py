"""Projects that cruft generates from one version of the template and updates to another."""

import json
import re
import shutil
import subprocess
import sys

from template_code.questions import ROOT
from tests.support.changes import PERSON, commit, git
from tests.support.machine import clean_environment
from tests.support.project import Project
from tests.support.user import copy_template
from tools.release import releases

# The number of releases from which the tests update projects.
TESTED = 3


def last_releases():
    """Return the last releases, the oldest first."""
    return releases((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[:TESTED][::-1]


def commit_of(release):
    """Return the full hash of the commit of a release."""
    done = subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", f"{release.commit}^{{commit}}"],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, f"{release.version}: this clone lacks {release.commit}; run `git fetch --unshallow`"
    return done.stdout.strip()


class Template:
    """A git repository with the template's history, its present files, committed or not, and a next version."""

    def __init__(self, path):
        self.path = path
        git(path.parent, "clone", "--quiet", ROOT, path)
        git(path, "rm", "-r", "--quiet", ".")
        copy_template(path)
        self.present = commit(path)
        self.edit("template_code/extension.py", "^    texts.markdown,$", "    texts.markdown,\n    str.upper,")
        self.edit("cookiecutter.json", r'"_version": ".*?"', '"_version": "2099.01.01"')
        project = "{{cookiecutter.project_slug}}"
        self.edit(f"{project}/README.md", "^# .*$", "# {{ cookiecutter.project_name|upper }}")
        self.edit(f"{project}/{project}/settings.py", "^USE_TZ = True$", "USE_TZ = True\nFIRST_DAY_OF_WEEK = 1")
        self.edit(f"{project}/Pipfile", r"^whitenoise = .*$", r"tablib = '*'\n\g<0>")
        (path / project / "docs.md").write_text("{{ cookiecutter.description|upper }}\n", encoding="utf-8")
        self.next = commit(path)

    def edit(self, file, old, new):
        text = (self.path / file).read_text(encoding="utf-8")
        edited = re.sub(old, new, text, count=1, flags=re.MULTILINE)
        assert edited != text, f"{file} has no {old}"
        (self.path / file).write_text(edited, encoding="utf-8")


class Shop(Project):
    """A project that cruft generated, committed to git; its programs are those on `search_path`."""

    def __init__(self, folder, template, version, search_path, answers, **environment):
        self.search_path = search_path
        answers = {"project_name": "Shop", **answers}
        super().__init__(folder / "shop", {**answers, "project_slug": "shop"})
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--checkout", version, "--extra-context", json.dumps(answers)]
        self.output = self.cruft(folder, "create", "--no-input", *options, template.path, **environment)
        commit(self.path)

    def lend(self, environment):
        """Replace the project's virtual environment with this one."""
        if self.venv.is_symlink():
            self.venv.unlink()
        elif self.venv.exists():
            shutil.rmtree(self.venv)
        self.venv.symlink_to(environment, target_is_directory=True)

    def cruft(self, folder, *arguments, **environment):
        """Run cruft and return its output; cruft may fail without an exit code."""
        command = [sys.executable, "-m", "cruft", *map(str, arguments)]
        environment = clean_environment(PATH=self.search_path, **PERSON, **environment)
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def update(self, version, answers=None):
        """Update to a version of the template, with changed answers; check for conflicts, and commit the result."""
        options = ["--variables-to-update", json.dumps(answers)] if answers else []
        installed = self.installed()
        output = self.cruft(self.path, "update", "--skip-apply-ask", "--checkout", version, *options)
        assert "as clean as possible" in output
        assert "different update strategy" not in output
        assert "Setting up" not in output
        assert self.installed() == installed
        assert not list(self.path.glob("*/**/*.rej"))
        assert not list(self.path.glob("*.rej"))
        assert "\nU" not in f"\n{git(self.path, 'status', '--porcelain')}"
        git(self.path, "diff", "--check", "HEAD", "--", ".", ":!*.lock")
        commit(self.path)
        assert git(self.path, "status", "--porcelain") == ""
        return output

    def installed(self):
        """Return path -> modification time of everything that the set-up created."""
        files = [self.path / name for name in (".env", "Pipfile.lock", "db.sqlite3", "schema.yml", "setup.log")]
        if not self.venv.is_symlink():
            files += [file for file in self.venv.rglob("*") if "__pycache__" not in file.parts]
        return {file: file.stat().st_mtime_ns for file in files if file.exists()}

    def edit(self, file, old, new):
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old}"
        (self.path / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    def edit_as_users_do(self):
        """Add an app and a package, change a setting and a model; regenerate the migration and schema.yml."""
        has_resources = list(self.path.glob("**/resource_template"))
        self.run("startapp", "blog", *(["Post", "title:str"] if has_resources else []))
        for file, line in ("settings", '    "items",\n'), ("urls", '    path("", include("items.urls")),\n'):
            # A newer startapp has done this.
            if line.replace("items", "blog") not in (self.path / "shop" / f"{file}.py").read_text(encoding="utf-8"):
                self.edit(f"shop/{file}.py", line, line + line.replace("items", "blog"))
        self.edit("shop/settings.py", 'LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "en"')
        quantity = "    quantity = models.PositiveIntegerField(default=1)\n"
        # Away from the other fields, which got names to translate: beside them this would be a conflict.
        self.edit("items/models.py", "    objects = ", f"{quantity}\n    objects = ")
        # `pipenv install` adds it at this place.
        self.edit("Pipfile", '\nwhitenoise = "*"\n', '\nwhitenoise = "*"\nhumanize = "*"\n')
        self.run_all("makemigrations --name quantity items", "spectacular --file schema.yml")
        commit(self.path)

    def has_the_edits(self):
        settings = (self.path / "shop" / "settings.py").read_text(encoding="utf-8")
        assert 'LANGUAGE_CODE = "en"' in settings
        assert '    "blog",\n' in settings
        assert "    quantity = " in (self.path / "items" / "models.py").read_text(encoding="utf-8")
        assert (self.path / "items" / "migrations" / "0002_quantity.py").exists()
        assert 'include("blog.urls")' in (self.path / "shop" / "urls.py").read_text(encoding="utf-8")
        assert (self.path / "blog" / "views.py").exists()
        assert "\nhumanize = " in (self.path / "Pipfile").read_text(encoding="utf-8")

    def follow_the_changelog(self, version):
        """Run the commands that CHANGELOG.md has for the versions after this one."""
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition(f"\n## [{version}]")[0]
        for commands in re.findall(r"^```sh\n(.*?)^```$", changelog, re.DOTALL | re.MULTILINE)[::-1]:
            self.call("bash", "-euc", commands.replace("my_project", "shop").replace("pipenv run ", ""))

    def pipenv(self, *arguments):
        settings = {"PIPENV_VENV_IN_PROJECT": "1", "PIPENV_IGNORE_VIRTUALENVS": "1"}
        return self.call("pipenv", *arguments, env=settings)

    def passes_its_tests(self):
        self.run("migrate")
        assert "No changes detected" in self.run("makemigrations", "--check").stdout
        assert "\nOK\n" in self.run("test").stderr
        self.call("ruff", "check")
