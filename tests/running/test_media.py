"""Uploads in S3-compatible storage, or in a folder without it."""

import json
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from tests.support.client import Client
from tests.support.production import Deployment
from tests.support.s3 import BUCKET, REGION, running_storage

pytestmark = pytest.mark.filterwarnings("ignore:Boto3 will no longer support Python 3.9")

SAVE = """
import json
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

names = [default_storage.save("notes/map.txt", ContentFile(text)) for text in (b"north", b"south")]
read = [default_storage.open(name).read().decode() for name in names]
url = default_storage.url(names[0])
default_storage.delete(names[1])
print("told:" + json.dumps([names, read, url, [default_storage.exists(name) for name in names]]))
"""


@pytest.fixture(scope="module")
def storage():
    with running_storage() as storage:
        yield storage


@pytest.fixture
def deployment(installed, postgres, tmp_path):
    return Deployment(installed("WSGI"), tmp_path, postgres.database())


def address(storage):
    account = f"{storage.key}:{quote(storage.secret, safe='')}"
    return f"s3+http://{account}@{storage.address}/{BUCKET}?region_name={REGION}"


def save(deployment):
    output = deployment.run("shell", "-c", SAVE).stdout
    (told,) = [line.removeprefix("told:") for line in output.splitlines() if line.startswith("told:")]
    names, read, url, exist = json.loads(told)
    assert names[0] == "notes/map.txt"
    assert names[1] != names[0]
    assert read == ["north", "south"]
    assert exist == [True, False]
    return names[0], url


def test_files_are_in_the_named_bucket(deployment, storage):
    deployment.environment["MEDIA_BUCKET_URL"] = address(storage)
    with storage.signatures_verified():
        name, url = save(deployment)
    assert storage.files() == {name: b"north"}
    assert not (deployment.project.path / "media").exists()
    assert requests.get(url, timeout=60).content == b"north"
    parts = urlsplit(url)
    assert parse_qs(parts.query)["X-Amz-Credential"][0].split("/")[::2] == [storage.key, REGION, "aws4_request"]
    assert storage.secret not in url
    assert requests.get(parts._replace(query="").geturl(), timeout=60).status_code == 403


@pytest.mark.matrix
def test_exports_are_in_the_named_bucket(deploy, storage):
    deployment = deploy("ASGI", answers={"background_tasks": "Celery"}, MEDIA_BUCKET_URL=address(storage))
    before = storage.files()
    with deployment.serve() as server:
        ada = Client(server, https=True).sign_up("ada")
        # Without a broker, it runs at once.
        export = f"/api/v1/exports/{ada.api('POST', '/api/v1/exports/', 201)['id']}/"
        assert ada.get(f"{export}file/").text.startswith("\ufeffname,")
        assert storage.files().keys() - before.keys() == {"exports/1.csv"}
        ada.api("DELETE", export, 204)
    assert storage.files() == before
    assert not list((deployment.project.path / "private").glob("exports"))


@pytest.mark.matrix
def test_a_wrong_secret_is_refused(deployment, storage):
    deployment.environment["MEDIA_BUCKET_URL"] = f"s3+http://{storage.key}:wrong@{storage.address}/{BUCKET}"
    with storage.signatures_verified():
        done = deployment.run("shell", "-c", SAVE, check=False)
    assert done.returncode != 0
    assert "SignatureDoesNotMatch" in done.stderr or "Forbidden" in done.stderr, done.stderr


def test_without_a_bucket_files_are_in_the_media_folder(deployment):
    name, url = save(deployment)
    assert (deployment.project.path / "media" / name).read_bytes() == b"north"
    assert url == "/media/notes/map.txt"
