"""A project deployed as its README says: from git, with settings in the environment and PostgreSQL."""

import contextlib
import secrets

from demo import QUESTIONS

INTERFACES = QUESTIONS["interface"]
SERVE = ("pipenv", "run", "serve")


class Deployment:
    """`project` is a copy without what git ignores, `environment` its settings, `database` its DATABASE_URL."""

    def __init__(self, project, folder, database, **settings):
        self.project = project.copy(folder)
        self.database = database
        for name in (".env", "db.sqlite3"):
            (self.project.path / name).unlink()
        self.environment = {
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": database,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "TRUSTED_PROXIES": 1,
            **settings,
        }

    def prepare(self):
        self.run("collectstatic", "--noinput")
        self.run("migrate")
        return self

    def run(self, *arguments, **options):
        return self.project.run(*arguments, env=self.environment, **options)

    @contextlib.contextmanager
    def serve(self, **settings):
        """Start the production server; give its Server."""
        with self.project.serve(*SERVE, env={**self.environment, **settings}) as server:
            yield server
