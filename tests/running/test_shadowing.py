"""No answer can give a package of the project the name of a module that it imports: all these names are refused."""

import json
import re

import pytest

from template_code.names import problem_with_name
from template_code.questions import QUESTIONS
from tests.support.rendering import assigned

# Runs a command of manage.py, and imports the modules that it reads from its input. Prints each name that Python tried
# to import, found or not, and each name that the packages install.
SCRIPT = """
import contextlib, importlib, json, pathlib, runpy, sys, sysconfig
asked = set()

class Recorder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None:
            asked.add(name)

sys.meta_path.insert(0, Recorder)
sys.argv = ["manage.py", *sys.argv[1].split()]
try:
    runpy.run_path("manage.py", run_name="__main__")
except SystemExit as end:
    assert not end.code
for name in sys.stdin.read().split():
    importlib.import_module(name)
# The storage imports more when it is used.
from django.core.files.storage import default_storage
default_storage.url("file")
folder = pathlib.Path(sysconfig.get_path("purelib"))
installed = {path.name.partition(".")[0] for path in folder.iterdir() if path.suffix in ("", ".py", ".so")}
print(json.dumps({"asked": sorted(asked), "installed": sorted(installed)}))
"""

# Settings that enable optional parts, so that their imports are included.
SWITCHES = {"MEDIA_BUCKET_URL": "s3://key:secret@127.0.0.1:1/media", "SENTRY_DSN": "http://key@127.0.0.1:1/1"}

SERVERS = {
    "ASGI": "daphne.cli channels_redis.core redis.asyncio uvicorn.supervisors uvicorn.loops.uvloop "
    "uvicorn.protocols.http.auto uvicorn.protocols.websockets.auto",
    "WSGI": "gunicorn.app.wsgiapp gunicorn.workers.sync redis",
}
# What a worker imports, with either broker.
CELERY = "celery.bin.celery celery.apps.worker celery.concurrency.prefork kombu.transport.pyamqp kombu.transport.redis"


@pytest.mark.matrix
@pytest.mark.parametrize(("interface", "background_tasks"), [("WSGI", "none"), ("ASGI", "Celery")])
def test_each_name_that_a_running_project_imports_is_refused(installed, interface, background_tasks):
    project = installed(interface, background_tasks=background_tasks)
    servers = SERVERS[interface] + " argon2 django.db.backends.postgresql.base sentry_sdk storages.backends.s3"
    apps = "items users"
    if background_tasks == "Celery":
        servers += f" {CELERY}"
        apps += " exports"
    names = {"asked": set(), "installed": set()}
    for command, environment in (f"test {apps}", {}), ("check", SWITCHES):
        done = project.call("python", "-c", SCRIPT, command, stdin=servers, env=environment)
        for kind, found in json.loads(done.stdout.splitlines()[-1]).items():
            names[kind].update(found)
    own = {path.name for path in project.path.iterdir() if path.is_dir()} - {"exports", "private", "scripts", "users"}
    assert {"django", "rest_framework"} <= names["asked"]
    assert {"django", "rest_framework"} <= names["installed"]
    accepted = [
        name
        for name in (names["asked"] | names["installed"]) - own
        if re.fullmatch("[a-z][a-z0-9_]{0,39}", name) and not problem_with_name(name)
    ]
    assert sorted(accepted) == []


@pytest.mark.parametrize("interface", QUESTIONS["interface"])
def test_each_app_label_is_refused(rendered, interface):
    project = rendered(interface=interface)
    settings = project.path / project.path.name / "settings.py"
    own = {project.path.name, project.answers["app_name"]}
    labels = {app.rpartition(".")[2] for app in assigned(settings)["INSTALLED_APPS"]} - own
    assert [label for label in labels if not problem_with_name(label)] == []
