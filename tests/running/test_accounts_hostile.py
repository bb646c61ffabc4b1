"""Attacks on each way into an account."""

import re
from urllib.parse import urlsplit

import pytest

from tests.support.client import PASSWORD
from tests.support.issuer import running_issuer
from tests.support.mail import text_of
from tests.support.people import code_in, served, with_all_ways

pytestmark = pytest.mark.matrix

START = "/accounts/oidc/oidc/login/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# Prints the path of each page of accounts, with a value for each argument.
PATHS = """
from django.urls import get_resolver
values = {"pk": "1", "key": "abc", "uidb36": "1", "provider_id": "oidc"}
for each in get_resolver().reverse_dict:
    for possibilities, *_ in get_resolver().reverse_dict.getlist(each):
        for template, names in possibilities:
            if isinstance(each, str) and template.startswith("accounts/"):
                print("/" + template % {name: values[name] for name in names})
"""
# Its own cookie and field protect it, because the form is on a page of Google.
WITHOUT_TOKEN = {"/accounts/google/login/token/"}
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    " https://evil.example/",
    "https://127.0.0.1@evil.example/",
]
INPUTS = ["\0", "x" * 50_000, "\u202e\U0001f40e" * 100, "'\"><script>alert(1)</script>{{ 1 }}%s%00", "-1"]


@pytest.fixture(scope="module")
def issuer():
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def site(deploy, issuer, mail_server, postgres, tmp_path_factory):
    deployment = with_all_ways(deploy("ASGI"))
    settings = {**issuer.variables(), "GOOGLE_CLIENT_ID": "of-google", "GITHUB_CLIENT_ID": "of-github"}
    with served(deployment, tmp_path_factory.mktemp("tls"), mail_server, postgres, **settings) as site:
        yield site


@pytest.fixture(scope="module")
def paths(site):
    found = re.findall(r"^/accounts/\S*", site.shell(PATHS), re.MULTILINE)
    assert len(found) > 30
    return sorted(set(found))


def add_second_factor(site, name):
    site.sql(
        "INSERT INTO mfa_authenticator (type, data, created_at, user_id)"
        f" SELECT 'totp', '{{\"secret\": \"{SECRET}\"}}', now(), id FROM users_user WHERE username = '{name}'"
    )


def test_a_session_from_before_the_sign_in_is_not_signed_in(site, issuer):
    site.person().sign_up("ada-session")
    site.forget_attempts()
    issuer.user = {"sub": "session", "email": "eve-session@example.com", "email_verified": True}

    def with_code(person):
        person.fill("/accounts/login/code/", email="ada-session@example.com")
        person.fill("/accounts/login/code/confirm/", code=code_in(site.mail("ada-session@example.com", "Code")))

    def with_issuer(person):
        person.fill(START, page="/accounts/login/")

    for sign_in in (lambda person: person.sign_in("ada-session")), with_code, with_issuer:
        person, attacker = site.person(), site.person()
        # The state of another site is kept in a session.
        person.fill(START, page="/accounts/login/", follow=False)
        before, token = person.session_key(), person.cookies["csrftoken"]
        assert before
        sign_in(person)
        assert person.signed_in()
        assert person.session_key() != before
        assert person.cookies["csrftoken"] != token
        attacker.cookies.set("sessionid", before)
        assert not attacker.signed_in()


def test_the_session_of_someone_who_signed_out_is_dead(site):
    ada = site.person().sign_up("ada-leaves")
    key = ada.session_key()
    ada.sign_out()
    ada.cookies.set("sessionid", key)
    assert not ada.signed_in()


