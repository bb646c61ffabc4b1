"""Accounts in production: two processes, PostgreSQL, HTTPS, real mails and a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.authenticators import add_authenticator, totp
from tests.support.client import PASSWORD
from tests.support.machine import PRESENT
from tests.support.mail import text_of
from tests.support.people import served

pytestmark = pytest.mark.matrix

NEW_PASSWORD = "a different horse altogether"
NEWEST_PASSWORD = "the third horse of this stable"
# The oldest and the newest django-allauth.
KINDS = [
    pytest.param(("ASGI", PRESENT[0], {}), id="username"),
    pytest.param(("WSGI", PRESENT[-1], {"login": "email"}), id="email"),
]

# Links as they were mailed four days ago.
OLD_LINKS = """
import time
from datetime import datetime, timedelta
from unittest import mock
from allauth.account.forms import default_token_generator as tokens
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
address = EmailAddress.objects.get(email="{}")
tokens._now = lambda: datetime.now() - timedelta(days=4)
with mock.patch("time.time", return_value=time.time() - 4 * 86400):
    print(EmailConfirmationHMAC(address).key)
print(user_pk_to_url_str(address.user) + "-" + tokens.make_token(address.user))
"""


@pytest.fixture(scope="module", params=KINDS)
def site(request, deploy, mail_server, postgres, tmp_path_factory):
    with served(deploy(*request.param), tmp_path_factory.mktemp("tls"), mail_server, postgres) as site:
        yield site


def test_the_way_of_an_account(site):
    ada = site.person()
    page = ada.register("ada")
    assert page.status_code == 200
    assert not ada.signed_in()
    message = site.mail("ada@example.com", "Confirm")
    assert message["Subject"] == "Please Confirm Your Email Address"
    (link,) = re.findall(r"https://[^/\s]+(/accounts/confirm-email/\S+)", text_of(message))
    assert f'{link}"' in message.get_body(["html"]).get_content()
    # Without the link, the right password does not sign in.
    ada.sign_in("ada")
    assert not ada.signed_in()
    # The link works in another browser, and opening it is not enough.
    other = site.person()
    assert other.get(link).status_code == 200
    ada.sign_in("ada")
    assert not ada.signed_in()
    other.fill(link)
    assert not other.signed_in()
    ada.sign_in("ada", "wrong")
    assert not ada.signed_in()
    ada.sign_in("ada")
    assert ada.signed_in()
    # The session outlives the browser.
    (session,) = [cookie for cookie in ada.cookies if cookie.name == "sessionid"]
    assert session.expires
    # The link works once: a later visitor is not signed in by it, and changes nothing.
    third = site.person()
    assert third.get(link).status_code < 500
    assert not third.signed_in()

    # The old address stays until the new one is verified.
    ada.prove()
    ada.fill("/accounts/email/", email="ada@example.org", action_add="")
    assert ada.api("GET", "/api/v1/users/me/")["email"] == "ada@example.com"
    new = site.link("ada@example.org", "Confirm")
    ada.fill(new)
    assert ada.api("GET", "/api/v1/users/me/")["email"] == "ada@example.org"
    assert "ada@example.org" in text_of(site.mail("ada@example.com", "Changed"))

    ada.sign_out()
    assert not ada.signed_in()


def test_a_password_is_changed_and_reset(site):
    ada, elsewhere = site.person().sign_up("ada-password"), site.person()
    elsewhere.sign_in("ada-password")
    assert elsewhere.signed_in()
    ada.fill("/accounts/password/change/", oldpassword="wrong", password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    ada.fill("/accounts/password/change/", oldpassword=PASSWORD, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    site.mail("ada-password@example.com", "Password Changed")
    assert ada.signed_in()
    assert not elsewhere.signed_in()
    ada.sign_out()
    ada.sign_in("ada-password")
    assert not ada.signed_in()
    ada.sign_in("ada-password", NEW_PASSWORD)
    assert ada.signed_in()

    elsewhere.fill("/accounts/password/reset/", email="ada-password@example.com")
    link = site.link("ada-password@example.com", "Reset")
    assert reset(elsewhere, link, NEWEST_PASSWORD)
    site.mail("ada-password@example.com", "Password Reset")
    assert not ada.signed_in()
    assert not reset(site.person(), link, PASSWORD)
    elsewhere.sign_in("ada-password", NEWEST_PASSWORD)
    assert elsewhere.signed_in()

    confirmation, key = site.shell(OLD_LINKS.format("ada-password@example.com")).split()[-2:]
    assert not reset(site.person(), f"/accounts/password/reset/key/{key}/", PASSWORD)
    page = site.person().get(f"/accounts/confirm-email/{confirmation}/")
    assert "csrfmiddlewaretoken" not in page.text.partition("<main")[2]


def reset(person, link, password):
    """Open this link and set a password; return whether there was a form for it."""
    page = person.get(link)
    if "password1" not in page.text:
        return False
    path = page.url.removeprefix(person.url)
    return person.fill(path, password1=password, password2=password).status_code == 200


def test_no_page_tells_whether_an_address_has_an_account(site):
    site.person().sign_up("member")
    site.forget_attempts()

    def sign_up(person, name):
        return person.register(f"{name}-again", email=f"{name}@example.com")

    def reset_password(person, name):
        return person.fill("/accounts/password/reset/", email=f"{name}@example.com")

    ways = [(reset_password, "Reset", "Unknown"), (sign_up, "Already", "Confirm")]
    assert_answers_are_the_same(site, "member", "nobody", ways)


def assert_answers_are_the_same(site, member, nobody, ways):
    """Do this with an address with and one without an account: pages are the same, and each gets one mail."""
    for send, *subjects in ways:
        shown = []
        for name, subject in zip((member, nobody), subjects):
            person = site.person()
            page = send(person, name)
            text = re.sub(r'(value|nonce)="[^"]*"', "", page.text.replace(name, "name"))
            steps = [each.status_code for each in (*page.history, page)]
            shown.append((page.url.removeprefix(person.url), steps, sorted(person.cookies.keys()), text))
            site.mail(f"{name}@example.com", subject)
            assert site.untaken(f"{name}@example.com") == []
        # An address gets one such mail in a minute.
        site.forget_attempts()
        assert shown[0] == shown[1]


def fill(page, **fields):
    """Fill in the form with these fields and send it with the Enter key."""
    for name, value in fields.items():
        page.locator(f"#id_{name}").fill(value)
    page.locator(f"#id_{name}").press("Enter")


def enter(site, visit, name, then):
    """Sign in with a browser, go to this page, and enter the password again; return the browser's page."""
    page = site.visitor(visit).open("/accounts/login/")
    fill(page, login=site.name_of(name), password=PASSWORD)
    expect(page).to_have_url(f"{site.url}/")
    page.goto(f"{site.url}/accounts/reauthenticate/?next={then}")
    fill(page, password=PASSWORD)
    expect(page).to_have_url(f"{site.url}{then}")
    return page


