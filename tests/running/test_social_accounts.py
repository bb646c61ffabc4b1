"""Other ways into an account: a code that is mailed, and other sites; and a second factor that staff need."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import expect

from tests.running.test_accounts import assert_answers_are_the_same
from tests.support.authenticators import totp
from tests.support.issuer import RUBBISH, running_issuer
from tests.support.people import code_in, served, with_all_ways

pytestmark = pytest.mark.matrix

START = "/accounts/oidc/oidc/login/"
CONNECTIONS = "/accounts/3rdparty/"
# In seconds; each request to an issuer may take 5, and there are two in a request for a page.
BOUND = 20
OTHERS = {
    "GITHUB_CLIENT_ID": "of-github",
    "GITHUB_CLIENT_SECRET": "secret-of-github",
    "GOOGLE_CLIENT_ID": "of-google",
    "GOOGLE_CLIENT_SECRET": "secret-of-google",
}
PROVIDERS = {
    "/accounts/github/login/": ("https://github.com/login/oauth/authorize", "of-github"),
    "/accounts/google/login/": ("https://accounts.google.com/o/oauth2/v2/auth", "of-google"),
}


@pytest.fixture(scope="module")
def issuer():
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture(autouse=True)
def healthy(issuer):
    issuer.faults.clear()
    issuer.error = None


@pytest.fixture(scope="module")
def site(deploy, issuer, mail_server, postgres, tmp_path_factory):
    """A site whose settings allow all ways to sign in."""
    deployment = with_all_ways(deploy("ASGI"))
    settings = {**issuer.variables(), **OTHERS}
    with served(deployment, tmp_path_factory.mktemp("tls"), mail_server, postgres, **settings) as site:
        yield site


def owner(site, uid):
    """Return the user who signs in with this account at the issuer."""
    table = "socialaccount_socialaccount JOIN users_user ON user_id = users_user.id"
    return site.sql(f"SELECT username FROM {table} WHERE uid = '{uid}'")


def come(person, **fields):
    """Choose the issuer on the page to sign in, come back, and return the page."""
    return person.fill(START, page="/accounts/login/", **fields)


def test_a_code_that_is_mailed_signs_in(site):
    site.person().sign_up("ada-code")
    site.forget_attempts()
    ada = site.person()
    assert ada.get("/accounts/login/code/").status_code == 200
    ada.fill("/accounts/login/code/", email="ada-code@example.com")
    code = code_in(site.mail("ada-code@example.com", "Code"))
    confirm = "/accounts/login/code/confirm/"
    ada.fill(confirm, code="WRONG-CODE")
    assert not ada.signed_in()
    # Another browser has no use for it.
    assert "id_code" not in site.person().get(confirm).text
    ada.fill(confirm, code=code)
    assert ada.signed_in()
    ada.sign_out()
    assert "id_code" not in ada.get(confirm).text
    assert not ada.signed_in()

    def ask(person, name):
        return person.fill("/accounts/login/code/", email=f"{name}@example.com")

    assert_answers_are_the_same(site, "ada-code", "no-code", [(ask, "Code", "Unknown")])


def test_staff_need_a_second_factor(site):
    root = site.superuser("root")
    page = root.sign_in("root", next="/admin/")
    assert page.url.removeprefix(root.url) == "/accounts/2fa/"
    assert root.get("/admin/users/user/").url.removeprefix(root.url) == "/accounts/2fa/"
    root.prove()
    secret = re.search(r"\b[A-Z2-7]{32}\b", root.get("/accounts/2fa/totp/activate/").text)[0]
    root.fill("/accounts/2fa/totp/activate/", page="/", code=totp(secret))
    page = root.get("/admin/users/user/")
    assert (page.status_code, page.url.removeprefix(root.url)) == (200, "/admin/users/user/")


def test_sign_up_and_sign_in_with_an_issuer(site, issuer, visit):
    issuer.user = {"sub": "1", "email": "grace@example.com", "email_verified": True, "preferred_username": "grace"}
    visitor = site.visitor(visit)
    page = visitor.open("/accounts/login/")
    page.get_by_text("Acme").click()
    if START in page.url:
        page.get_by_role("main").get_by_role("button").click()
    expect(page).to_have_url(f"{site.url}/")
    visitor.problems = [url for url in visitor.problems if not url.startswith(issuer.url)]
    assert site.sql("SELECT email, is_staff FROM users_user WHERE username = 'grace'") == "grace@example.com|f"
    again = site.person()
    come(again, next="/accounts/sessions/")
    assert again.api("GET", "/api/v1/users/me/")["username"] == "grace"

    # Ada connects the account of another user of the issuer, and disconnects it.
    issuer.user = {"sub": "2", "email": "other@example.com", "email_verified": True}
    ada = site.person().sign_up("ada-connects")
    ada.prove()
    ada.fill(f"{START}?process=connect", page=CONNECTIONS)
    assert site.sql(
        "SELECT email FROM socialaccount_socialaccount JOIN users_user u ON user_id = u.id WHERE uid = '2'"
    ) == ("ada-connects@example.com")
    other = site.person()
    come(other)
    assert other.api("GET", "/api/v1/users/me/")["username"] == "ada-connects"
    (number,) = re.findall(
        r'name="account"[^>]*value="(\d+)"|value="(\d+)"[^>]*name="account"', ada.get(CONNECTIONS).text
    )
    ada.fill(CONNECTIONS, account="".join(number))
    assert site.sql("SELECT count(*) FROM socialaccount_socialaccount WHERE uid = '2'") == "0"
    # Grace's account of the issuer stays hers.
    issuer.user = {"sub": "1", "email": "grace@example.com", "email_verified": True}
    ada.prove()
    ada.fill(f"{START}?process=connect", page=CONNECTIONS)
    assert (
        site.sql(
            "SELECT username FROM socialaccount_socialaccount JOIN users_user u ON user_id = u.id WHERE uid = '1'"
        )
        == "grace"
    )


@pytest.mark.parametrize("verified", [True, False])
def test_an_issuer_takes_over_no_account(site, issuer, verified):
    name = f"ada-taken-{verified}".lower()
    site.person().sign_up(name)
    issuer.user = {"sub": name, "email": f"{name}@example.com", "email_verified": verified}
    eve = site.person()
    assert come(eve).status_code < 500
    assert not eve.signed_in()
    assert owner(site, name) == ""


def test_an_address_that_the_issuer_did_not_verify_is_verified(site, issuer):
    issuer.user = {"sub": "3", "email": "new@example.com", "email_verified": False, "preferred_username": "new"}
    new = site.person()
    come(new)
    assert not new.signed_in()
    new.fill(site.link("new@example.com", "Confirm"))
    come(new)
    assert new.signed_in()


def test_a_forged_or_used_answer_signs_nobody_in(site, issuer):
    issuer.user = {"sub": "4", "email": "victim@example.com", "email_verified": True, "preferred_username": "victim"}
    person, other = site.person(), site.person()
    asked = person.fill(START, page="/accounts/login/", follow=False).headers["Location"]
    state = parse_qs(urlsplit(asked).query)["state"][0]
    back = requests.get(asked, allow_redirects=False).headers["Location"]
    path = back.removeprefix(person.url)
    callback = f"{START}callback/"
    assert path.startswith(callback)
    # Another browser, a forged or no state, and no code.
    for forged in (
        path,
        path.replace(state, "forged"),
        path.partition("?")[0],
        f"{path.partition('?')[0]}?state={state}",
    ):
        assert other.get(forged).status_code < 500
        assert not other.signed_in()
    person.get(path)
    assert person.signed_in()
    person.sign_out()
    assert person.get(path).status_code < 500
    assert not person.signed_in()
    for error in "access_denied", "server_error", "\u0000<b>":
        issuer.error = error
        assert come(person).status_code < 500
        assert not person.signed_in()
    # A page of this site only.
    issuer.error = None
    assert urlsplit(come(site.person(), next="https://evil.example/").url).netloc == urlsplit(site.person().url).netloc


STEPS = ["/.well-known/openid-configuration", "/token", "/userinfo"]


@pytest.mark.parametrize("step", STEPS)
def test_an_issuer_that_answers_rubbish_or_nothing(site, issuer, step):
    issuer.user = {"sub": "5", "email": "broken@example.com", "email_verified": True}
    found = {}
    # Silence takes five seconds, whatever the step is.
    for kind, text in {**RUBBISH, **({"nothing": None} if step == "/token" else {})}.items():
        issuer.faults = {step: text}
        person, start = site.person(), time.monotonic()
        found[kind] = come(person).status_code < 500, time.monotonic() - start < BOUND
    assert found == dict.fromkeys(found, (True, True))


@pytest.mark.parametrize("path", PROVIDERS)
def test_the_button_of_a_provider(site, path):
    url, client = PROVIDERS[path]
    person = site.person()
    assert path in person.get("/accounts/login/").text
    location = person.fill(path, page="/accounts/login/", follow=False).headers["Location"]
    asked = parse_qs(urlsplit(location).query)
    assert location.startswith(f"{url}?")
    assert asked["client_id"] == [client]
    assert asked["redirect_uri"] == [f"{person.url}{path}callback/"]
    assert asked["state"][0]