def test_no_page_leads_to_another_site(site, issuer):
    site.person().sign_up("ada-next")
    issuer.user = {"sub": "next", "email": "eve-next@example.com", "email_verified": True}

    ada = site.person()
    ada.sign_in("ada-next")
    acts = {
        "sign in": lambda **fields: site.person().sign_in("ada-next", **fields),
        "sign up": lambda **fields: site.person().register("eve-next", email="ada-next@example.com", **fields),
        "sign out": lambda **fields: site.person().fill("/accounts/logout/", page="/accounts/login/", **fields),
        "another site": lambda **fields: site.person().fill(START, page="/accounts/login/", **fields),
        "prove": lambda **fields: ada.fill("/accounts/reauthenticate/", page="/", password=PASSWORD, **fields),
        # Whoever is signed in already is sent on at once.
        "visit": lambda **fields: ada.get("/accounts/login/", params=fields),
    }
    hosts = {urlsplit(site.server.url).netloc, urlsplit(issuer.url).netloc}
    for target in ELSEWHERE:
        for name, act in acts.items():
            page = act(next=target)
            assert page.status_code < 500
            assert {urlsplit(each.url).netloc for each in (*page.history, page)} <= hosts, (name, target)
        site.forget_attempts()


def test_no_form_is_accepted_without_its_token(site, paths):
    ada = site.person().sign_up("ada-csrf")
    ada.prove()
    headers = {"Referer": f"{ada.url}/"}
    found = {path: ada.post(path, data={}, headers=headers, allow_redirects=False).status_code for path in paths}
    assert {path for path, status in found.items() if status != 403} == WITHOUT_TOKEN
    assert found["/accounts/google/login/token/"] == 401
    # A page of another site has no token either, and none of its own is taken.
    elsewhere = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
    fields = {"csrfmiddlewaretoken": ada.token("/")}
    assert ada.post("/accounts/logout/", data=fields, headers=elsewhere).status_code == 403
    me = "/api/v1/users/me/"
    for method, path in ("POST", f"{me}delete/"), ("PATCH", me), ("GET", me):
        answer = ada.request(method, path, json={"password": PASSWORD}, headers=headers)
        assert answer.status_code == (200 if method == "GET" else 403)
    assert ada.signed_in()


def test_nobody_gives_themselves_rights(site, issuer):
    wanted = {"is_staff": "on", "is_superuser": "on", "is_active": "", "email_verified": "on", "verified": "on"}
    eve = site.person()
    eve.register("eve-rights", **wanted)
    eve.fill(site.link("eve-rights@example.com", "Confirm"), **wanted)
    eve.sign_in("eve-rights", **wanted)
    eve.api("PATCH", "/api/v1/users/me/", is_staff=True, is_superuser=True, email="root@example.com")
    issuer.user = {"sub": "rights", "email": "eve-issuer@example.com", "email_verified": True, "is_staff": True}
    issuer.user.update(is_superuser=True, preferred_username="eve-issuer", groups=["admin"])
    site.person().fill(START, page="/accounts/login/", **wanted)
    rows = site.sql("SELECT username, is_staff, is_superuser, is_active FROM users_user WHERE username LIKE 'eve-%'")
    assert {"eve-rights|f|f|t", "eve-issuer|f|f|t"} <= set(rows.split())
    assert site.sql("SELECT count(*) FROM account_emailaddress WHERE email = 'root@example.com'") == "0"