def sign_out(page):
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#id_login")).to_be_visible()


def test_a_second_factor(site, visit):
    ada = site.person().sign_up("ada-factor")
    page = enter(site, visit, "ada-factor", "/accounts/2fa/totp/activate/")
    secret = page.locator("#authenticator_secret").input_value()
    fill(page, code=totp(secret))
    expect(page).not_to_have_url(re.compile("activate"))
    site.mail("ada-factor@example.com", "Activated")
    page.goto(f"{site.url}/accounts/2fa/recovery-codes/")
    codes = page.locator("#recovery_codes").input_value().split()
    assert len(set(codes)) == 10
    sign_out(page)

    # The password alone signs in nowhere. A code works once.
    site.forget_used_codes()
    code = ""
    for works in (True, False):
        fill(page, login=site.name_of("ada-factor"), password=PASSWORD)
        expect(page).to_have_url(re.compile("/2fa/authenticate/"))
        page.goto(f"{site.url}/accounts/password/change/")
        expect(page).to_have_url(re.compile("/accounts/login/|/2fa/authenticate/"))
        page.goto(f"{site.url}/accounts/2fa/authenticate/")
        code = code or totp(secret)
        fill(page, code=code)
        if works:
            expect(page).to_have_url(f"{site.url}/")
            sign_out(page)
    expect(page.locator("#id_code")).to_be_visible()
    for code, works in ((codes[0], True), (codes[0], False), (codes[1], True)):
        ada.cookies.clear()
        ada.sign_in("ada-factor")
        ada.fill("/accounts/2fa/authenticate/", code=code)
        assert ada.signed_in() == works

    account = {site.login: site.name_of("ada-factor"), "password": PASSWORD}
    for wrong in ({}, {"code": "000000"}, {"code": codes[0]}):
        ada.api("POST", "/api/v1/token/", expect=403, **account, **wrong)
    site.forget_used_codes()
    code = totp(secret)
    assert ada.api("POST", "/api/v1/token/", expect=201, code=code, **account)["token"]
    ada.api("POST", "/api/v1/token/", expect=403, code=code, **account)
    assert ada.api("POST", "/api/v1/token/", expect=201, code=codes[2], **account)["token"]


