"""The steps of a set-up: what each is called, what it does, and the commands that do it by hand."""

import abc
import contextlib
import os
import re
import secrets
import shutil
from pathlib import Path

from template_code import packages
from template_code.files import write
from template_code.processes import StepFailed
from template_code.state import LOG, PYTHON, State

SCHEMA = Path("schema.yml")
FIRST_COMMIT = ["git init", "git add --all", "git commit --message 'First commit'"]


class Step(abc.ABC):
    """A step; `name` is what the user reads."""

    name: str

    @abc.abstractmethod
    def do(self, state: State) -> str:
        """Do it, if it is not done yet; return what was done in a few words, or raise StepFailed."""

    @abc.abstractmethod
    def by_hand(self, state: State) -> list[str]:
        """Return the shell commands that do it."""


class Settings(Step):
    """Copies .env.example to .env, with a secret key of its own."""

    name = "development settings in .env"

    def do(self, state: State) -> str:
        env = Path(".env")
        if env.exists():
            return "kept"
        example = Path(".env.example").read_text(encoding="utf-8")
        write(env, example.replace("for-development-only", secrets.token_urlsafe(48)), mode=0o600)
        return "with a new secret key"

    def by_hand(self, state: State) -> list[str]:
        return ["cp .env.example .env"]


class Packages(Step):
    """Creates the virtualenv and installs the packages."""

    name = "packages, with pipenv install"

    def do(self, state: State) -> str:
        return packages.install(state)

    def by_hand(self, state: State) -> list[str]:
        return packages.by_hand(state)


class Migrations(Step):
    """Makes the first migrations, those of the users first: the other apps refer to them, and then need one file."""

    name = "migrations, with makemigrations"

    def do(self, state: State) -> str:
        apps = sorted(state.answers["__apps"].split(), key=lambda app: app != "users")
        # A project that is generated again can have got an app.
        apps = [app for app in apps if not Path(app, "migrations", "0001_initial.py").exists()]
        if not apps:
            return "kept"
        before = set(Path().glob("*/migrations/*.py"))
        try:
            for app in apps:
                # Without the header, which holds the time, the same answers make the same file.
                state.manager.run("makemigrations", "--no-header", app)
        except BaseException:
            for path in set(Path().glob("*/migrations/*.py")) - before:
                path.unlink()
            raise
        return " and ".join(filter(None, [", ".join(apps[:-1]), apps[-1]]))

    def by_hand(self, state: State) -> list[str]:
        return [f"{PYTHON} manage.py makemigrations users", f"{PYTHON} manage.py makemigrations"]


class Database(Step):
    """Creates the tables of the embedded database; a server that .env names is not touched."""

    name = "database, with migrate"

    def do(self, state: State) -> str:
        if re.search("^DATABASE_URL(_FILE)?=.", Path(".env").read_text(encoding="utf-8"), re.MULTILINE):
            return "left alone: .env names another one"
        return f"db.sqlite3, {state.manager.run('migrate').count(' OK')} migrations applied"

    def by_hand(self, state: State) -> list[str]:
        return [f"{PYTHON} manage.py migrate"]


class Schema(Step):
    """Writes the description of the API; the old one stays until the new one is whole."""

    name = "API schema, with spectacular"

    def do(self, state: State) -> str:
        new = SCHEMA.with_name(f"{SCHEMA.name}.new")
        try:
            state.manager.run("spectacular", "--file", str(new))
            new.replace(SCHEMA)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        return SCHEMA.name

    def by_hand(self, state: State) -> list[str]:
        return [f"{PYTHON} manage.py spectacular --file {SCHEMA}"]


class Check(Step):
    """Runs Django's system checks."""

    name = "check"

    def do(self, state: State) -> str:
        return state.manager.run("check").strip().rpartition("\n")[2]

    def by_hand(self, state: State) -> list[str]:
        return [f"{PYTHON} manage.py check"]


class Repository(Step):
    """Creates a git repository with a first commit. The project runs without it, so it never fails."""

    name = "repository, with git init"

    def do(self, state: State) -> str:
        if Path(".git").exists():
            return "kept"
        reason = self.reason_against()
        if not reason:
            try:
                state.runner.run("git", "var", "GIT_COMMITTER_IDENT")
            except StepFailed:
                reason = "git config has no user.name or user.email"
        if not reason:
            try:
                return self.create(state)
            except StepFailed:
                reason = f"git failed, see {LOG}"
        if not self.reason_against():
            state.first_commit = FIRST_COMMIT
        return f"left out: {reason}"

    def by_hand(self, state: State) -> list[str]:
        return [] if Path(".git").exists() or self.reason_against() else FIRST_COMMIT

    def reason_against(self) -> str:
        """Return why there is to be no repository, or nothing."""
        wanted = os.environ.get("SETUP_GIT")
        around = [str(folder) for folder in Path.cwd().parents if (folder / ".git").exists()]
        if wanted == "0":
            return "SETUP_GIT is 0"
        if around and wanted != "1":
            return f"inside the repository {around[0]}"
        if not shutil.which("git"):
            return "git is not installed"
        return ""

    def create(self, state: State) -> str:
        """Create the repository, without the user's hooks and signature, which could ask something."""
        options = "init.defaultBranch=main", f"core.hooksPath={os.devnull}", "commit.gpgSign=false"
        git = ["git", *(word for option in options for word in ("-c", option))]
        try:
            state.runner.run(*git, "init", "--quiet")
            state.runner.run(*git, "add", "--all")
            state.runner.run(*git, "commit", "--quiet", "--message", "First commit")
        except BaseException:
            # The next set-up would take it for the user's own.
            shutil.rmtree(".git", ignore_errors=True)
            raise
        # The checks that pre-commit runs need Pipenv.
        if shutil.which("pre-commit") and state.own_pipenv == ["pipenv"]:
            with contextlib.suppress(StepFailed):
                state.runner.run("pre-commit", "install")
                return "first commit on main; pre-commit checks the next ones"
        return "first commit on main"


STEPS: tuple[Step, ...] = (Settings(), Packages(), Migrations(), Database(), Schema(), Check(), Repository())