def test_what_belongs_to_another_user_is_not_found(site, issuer):
    ada, eve = site.person().sign_up("ada-owner"), site.person().sign_up("eve-owner")
    made = ada.api("POST", "/api/v1/token/", expect=201, username="ada-owner", password=PASSWORD)
    key = site.sql(
        "INSERT INTO mfa_authenticator (type, data, created_at, user_id)"
        " SELECT 'webauthn', '{\"name\": \"Key\"}', now(), id FROM users_user WHERE username = 'ada-owner'"
        " RETURNING id"
    )
    eve.prove()
    assert eve.fill(f"/accounts/tokens/{made['id']}/revoke/", page="/").status_code == 404
    eve.api("DELETE", f"/api/v1/tokens/{made['id']}/", expect=404)
    for page in "edit", "remove":
        path = f"/accounts/2fa/webauthn/keys/{key}/{page}/"
        assert eve.get(path).status_code == 404
        assert eve.fill(path, page="/", name="Eve's").status_code == 404
    assert site.sql(f"SELECT data FROM mfa_authenticator WHERE id = {key}") == '{"name": "Key"}'
    assert site.sql("SELECT count(*) FROM users_token") != "0"
    # The addresses, other accounts and sessions of others.
    site.sql(
        "INSERT INTO socialaccount_socialaccount (provider, uid, last_login, date_joined, extra_data, user_id)"
        " SELECT 'oidc', 'owner', now(), now(), '{}', id FROM users_user WHERE username = 'ada-owner'"
    )
    number = site.sql("SELECT id FROM socialaccount_socialaccount WHERE uid = 'owner'")
    assert eve.fill("/accounts/3rdparty/", page="/", account=number).status_code < 500
    for action in "remove", "primary", "send":
        eve.fill("/accounts/email/", page="/", email="ada-owner@example.com", **{f"action_{action}": ""})
    eve.fill("/accounts/sessions/")
    assert site.sql("SELECT count(*) FROM socialaccount_socialaccount WHERE uid = 'owner'") == "1"
    assert site.sql("SELECT username FROM users_user WHERE email = 'ada-owner@example.com'") == "ada-owner"
    assert ada.signed_in()


def test_no_mail_goes_where_a_name_or_a_header_says(site, issuer):
    line = "ada\r\nBcc: eve@evil.example\r\n\r\nHello"
    site.person().register(line)
    site.person().register("ada-header", email=f"ada-header@example.com{line[3:]}")
    ada = site.person().sign_up("ada-mail")
    ada.api("PATCH", "/api/v1/users/me/", first_name="Ada Bcc: eve@evil.example")
    ada.headers["User-Agent"] = "Bcc: eve@evil.example"
    ada.fill(
        "/accounts/password/change/",
        oldpassword=PASSWORD,
        password1="another horse of hers",
        password2="another horse of hers",
    )
    site.mail("ada-mail@example.com", "Password Changed")
    issuer.user = {"sub": "mail", "email": "eve-mail@example.com", "email_verified": False, "name": line}
    site.person().fill(START, page="/accounts/login/")
    # The host of a link is that of the site.
    person = site.person()
    token = person.token("/accounts/password/reset/")
    for name in "Host", "X-Forwarded-Host", "X-Host", "Forwarded":
        headers = {"Referer": f"{person.url}/", name: "host=evil.example" if name == "Forwarded" else "evil.example"}
        fields = {"csrfmiddlewaretoken": token, "email": "ada-mail@example.com"}
        assert person.post("/accounts/password/reset/", data=fields, headers=headers).status_code < 500
    assert "evil.example" not in text_of(site.mail("ada-mail@example.com", "Reset"))
    for message in site.messages():
        assert "evil" not in f"{message['To']} {message['Cc']} {message['Bcc']} {message['Subject']}"


def test_no_form_breaks(site, paths):
    """Fill each field of each form with what no form expects."""
    ada, visitor, half = site.person().sign_up("ada-forms"), site.person(), site.person()
    site.person().sign_up("ada-half")
    add_second_factor(site, "ada-half")
    half.sign_in("ada-half")
    ada.prove()
    filled = set()
    for person in (visitor, half, ada):
        for path in paths:
            page = person.get(path)
            assert page.status_code < 500, f"{path}\n{site.server.log}"
            names = set(re.findall(r'<(?:input|textarea|select)[^>]* name="([^"]+)"', page.text)) - {
                "csrfmiddlewaretoken"
            }
            for text in INPUTS if names else []:
                token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
                fields = {**dict.fromkeys(names, text), "csrfmiddlewaretoken": token}
                answer = person.post(path, data=fields, headers={"Referer": page.url})
                assert answer.status_code < 500, f"{path} {text[:20]!r}\n{site.server.log}"
                filled.add(path)
    assert len(filled) > 12, filled
    assert ada.signed_in()
    assert '"level": "ERROR"' not in site.server.log
