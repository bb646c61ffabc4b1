"""Each variable of the environment that no other test observes has its effect."""

import re

import pytest

from tests.client import PASSWORD, Client
from tests.production import INTERFACES, Deployment


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_cache_is_shared_where_there_is_a_redis(installed, redis, interface):
    project = installed(interface)
    write = "from django.core.cache import cache; cache.set('shared', 'by all')"
    read = "from django.core.cache import cache; print(cache.get('shared'))"
    for environment, found in ({}, "None"), ({"REDIS_URL": redis}, "by all"):
        project.run("shell", "-c", write, env=environment)
        assert project.run("shell", "-c", read, env=environment).stdout.splitlines()[-1] == found


@pytest.mark.parametrize(("level", "told"), [("warning", False), ("INFO", True)])
def test_messages_are_told_from_the_level_on(installed, level, told):
    script = "import logging; logging.getLogger('items').info('something to know')"
    done = installed("WSGI").run("shell", "-c", script, env={"LOG_LEVEL": level})
    assert ("something to know" in done.stderr) == told


@pytest.mark.parametrize(("origins", "status"), [("", 403), ("https://www.example.com", 200)])
def test_forms_are_taken_from_trusted_origins(installed, postgres, tmp_path, origins, status):
    deployment = Deployment(installed("WSGI"), tmp_path, postgres.database(), CSRF_TRUSTED_ORIGINS=origins).prepare()
    with deployment.serve() as server:
        visitor = Client(server, https=True)
        page = visitor.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        fields = {"csrfmiddlewaretoken": token, "username": "nobody", "password": PASSWORD}
        answer = visitor.post("/accounts/login/", data=fields, headers={"Origin": "https://www.example.com"})
        assert answer.status_code == status


def test_the_database_is_a_file_of_the_project_whatever_its_folder_is_called(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path / "c++ & #1? 50% é")
    (project.path / "db.sqlite3").unlink()
    project.run("migrate")
    assert (project.path / "db.sqlite3").is_file()