def test_a_passkey_and_a_security_key(site, visit):
    site.person().sign_up("ada-key")
    page = enter(site, visit, "ada-key", "/accounts/2fa/webauthn/add/")
    keys = add_authenticator(page)
    page.locator("#id_name").fill("Telephone")
    page.locator("#id_passwordless").check()
    page.locator("#mfa_webauthn_add").click()
    expect(page).not_to_have_url(re.compile("/add/"))
    site.mail("ada-key@example.com", "Added")
    assert [key["isResidentCredential"] for key in keys()] == [True]
    sign_out(page)
    # Without a password.
    page.locator("#passkey_login").click()
    expect(page).to_have_url(f"{site.url}/")
    # A key confirms what the password confirms too.
    page.goto(f"{site.url}/accounts/2fa/webauthn/reauthenticate/?next=/accounts/2fa/webauthn/")
    page.locator("#mfa_webauthn_reauthenticate").click()
    expect(page).to_have_url(f"{site.url}/accounts/2fa/webauthn/")
    expect(page.get_by_text("Telephone")).to_be_visible()
    sign_out(page)
    # As the second factor after the password.
    fill(page, login=site.name_of("ada-key"), password=PASSWORD)
    page.locator("#mfa_webauthn_authenticate").click()
    expect(page).to_have_url(f"{site.url}/")

    site.person().sign_up("bob-key")
    page = enter(site, visit, "bob-key", "/accounts/2fa/webauthn/add/")
    keys = add_authenticator(page, transport="usb", hasResidentKey=False, hasUserVerification=False)
    page.locator("#id_name").fill("Key ring")
    page.locator("#mfa_webauthn_add").click()
    expect(page).not_to_have_url(re.compile("/add/"))
    assert [key["isResidentCredential"] for key in keys()] == [False]
    sign_out(page)
    fill(page, login=site.name_of("bob-key"), password=PASSWORD)
    page.locator("#mfa_webauthn_authenticate").click()
    expect(page).to_have_url(f"{site.url}/")


SENSITIVE = {
    "/accounts/email/": {"email": "eve@example.com", "action_add": ""},
    "/accounts/2fa/totp/activate/": {"code": "000000"},
    "/accounts/2fa/webauthn/add/": {"name": "Key", "credential": "{}"},
    "/accounts/tokens/": {"name": "Laptop"},
    "/accounts/delete/": {},
}


def test_a_sensitive_change_needs_the_password_again(site):
    ada = site.person().sign_up("ada-sensitive")
    site.age_sessions()
    assert ada.prove("wrong").url.endswith("/accounts/reauthenticate/")
    assert asks_again(ada) == list(SENSITIVE)
    ada.prove()
    assert asks_again(ada, ["/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/accounts/tokens/"]) == []
    site.age_sessions()
    assert asks_again(ada) == list(SENSITIVE)
    assert ada.signed_in()


def asks_again(person, paths=tuple(SENSITIVE)):
    """Return the pages that ask for the password before they accept a form."""
    return [path for path in paths if "/reauthenticate/" in person.fill(path, page="/", **SENSITIVE[path]).url]


def test_the_list_of_sessions_ends_those_of_other_browsers(site):
    ada, lost = site.person().sign_up("ada-sessions"), site.person()
    lost.sign_in("ada-sessions")
    bob = site.person().sign_up("bob-sessions")
    page = ada.get("/accounts/sessions/").text
    addresses = [each.proxied["X-Forwarded-For"] for each in (ada, lost, bob)]
    assert [address in page for address in addresses] == [True, True, False]
    assert lost.signed_in()
    ada.fill("/accounts/sessions/")
    assert [each.signed_in() for each in (ada, lost, bob)] == [True, False, True]


def test_the_admin_uses_the_page_to_sign_in(site):
    root = site.superuser("root")
    page = root.get("/admin/users/user/")
    assert page.url.removeprefix(root.url) == "/accounts/login/?next=%2Fadmin%2Fusers%2Fuser%2F"
    page = root.sign_in("root", next="/admin/users/user/")
    assert page.url.removeprefix(root.url) == "/admin/users/user/"
    assert page.status_code == 200
    ada = site.person().sign_up("ada-admin")
    assert ada.get("/admin/").status_code == 403
    # Forms of the admin itself to sign in and to change a password would know no second factor.
    assert "/admin/" not in site.person().get("/admin/login/?next=/admin/").url.partition("?")[0]


