"""A project's tests use no Redis, bucket, mail server, error tracker, file or database of its developer."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.machine import PRESENT, RUNNING_PYTHON, pythons_of_other_djangos
from tests.support.s3 import BUCKET, REGION, running_storage
from tests.support.sentry import running_tracker
from tests.support.user import snapshot, virtualenv

pytestmark = pytest.mark.filterwarnings("ignore:Boto3 will no longer support Python 3.9")

# Tests of a developer that use everything that the settings offer.
GREEDY = """
import logging

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import send_mail
from django.core.management import call_command
from django.test import SimpleTestCase, TestCase
from users.models import User


class GreedyTests(TestCase):
    def test_everything(self):
        cache.clear()
        cache.set("mine", "test")
        default_storage.save("map.txt", ContentFile(b"test"))
        default_storage.delete("kept.txt")
        call_command("collectstatic", "--noinput", verbosity=0)
        User.objects.all().delete()
        send_mail("Subject", "Text", None, ["ada@example.com"])
        logging.getLogger("greedy").error("It failed.", exc_info=RuntimeError("in a test"))
"""
FAILING = """
    def test_fails(self):
        raise RuntimeError("in a test")
"""
SOCKETS = """

class SocketTests(SimpleTestCase):
    async def test_a_group(self):
        from channels.layers import get_channel_layer

        await get_channel_layer().group_add("user", "channel")
        await get_channel_layer().group_send("user", {"type": "changed"})

    async def test_an_answer_that_takes_longer_than_the_timeout(self):
        import asyncio
        from asgiref.testing import ApplicationCommunicator

        async def answer(scope, receive, send):
            await asyncio.sleep(0.2)
            await send({"type": "websocket.accept"})
            await asyncio.sleep(0.2)

        socket = ApplicationCommunicator(answer, {"type": "websocket"})
        await socket.receive_output(timeout=0.1)
        await socket.wait(timeout=0.1)
"""
KEEP = """
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from users.models import User

User.objects.create(username="ada")
cache.set("kept", "yes", None)
default_storage.save("kept.txt", ContentFile(b"yes"))
"""
COUNT = """
from django.conf import settings
from django.test.utils import get_runner
print(get_runner(settings)().build_suite().countTestCases())
"""
# Prints the keys of all databases of Redis.
KEYS = """
import sys, redis
for number in range(16):
    connection = redis.Redis.from_url(sys.argv[1], db=number)
    print(sorted((key, connection.get(key), connection.ttl(key)) for key in connection.keys()))
"""
# Spawn the test processes as on macOS, instead of forking them.
SPAWN = """
import multiprocessing, os, sys
from django.core.management import execute_from_command_line
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    os.environ["DJANGO_SETTINGS_MODULE"] = "my_project.settings"
    execute_from_command_line(["manage.py", "test", "--parallel", "2", "greedy", "items"])
"""
# How the tests are run, the answers, and whether uploads are in a bucket.
CASES = [
    ("manage.py", "ASGI", RUNNING_PYTHON, True),
    ("manage.py", "WSGI", RUNNING_PYTHON, False),
    ("parallel", "WSGI", RUNNING_PYTHON, True),
    ("spawned", "ASGI", RUNNING_PYTHON, True),
    ("pytest", "ASGI", RUNNING_PYTHON, False),
    ("pytest", "WSGI", RUNNING_PYTHON, True),
    *(("manage.py", "WSGI", version, True) for version in pythons_of_other_djangos()),
]
# SQLite creates these at the first query.
IGNORED = [Path("db.sqlite3-shm"), Path("db.sqlite3-wal")]
WAYS = {
    "manage.py": ["python", "manage.py", "test", "greedy", "my_project.tests.test_isolation"],
    "parallel": ["python", "manage.py", "test", "--parallel", "2", "greedy", "items"],
    "spawned": ["python", "spawn.py"],
    "pytest": ["pytest", "-p", "no:cacheprovider", "greedy", "my_project/tests/test_isolation.py"],
}


@pytest.fixture(scope="module")
def storage():
    with running_storage() as storage:
        yield storage


@pytest.fixture(scope="module")
def tracker():
    with running_tracker() as tracker:
        yield tracker


@pytest.fixture(scope="module")
def with_pytest(installed, tmp_path_factory):
    """A function that returns a project with pytest-django, as after `pipenv install --dev pytest-django`."""
    made = {}

    def with_pytest(interface, python_version=RUNNING_PYTHON):
        key = interface, python_version
        if key not in made:
            project = installed(*key).copy(tmp_path_factory.mktemp("pytest"))
            packages = project.venv.resolve() / "requirements.txt"
            project.venv.unlink()
            virtualenv(project.venv, (packages.parent / "bin" / "python").resolve(), "-r", packages, "pytest-django")
            made[key] = project
        return made[key]

    return with_pytest


@pytest.mark.matrix
@pytest.mark.parametrize(("interface", "python_version"), [("WSGI", PRESENT[0]), ("ASGI", PRESENT[-1])])
def test_pytest_passes_as_many_tests_as_manage_py_finds(with_pytest, interface, python_version):
    project = with_pytest(interface, python_version)
    count = project.run("shell", "-c", COUNT).stdout.split()[-1]
    done = project.call("pipenv", "run", "pytest", "-W", "error", "-p", "no:cacheprovider")
    assert f" {count} passed" in f" {done.stdout.splitlines()[-1]}", done.stdout


@pytest.mark.parametrize(
    ("way", "interface", "python_version", "has_bucket"),
    [
        pytest.param(
            *case,
            id="-".join(case[:2] if case[2] == RUNNING_PYTHON else case[:3]),
            marks=[] if number == 0 else pytest.mark.matrix,
        )
        for number, case in enumerate(CASES)
    ],
)
def test_the_tests_touch_nothing_else(
    with_pytest, installed, redis, storage, tracker, mail_server, tmp_path, interface, python_version, way, has_bucket
):
    project = (with_pytest if way == "pytest" else installed)(interface, python_version).copy(tmp_path / "project")
    bucket = (
        f"s3+http://{storage.key}:{quote(storage.secret, safe='')}@{storage.address}/{BUCKET}?region_name={REGION}"
    )
    variables = {"REDIS_URL": redis, "EMAIL_URL": mail_server.url, "SENTRY_DSN": tracker.dsn}
    variables.update({"MEDIA_BUCKET_URL": bucket} if has_bucket else {})
    with (project.path / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
    (project.path / "greedy").mkdir()
    (project.path / "greedy" / "__init__.py").touch()
    # Parallel test processes can report a failure only with one more package.
    fails = way in ("manage.py", "pytest")
    greedy = GREEDY + (FAILING if fails else "") + (SOCKETS if interface == "ASGI" else "")
    (project.path / "greedy" / "tests.py").write_text(greedy)
    (project.path / "spawn.py").write_text(SPAWN)
    project.run_all("migrate")
    project.run("shell", "-c", KEEP)
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def everything():
        keys = project.call("python", "-c", KEYS, redis).stdout
        return keys, storage.files(), snapshot(project.path, ignored=IGNORED), list(temporary.iterdir())

    before, sent = everything(), len(mail_server.messages)
    assert "kept" in before[0]
    assert (project.path / "media" / "kept.txt").exists() != has_bucket
    done = project.call(*WAYS[way], env={"TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": 1}, check=False)
    assert ("errors=1" in done.stderr or "1 failed," in done.stdout) if fails else "\nOK\n" in done.stderr, done
    assert everything() == before
    assert len(mail_server.messages) == sent
    assert tracker.envelopes == []
