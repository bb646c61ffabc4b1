"""The steps of a set-up: what each is called, what it does, and the commands that do it by hand."""

import abc
import re
import secrets
from pathlib import Path

from template_code import packages
from template_code.files import write
from template_code.state import PYTHON, State

SCHEMA = Path("schema.yml")


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


STEPS: tuple[Step, ...] = (Settings(), Packages(), Migrations(), Database(), Schema(), Check())