OTHER_SITES = ["github/login", "google/login", "oidc/oidc/login"]


def test_without_variables_there_is_no_other_site(site):
    ada, visitor = site.person().sign_up("ada-alone"), site.person()
    for person, path in (visitor, "login/"), (visitor, "signup/"), (ada, "email/"), (ada, "2fa/"), (ada, "sessions/"):
        text = person.get(f"/accounts/{path}").text
        assert not re.search("github|google|oidc|3rdparty|login/code", text, re.IGNORECASE)
    for path in [*OTHER_SITES, *(f"{path}/callback" for path in OTHER_SITES), "google/login/token"]:
        assert visitor.get(f"/accounts/{path}/").status_code == 404, path
        assert visitor.fill(f"/accounts/{path}/", page="/accounts/login/").status_code == 404, path
    assert visitor.get("/accounts/login/code/").status_code == 404
    # An account that was connected when there were variables.
    site.sql(
        "INSERT INTO socialaccount_socialaccount (provider, uid, last_login, date_joined, extra_data, user_id)"
        " SELECT 'github', '1', now(), now(), '{}', id FROM users_user WHERE email = 'ada-alone@example.com'"
    )
    assert [ada.get(f"/accounts/{path}/").status_code for path in ("3rdparty", "data", "email")] == [200, 200, 200]


def test_tokens_of_programs(site):
    ada, program = site.person().sign_up("ada-tokens"), site.person()
    account = {site.login: site.name_of("ada-tokens"), "password": PASSWORD}

    def token(**fields):
        return program.api("POST", "/api/v1/token/", expect=201, **{**account, **fields})

    def works(token):
        headers = {"Authorization": f"Token {token['token']}"}
        return program.get("/api/v1/users/me/", headers=headers).status_code == 200

    program.api("POST", "/api/v1/token/", expect=401, **{**account, "password": "wrong"})
    first, second = token(name="Laptop"), token(name="Phone")
    assert works(second)
    assert {"first_token": first["token"] in site.sql("TABLE users_token")} == {"first_token": False}
    rows = {row["name"]: row["last_used_at"] for row in ada.api("GET", "/api/v1/tokens/")["results"]}
    assert rows["Laptop"] is None
    assert rows["Phone"] is not None
    page = ada.get("/accounts/tokens/").text
    assert "Laptop" in page
    assert "Phone" in page
    ada.api("DELETE", f"/api/v1/tokens/{first['id']}/", expect=204)
    ada.fill(f"/accounts/tokens/{second['id']}/revoke/", page="/accounts/tokens/")
    assert not works(first)
    assert not works(second)
    ada.prove()
    shown = ada.fill("/accounts/tokens/", name="Tablet")
    (text,) = [word for word in re.findall(r"[\w-]{43}", shown.text) if works({"token": word})]
    assert text not in ada.get("/accounts/tokens/").text

    changed, unverified = token(), site.person()
    ada.fill("/accounts/password/change/", oldpassword=PASSWORD, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    assert not works(changed)
    assert not works({"token": text})
    before = token(password=NEW_PASSWORD)
    program.fill("/accounts/password/reset/", email="ada-tokens@example.com")
    assert reset(program, site.link("ada-tokens@example.com", "Reset Email"), NEWEST_PASSWORD)
    assert not works(before)
    after = token(password=NEWEST_PASSWORD)
    site.sql("UPDATE users_user SET is_active = false WHERE email = 'ada-tokens@example.com'")
    assert not works(after)
    unverified.register("eve-tokens")
    account = {site.login: site.name_of("eve-tokens"), "password": PASSWORD}
    unverified.api("POST", "/api/v1/token/", expect=403, **account)


def test_an_account_is_deleted_by_its_user(site):
    ada = site.person().sign_up("ada-deletes")
    data = ada.fill("/accounts/data/").json()
    assert "ada-deletes@example.com" in str(data)
    assert "argon2" not in str(data)
    ada.prove()
    ada.fill("/accounts/delete/")
    assert not ada.signed_in()
    site.mail("ada-deletes@example.com", "deleted")
    assert site.sql("SELECT count(*) FROM account_emailaddress WHERE email = 'ada-deletes@example.com'") == "0"
    ada.sign_in("ada-deletes")
    assert not ada.signed_in()
