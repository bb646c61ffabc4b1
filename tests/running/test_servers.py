"""A real client at the real servers: in development with SQLite, in production with PostgreSQL."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from tests.support.client import PASSWORD, Client
from tests.support.machine import RUNNING_PYTHON, pythons_of_other_djangos
from tests.support.mail import link_to, message_to
from tests.support.production import INTERFACES, SERVE

NEW_PASSWORD = "a different horse altogether"
LIMIT = 60


class Site:
    """A running server; `client()` returns a new visitor, in production behind a proxy."""

    def __init__(self, interface, server, deployment=None):
        self.interface = interface
        self.server = server
        self.deployment = deployment

    def client(self):
        return Client(self.server, https=bool(self.deployment))


@pytest.fixture(scope="module")
def sites(installed, deploy, tmp_path_factory):
    """A function that returns a server and starts it at the first call: `sites("production", "WSGI")`."""
    started = {}

    def start(stage, interface, python_version=RUNNING_PYTHON):
        if stage == "development":
            project = installed(interface, python_version).copy(tmp_path_factory.mktemp("development"))
            server = stack.enter_context(project.serve("pipenv", "run", "dev", "127.0.0.1:{port}"))
            return Site(interface, server)
        deployment = deploy(interface, python_version)
        return Site(interface, stack.enter_context(deployment.serve(*SERVE)), deployment)

    def site(*answers):
        if answers not in started:
            started[answers] = start(*answers)
        return started[answers]

    with ExitStack() as stack:
        yield site


@pytest.fixture(params=INTERFACES)
def production(request, sites):
    return sites("production", request.param)


EVERYWHERE = [(stage, interface) for interface in INTERFACES for stage in ("development", "production")]


@pytest.fixture(params=EVERYWHERE, ids="-".join)
def site(request, sites):
    return sites(*request.param)


def test_the_development_server_matches_the_interface(sites):
    daphne = sites("development", "ASGI")
    assert "Starting ASGI/Daphne" in daphne.server.log
    assert daphne.client().get("/livez").headers["Server"] == "daphne"
    django = sites("development", "WSGI")
    assert "Starting development server" in django.server.log
    assert django.client().get("/livez").headers["Server"].startswith("WSGIServer/")


def test_the_production_server_matches_the_interface(sites):
    assert sites("production", "ASGI").client().get("/livez").headers["Server"] == "uvicorn"
    assert sites("production", "WSGI").client().get("/livez").headers["Server"] == "gunicorn"
    for interface in INTERFACES:
        # The server's own access log is off.
        assert "GET /livez" not in sites("production", interface).server.log


def test_a_visitor_is_asked_to_sign_in(site):
    page = site.client().get("/items/")
    assert page.url.endswith("/accounts/login/?next=/items/")
    assert 'id="id_login"' in page.text


def test_the_home_page_leads_to_the_pages_of_the_apps(site):
    visitor = site.client()
    link = '<a href="/items/">Items</a>'
    assert link not in visitor.get("/").text
    # In the navigation, and in the list.
    assert visitor.sign_up("ada-home").get("/").text.count(link) == 2


def test_items_are_created_edited_and_deleted_by_form(site):
    ada = site.client().sign_up("ada-forms")
    page = ada.submit("/items/add/", name="Compass & <chart>", description="Points north.")
    assert "was created." in page.text
    assert "Points north." in page.text
    assert ada.names() == ["Compass & <chart>"]
    (number,) = re.findall('id="edit-([0-9]+)"', page.text)
    assert "was saved." in ada.submit(f"/items/{number}/", name="Sextant").text
    assert ada.names() == ["Sextant"]
    assert "was deleted." in ada.submit(f"/items/{number}/delete/").text
    assert ada.names() == []


def test_a_form_without_its_token_is_refused(production):
    ada = production.client().sign_up("ada-token")
    answer = ada.post("/items/add/", data={"name": "Forged"}, headers={"Referer": f"{ada.url}/items/add/"})
    assert answer.status_code == 403
    assert ada.names() == []


def test_a_user_signs_in_again_after_signing_out(production):
    ada = production.client().sign_up("ada-returns")
    assert 'id="id_login"' in ada.sign_out().text
    assert ada.get("/items/").url.endswith("/accounts/login/?next=/items/")
    assert 'id="id_login"' in ada.sign_in("ada-returns", "wrong").text
    assert "Sign out" in ada.sign_in("ada-returns").text


def test_items_are_created_and_listed_by_the_api(site):
    ada = site.client().sign_up("ada-api")
    made = ada.api("POST", "/api/v1/items/", 201, name="Compass", description="Points north.")
    listed = ada.api("GET", "/api/v1/items/")
    assert listed == {"next": None, "previous": None, "results": [made]}
    assert set(made) == {"id", "name", "description", "created_at", "updated_at"}
    assert ada.names() == ["Compass"]
    changed = ada.api("PATCH", f"/api/v1/items/{made['id']}/", name="Sextant")
    assert changed["name"] == "Sextant"
    ada.api("DELETE", f"/api/v1/items/{made['id']}/", 204)
    assert ada.api("GET", "/api/v1/items/")["results"] == []


def test_the_api_refuses_a_request_without_csrf_token_and_one_without_session(production):
    ada = production.client().sign_up("ada-csrf")
    forged = ada.post("/api/v1/items/", json={"name": "Forged"}, headers={"Referer": f"{ada.url}/"})
    assert forged.status_code == 403
    assert "CSRF" in forged.json()["detail"]
    assert production.client().get("/api/v1/items/").status_code == 401


def test_each_owner_sees_and_changes_only_their_own_items(production):
    ada, bob = production.client().sign_up("ada-owner"), production.client().sign_up("bob-owner")
    number = ada.api("POST", "/api/v1/items/", 201, name="Of Ada")["id"]
    bob.api("POST", "/api/v1/items/", 201, name="Of Bob")
    assert (ada.names(), bob.names()) == (["Of Ada"], ["Of Bob"])
    assert [item["name"] for item in bob.api("GET", "/api/v1/items/")["results"]] == ["Of Bob"]
    for path in (f"/items/{number}/", f"/items/{number}/delete/", f"/api/v1/items/{number}/"):
        assert ada.get(path).status_code == 200
        assert bob.get(path).status_code == 404
    bob.api("DELETE", f"/api/v1/items/{number}/", 404)
    assert ada.names() == ["Of Ada"]


def test_the_admin_and_the_description_of_the_api_are_served(site):
    client = site.client()
    admin = client.get("/admin/")
    assert admin.status_code == 200
    assert "My Project" in admin.text
    assert "/api/v1/items/" in client.get("/api/schema/", headers={"Accept": "application/json"}).json()["paths"]
    docs = client.get("/api/docs/")
    assert docs.status_code == 200
    for page in (admin, docs):
        assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert assets
        assert {client.get(path).status_code for path in assets} == {200}


def test_the_health_checks_answer_ok(site):
    assert (site.client().get("/livez").text, site.client().get("/readyz").text) == ("ok", "ok")


def test_the_health_checks_need_neither_https_nor_the_right_host(production):
    for path in "/livez", "/readyz":
        answer = Client(production.server).get(path, headers={"Host": "10.0.0.1"}, allow_redirects=False)
        assert (answer.status_code, answer.text) == (200, "ok")


def test_an_account_is_not_usable_before_its_address_is_verified(production):
    name = f"ada-unverified-{production.interface}"
    ada = production.client()
    fields = {"username": name, "email": f"{name}@example.com", "password1": PASSWORD, "password2": PASSWORD}
    for page in ada.submit("/accounts/signup/", **fields), ada.sign_in(name):
        assert page.url.endswith("/accounts/confirm-email/")
    assert ada.get("/items/").url.endswith("/accounts/login/?next=/items/")
    account = {"username": name, "password": PASSWORD}
    assert ada.post("/api/v1/token/", json=account).status_code == 403
    ada.submit(link_to(ada.url, f"{name}@example.com", "/accounts/confirm-email/"))
    assert ada.post("/api/v1/token/", json=account).status_code == 201


def test_a_password_is_reset_with_the_link_that_was_mailed(production):
    name = f"ada-forgets-{production.interface}"
    production.client().sign_up(name)
    visitor = production.client()
    address = f"{name}@example.com"
    assert visitor.submit("/accounts/password/reset/", email=address).url.endswith("/accounts/password/reset/done/")
    link = link_to(visitor.url, address, "/accounts/password/reset/key/")
    assert message_to(address, link)["From"] == "you@example.com"
    page = visitor.submit(link, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    assert page.url.endswith("/accounts/password/reset/key/done/")
    assert "Sign out" not in visitor.sign_in(name, PASSWORD).text
    assert "Sign out" in visitor.sign_in(name, NEW_PASSWORD).text
    assert "id_password1" not in production.client().get(link).text


def test_a_static_file_is_compressed_and_kept_for_ever(production):
    client = production.client()
    (path,) = re.findall(r'href="(/static/style\.[0-9a-f]+\.css)"', client.get("/").text)
    answer = client.get(path, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"color-scheme" in gzip.decompress(answer.raw.read())
    assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"


def test_no_development_tool_is_loaded(production):
    script = "import sys, my_project.urls; print({'debug_toolbar', 'zeal'} & sys.modules.keys())"
    assert production.deployment.run("shell", "-c", script).stdout.splitlines()[-1] == "set()"


def test_plain_http_is_redirected_to_https(production):
    answer = requests.get(f"{production.server.url}/accounts/login/", allow_redirects=False, timeout=LIMIT)
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://127.0.0.1:{production.server.port}/accounts/login/"


def test_an_unknown_host_is_refused(production):
    answer = production.client().get("/accounts/login/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_an_unknown_address_has_a_readable_page(production):
    answer = production.client().get("/no/such/page/")
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


def test_a_wsgi_worker_keeps_its_connection_and_replaces_a_broken_one(sites, postgres):
    site = sites("production", "WSGI")
    ada = site.client().sign_up("ada-connection")
    kept = site.deployment.connections(postgres)
    assert len(kept) == 1
    ada.names()
    ada.api("GET", "/api/v1/items/")
    assert site.deployment.connections(postgres) == kept
    postgres.sql(f"SELECT pg_terminate_backend({kept[0]}, 60000)")
    assert ada.names() == []
    assert site.deployment.connections(postgres) not in ([], kept)


def test_an_asgi_server_keeps_few_connections_and_replaces_broken_ones(sites, postgres):
    site = sites("production", "ASGI")
    ada = site.client().sign_up("ada-connection")

    def ask_in_parallel():
        headers = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.cookies)}
        with ThreadPoolExecutor(40) as pool:
            asked = [
                pool.submit(site.client().get, path, headers=headers) for path in ["/items/", "/api/v1/items/"] * 40
            ]
        return {answer.result().status_code for answer in asked}

    assert ask_in_parallel() == {200}
    # Repeat this, because the order of the threads differs each time.
    for _ in range(3):
        kept = site.deployment.connections(postgres)
        assert len(kept) == 4
        for pid in kept:
            postgres.sql(f"SELECT pg_terminate_backend({pid}, 60000)")
        assert ask_in_parallel() == {200}
        assert not set(site.deployment.connections(postgres)) & set(kept)


def test_an_outage_of_the_database_is_reported_and_its_return_is_noticed(production, postgres):
    ada = production.client().sign_up("ada-outage")
    with production.deployment.outage(postgres):
        answer = ada.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "no database")
        assert ada.get("/livez").status_code == 200
        page = ada.get("/")
        assert page.status_code == 500
        assert "<h1>Something went wrong</h1>" in page.text
        assert "OperationalError" in production.server.log
    assert ada.get("/readyz").status_code == 200
    assert ada.names() == []


NOTHING_ELSE = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; img-src 'self' data:"
OWN = "connect-src 'self'; font-src 'self'; form-action 'self'; script-src 'self'; style-src 'self'"
HEADERS = {
    "Content-Security-Policy": sorted(f"{NOTHING_ELSE}; {OWN}".split("; ")),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HEADERS_OF_A_FILE = {**HEADERS, "Access-Control-Allow-Origin": "*"}
del HEADERS_OF_A_FILE["X-Frame-Options"]
ADDRESSES = ["/", "/accounts/login/", "/items/", "/admin/", "/api/docs/", "/api/v1/items/", "/no/such/page/"]
# Django and two packages set the headers.
EACH_DJANGO = [(interface,) for interface in INTERFACES]
EACH_DJANGO += [pytest.param(("WSGI", version), marks=pytest.mark.matrix) for version in pythons_of_other_djangos()]


def security_headers(answer):
    """Return the security headers of a response, without the value of the nonce, which is new for each page."""
    found = {name: answer.headers[name] for name in {*HEADERS, *HEADERS_OF_A_FILE} if name in answer.headers}
    policy = re.sub(r" 'nonce-[\w+/=-]{20,}'", "", found.get("Content-Security-Policy", ""))
    return {**found, "Content-Security-Policy": sorted(policy.split("; "))}


@pytest.mark.parametrize("project", EACH_DJANGO, ids="-".join)
def test_each_answer_has_all_security_headers(sites, project):
    visitor = sites("production", *project).client()
    assert security_headers(visitor.get("/accounts/login/")) == HEADERS
    ada = visitor.sign_up("ada-headers")
    for address in ADDRESSES:
        answer = ada.get(address, headers={"Origin": "https://elsewhere.example"}, allow_redirects=False)
        assert security_headers(answer) == HEADERS, address
    (style,) = re.findall(r'href="(/static/style[^"]+)"', ada.get("/").text)
    assert security_headers(ada.get(style)) == HEADERS_OF_A_FILE
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    assert security_headers(ada.options("/api/v1/items/", headers=asked)).keys() <= HEADERS.keys()
    found = {}
    for cookie in ada.cookies:
        http_only = cookie.has_nonstandard_attr("HttpOnly")
        found[cookie.name] = (cookie.secure, http_only, cookie.get_nonstandard_attr("SameSite"))
    assert found == {"csrftoken": (True, False, "Lax"), "sessionid": (True, True, "Lax")}
