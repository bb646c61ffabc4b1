"""A project behind PgBouncer, where each transaction may get a different connection to PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Client
from tests.support.pooler import running_pooler
from tests.support.production import INTERFACES

pytestmark = pytest.mark.matrix

# While the rows are read, another transaction uses the connection that returned the first rows.
READ = """
from django.db import connection, connections
from users.models import User
users = User.objects.iterator(chunk_size=1)
names = {next(users).username}
with connections.create_connection("default").cursor() as cursor:
    cursor.execute("BEGIN")
    print(len(names | {user.username for user in users}))
with connection.cursor() as cursor:
    cursor.execute("SHOW statement_timeout")
    print(cursor.fetchone()[0])
"""


@pytest.fixture(params=INTERFACES)
def pooled(request, deploy, postgres):
    """A deployment whose requests share two connections to PostgreSQL."""
    deployment = deploy(request.param)
    # As the README says.
    name = deployment.database.rpartition("/")[2]
    postgres.sql(f"ALTER ROLE postgres IN DATABASE {name} SET statement_timeout = '30s'")
    with running_pooler(deployment.database, 2) as url:
        deployment.environment.update(DATABASE_URL=url, DATABASE_POOLER="True")
        yield deployment


def test_it_is_migrated_and_served(pooled):
    assert "No migrations to apply" in pooled.run("migrate").stdout
    with pooled.serve() as server:
        assert Client(server).get("/readyz").text == "ok"

        def use(name):
            user = Client(server, https=True).sign_up(name)
            for number in range(5):
                user.submit("/items/add/", name=f"{name} {number}")
            return user.names()

        names = [f"ada-{number}" for number in range(6)]
        with ThreadPoolExecutor(len(names)) as threads:
            shown = list(threads.map(use, names))
        assert shown == [[f"{name} {number}" for number in reversed(range(5))] for name in names]
    assert pooled.run("shell", "-c", READ).stdout.split()[-2:] == ["6", "30s"]


def test_the_check_names_the_missing_variable(pooled):
    pooled.environment["DATABASE_POOLER"] = "False"
    done = pooled.run("check", check=False)
    assert done.returncode == 1
    assert "DATABASE_POOLER" in done.stderr
