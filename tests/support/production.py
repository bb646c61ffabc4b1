"""A project deployed as its README says: from git, with settings from the environment and PostgreSQL."""

import contextlib
import re
import secrets
import time

from template_code.questions import QUESTIONS
from tests.support.client import PASSWORD

INTERFACES = QUESTIONS["interface"]
SERVE = ("pipenv", "run", "serve")
OIDC = {
    "OIDC_CLIENT_ID": "client",
    "OIDC_CLIENT_SECRET": "secret",
    "OIDC_ISSUER": "https://login.example.com",
    "OIDC_NAME": "Company account",
}
ADD_USERS = """
from users.models import User
for name in {names}:
    User.objects.create_user(name, f"{{name}}@example.com", {password!r}).vouch_for_email()
"""
# What only another site and devices can add: an account there, a passkey with this name, and a security key.
ADD_CONNECTIONS = """
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from users.models import User
user = User.objects.get(username={user!r})
SocialAccount.objects.create(user=user, provider="oidc", uid="1", extra_data={{"email": "ada@example.com"}})
passkey = {{"clientExtensionResults": {{"credProps": {{"rk": True}}}}}}
for data in {{"name": {key!r}, "credential": passkey}}, {{"name": "Key ring"}}:
    Authenticator.objects.create(user=user, type="webauthn", data=data)
"""


class Deployment:
    """`project` is a copy of the files in git, `environment` has its settings, `database` is its DATABASE_URL."""

    def __init__(self, project, folder, database, **settings):
        self.project = project.copy(folder)
        self.database = database
        for name in (".env", "db.sqlite3"):
            (self.project.path / name).unlink(missing_ok=True)
        self.environment = {
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": database,
            "DRAIN_SECONDS": 0,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "TRUSTED_PROXIES": 1,
            **settings,
        }

    def prepare(self):
        self.run("collectstatic", "--noinput")
        # Copies of this project share the collected static files.
        static = self.project.path / "staticfiles"
        static.symlink_to(static.rename(self.project.path.with_name("staticfiles")), target_is_directory=True)
        self.run("migrate")
        return self

    def run(self, *arguments, **options):
        return self.project.run(*arguments, env=self.environment, **options)

    def add_users(self, *names):
        """Create users with a verified address."""
        self.run("shell", "-c", ADD_USERS.format(names=names, password=PASSWORD))

    def add_connections(self, user, key):
        self.run("shell", "-c", ADD_CONNECTIONS.format(user=user, key=key))

    def add_superuser(self, name):
        account = {"DJANGO_SUPERUSER_EMAIL": f"{name}@example.com", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        command = "createsuperuser", "--noinput", "--username", name
        self.project.run(*command, env={**self.environment, **account})

    def without_throttling(self):
        """Raise every throttle rate and limit so far that no test reaches it."""
        settings = self.project.path / self.project.answers["project_slug"] / "settings.py"
        limits = r'\b\d+(?=/min"|/\d+m/)'
        text, count = re.subn(limits, "1000000", settings.read_text(encoding="utf-8"))
        assert count > 10, "the settings have other limits"
        settings.write_text(text, encoding="utf-8")
        return self

    def serve(self, *command, port=None, **settings):
        """Start the production server, by default with the command of `pipenv run serve`; yield its Server."""
        command = command or self.project.answers["__serve"].split()
        return self.project.serve(*command, env={**self.environment, **settings}, port=port)

    def connections(self, postgres):
        """Return the PostgreSQL processes that serve the connections to this database."""
        name = self.database.rpartition("/")[2]
        query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'"
        return postgres.sql(query).split()

    @contextlib.contextmanager
    def outage(self, postgres):
        """Close all connections to the database, and allow no new ones until the block ends."""
        name = self.database.rpartition("/")[2]
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            for pid in self.connections(postgres):
                postgres.sql(f"SELECT pg_terminate_backend({pid}, 60000)")
            yield
        finally:
            postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def wait_until(holds, server, limit=60):
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, server.log
        time.sleep(0.1)
