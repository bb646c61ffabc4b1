"""Check every production page with axe-core, and that it fits the window: light and narrow, dark and wide.

No page may violate the project's content security policy or log a warning or an error in the browser's console.
"""

import contextlib
import re

import pytest
from playwright.sync_api import expect

from tests.support.authenticators import totp
from tests.support.browser import SCREENSHOTS, faults, heading, sign_in, sign_in_form, submit
from tests.support.changes import RESOURCES
from tests.support.client import PASSWORD, Client
from tests.support.machine import PRESENT, free_port
from tests.support.mail import link_to
from tests.support.production import OIDC, Deployment

pytestmark = pytest.mark.matrix

# The forms and the admin differ between Django versions.
OLDEST, NEWEST = PRESENT[0], PRESENT[-1]
LONG_NAME = "Compass" * 20
DESCRIPTION = "A long description that takes more than one line on a telephone. " * 3
STAFF = """
from users.models import User
User.objects.create_superuser("root", "root@example.com", "{0}")
User.objects.create_user("clerk", "clerk@example.com", "{0}", is_staff=True).vouch_for_email()
"""


class Site:
    def __init__(self, deployment, server):
        self.deployment = deployment
        self.server = server
        self.url = server.url


def settings_of(port):
    # There is no proxy. The browser sends a proxy's X-Forwarded-Proto, but its Origin is the real http address.
    return {"CSRF_TRUSTED_ORIGINS": f"http://127.0.0.1:{port}"}


@pytest.fixture(scope="module")
def sites(deploy):
    """A function that returns a server and starts it at the first call: `sites("WSGI", "3.12")`."""
    started = {}

    def start(*project):
        port = free_port()
        deployment = deploy(*project, **OIDC, **settings_of(port))
        deployment.run("shell", "-c", STAFF.format(PASSWORD))
        return Site(deployment, stack.enter_context(deployment.serve(port=port)))

    def site(*project):
        if project not in started:
            started[project] = start(*project)
        return started[project]

    with contextlib.ExitStack() as stack:
        yield site


# For pages that django-allauth does not make.
newest = pytest.mark.parametrize("site", [NEWEST], indirect=True)


@pytest.fixture(params=[OLDEST, NEWEST])
def site(request, sites):
    """The WSGI server: its pages are the same as those of ASGI, but have no live updates."""
    return sites("WSGI", request.param)


@pytest.fixture
def enter(visit):
    """A function that returns a new Visitor of a site, with the header of a proxy that terminates HTTPS."""

    def enter(site):
        return visit(site.url, extra_http_headers={"X-Forwarded-Proto": "https"})

    return enter


@pytest.fixture
def look():
    """A function that checks a page as shown now: `look(page, "sign-in")`. The test fails if a page has a fault."""
    found = []
    yield lambda page, name: found.extend(faults(page, name))
    assert not found, "\n".join(found)


def forget(visitor, status):
    """Remove the browser's message about a response with this status."""
    told = [text for text in visitor.problems if text.startswith("Failed to load resource: ")]
    assert len(told) == 1
    assert f" {status} " in told[0]
    visitor.problems.remove(told[0])


class Walk:
    """The steps through the pages of accounts."""

    def __init__(self, page, url, look):
        self.page = page
        self.url = url
        self.look = look

    def show(self, path, name):
        self.page.goto(f"{self.url}/accounts/{path.removeprefix('/accounts/')}")
        self.look(self.page, name)

    def refuse(self, name, **fields):
        """Send the form of the page with errors."""
        submit(self.page, **fields)
        expect(self.page.locator(".errorlist").first).to_be_visible()
        self.look(self.page, name)


def press(page):
    """Press the first button of the page's content."""
    page.get_by_role("main").get_by_role("button").first.click()


def test_the_pages_to_sign_up_and_sign_in_have_no_fault(site, enter, look):
    visitor = enter(site)
    page = visitor.open("/")
    look(page, "home-visitor")
    walk = Walk(page, site.url, look)
    walk.show("login/", "sign-in")
    walk.refuse("sign-in-errors", login="ada-account", password="wrong")
    walk.show("signup/", "sign-up")
    walk.refuse("sign-up-errors", username="not a name", email="ada@nowhere", password1="1234", password2="12345")
    address = "ada-account@example.com"
    submit(page, username="ada-account", email=address, password1=PASSWORD, password2=PASSWORD)
    expect(page).to_have_url(f"{site.url}/accounts/confirm-email/")
    look(page, "verification-sent")
    walk.show("confirm-email/bad/", "confirm-email-bad")
    walk.show(link_to(site.url, address, "/accounts/confirm-email/"), "confirm-email")
    press(page)
    expect(sign_in_form(page)).to_be_visible()
    look(page, "confirmed-email")

    walk.show("password/reset/", "reset")
    walk.refuse("reset-errors", email="ada@nowhere")
    submit(page, email=address)
    expect(page).to_have_url(f"{site.url}/accounts/password/reset/done/")
    look(page, "reset-done")
    path = link_to(site.url, address, "/accounts/password/reset/key/")
    walk.show(path, "reset-key")
    walk.refuse("reset-key-errors", password1="1", password2="2")
    submit(page, password1=PASSWORD, password2=PASSWORD)
    expect(page).to_have_url(f"{site.url}/accounts/password/reset/key/done/")
    look(page, "reset-key-done")
    walk.show(path, "reset-key-bad")

    walk.show("inactive/", "inactive")
    walk.show("oidc/oidc/login/", "social")
    walk.show("3rdparty/login/cancelled/", "social-cancelled")
    page.goto(f"{site.url}/accounts/3rdparty/login/error/")
    forget(visitor, 401)
    look(page, "social-error")


@newest
def test_the_page_for_a_locked_out_user_has_no_fault(site, enter, look):
    site.deployment.add_users("ada-locked")
    client = Client(site.server, https=True)
    for _ in range(5):
        client.sign_in("ada-locked", "wrong")
    visitor = enter(site)
    page = visitor.open("/accounts/login/")
    sign_in(page, "ada-locked", "wrong")
    expect(heading(page, "Too many attempts")).to_be_visible()
    forget(visitor, 429)
    look(page, "locked-out")


def test_the_pages_of_an_account_have_no_fault(site, enter, look):
    def prove():
        page.goto(f"{site.url}/accounts/reauthenticate/")
        submit(page, password=PASSWORD)
        expect(heading(page, "My Project")).to_be_visible()

    # The longest possible name must fit too.
    name = "ada-account-pages".ljust(150, "n")
    site.deployment.add_users(name)
    Client(site.server, https=True).sign_in(name)
    page = enter(site).open("/accounts/login/")
    walk = Walk(page, site.url, look)
    sign_in(page, name, PASSWORD)
    expect(heading(page, "My Project")).to_be_visible()
    walk.show("reauthenticate/", "reauthenticate")
    walk.refuse("reauthenticate-errors", password="wrong")
    prove()

    walk.show("email/", "email")
    walk.refuse("email-errors", email="ada@nowhere")
    submit(page, email="ada-account-pages@example.org")
    expect(page.locator("[name=action_remove]")).to_be_visible()
    look(page, "email-pending")
    # A second factor needs a verified address.
    page.locator("[name=action_remove]").click()
    expect(page.locator("[name=action_remove]")).to_have_count(0)
    walk.show("password/change/", "password")
    walk.refuse("password-errors", oldpassword="wrong", password1="1234", password2="12345")
    walk.show("sessions/", "sessions")
    walk.show("tokens/", "tokens")
    submit(page, name="Laptop")
    expect(page.locator("code")).to_be_visible()
    look(page, "tokens-new")
    walk.show("data/", "data")
    walk.show("delete/", "delete")

    walk.show("2fa/", "second-factor-none")
    walk.show("2fa/totp/activate/", "totp")
    walk.refuse("totp-errors", code="000000")
    submit(page, code=totp(page.locator("#authenticator_secret").input_value()))
    codes = page.locator("#recovery_codes")
    expect(codes).to_be_visible()
    look(page, "recovery-codes")
    code = codes.input_value().split()[0]
    walk.show("2fa/recovery-codes/generate/", "recovery-codes-generate")
    walk.show("2fa/totp/deactivate/", "totp-deactivate")
    walk.show("2fa/webauthn/", "keys-none")
    walk.show("2fa/webauthn/add/", "key-add")
    page.goto(f"{site.url}/accounts/reauthenticate/")
    for number, link in enumerate([each.get_attribute("href") for each in page.locator("main a.button").all()]):
        walk.show(link, f"reauthenticate-{number}")

    walk.show("logout/", "sign-out")
    press(page)
    sign_in(page, name, PASSWORD)
    expect(page.locator("#id_code")).to_be_visible()
    look(page, "second-factor")
    walk.refuse("second-factor-errors", code="wrong")
    submit(page, code=code)
    expect(heading(page, "My Project")).to_be_visible()
    prove()

    walk.show("3rdparty/", "connections-none")
    site.deployment.add_connections(name, LONG_NAME)
    walk.show("3rdparty/", "connections")
    press(page)
    expect(page.locator(".errorlist")).to_be_visible()
    look(page, "connections-errors")
    walk.show("2fa/", "second-factor-all")
    walk.show("2fa/webauthn/", "keys")
    page.get_by_role("link", name=f"Edit {LONG_NAME}").click()
    look(page, "key-edit")
    page.go_back()
    page.get_by_role("link", name=f"Remove {LONG_NAME}").click()
    look(page, "key-remove")


def test_the_pages_of_a_signed_in_user_have_no_fault(site, enter, look):
    visitor = enter(site)
    name = "ada-signed-in"
    page = visitor.sign_up(name)
    look(visitor.open(), "home")
    expect(page.get_by_text("No items yet.")).to_be_visible()
    look(page, "items-none")

    page.get_by_role("link", name="Add an item").click()
    look(page, "item-add")
    page.get_by_label("Name").fill(" ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    look(page, "item-add-errors")
    page.get_by_label("Name").fill(LONG_NAME)
    page.get_by_label("Description").fill(DESCRIPTION)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("was created")
    look(page, "items-one")

    page.get_by_role("link", name=f"Edit {LONG_NAME}").click()
    look(page, "item-edit")
    page.get_by_label("Name").fill(" ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    look(page, "item-edit-errors")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name=f"Delete {LONG_NAME}").click()
    look(page, "item-delete")

    client = Client(site.server, https=True)
    client.sign_in(name)
    for number in range(40):
        client.api("POST", "/api/v1/items/", 201, name=f"Item {number}", description=DESCRIPTION * (number % 2))
    page.get_by_role("link", name="Cancel").click()
    look(page, "items-first-page")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newer")).to_be_visible()
    look(page, "items-second-page")


@newest
def test_the_pages_of_refused_requests_have_no_fault(site, enter, look):
    visitor = enter(site)
    page = visitor.open("/no/such/page/")
    expect(heading(page, "Not found")).to_be_visible()
    forget(visitor, 404)
    look(page, "404")

    page.goto(f"{site.url}/accounts/login/")
    visitor.context.clear_cookies()
    sign_in(page, "clerk", PASSWORD)
    expect(heading(page, "This page is out of date")).to_be_visible()
    forget(visitor, 403)
    look(page, "403-csrf")

    page.goto(f"{site.url}/accounts/login/")
    sign_in(page, "clerk", PASSWORD)
    expect(heading(page, "My Project")).to_be_visible()
    page.goto(f"{site.url}/admin/users/user/")
    expect(heading(page, "Not allowed")).to_be_visible()
    forget(visitor, 403)
    look(page, "403")


@newest
def test_the_page_of_an_error_has_no_fault(site, postgres, enter, look):
    visitor = enter(site)
    visitor.sign_up("ada-error")
    page = visitor.open("/")
    with site.deployment.outage(postgres):
        page.reload()
        expect(heading(page, "Something went wrong")).to_be_visible()
        forget(visitor, 500)
        look(page, "500")
    page.get_by_role("link", name="Go to the start page").click()
    expect(heading(page, "My Project")).to_be_visible()


@pytest.mark.parametrize("project", [("WSGI", OLDEST), ("ASGI", NEWEST)], ids="-".join)
def test_the_list_the_api_page_and_the_admin_follow_the_policy(sites, enter, project):
    site = sites(*project)
    page = enter(site).open("/items/")
    sign_in(page, "root", PASSWORD)
    page.get_by_role("link", name="Add an item").click()
    page.get_by_label("Name").fill("Compass")
    page.get_by_role("button", name="Save").click()
    expect(heading(page, "Compass")).to_be_visible()

    page.get_by_role("link", name="API").click()
    expect(page.locator(".opblock-summary-path").get_by_text("/api/v1/items/", exact=True)).to_have_count(2)
    for shown in page.locator(".opblock-summary-path").all():
        expect(shown).to_be_visible()
    operation = page.locator("#operations-items-items_create")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("textbox").first.fill('{"name": "Sextant"}')
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("201")
    page.screenshot(path=SCREENSHOTS / "api.png", full_page=True)

    page.goto(site.url)
    page.get_by_role("button", name="Sign out").click()
    expect(sign_in_form(page)).to_be_visible()
    page.goto(f"{site.url}/admin/")
    sign_in(page, "root", PASSWORD)
    expect(heading(page, "Site administration")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "admin.png", full_page=True)
    page.goto(f"{site.url}/admin/items/item/")
    expect(page.get_by_role("link", name="Compass", exact=True)).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "admin-list.png", full_page=True)
    page.goto(f"{site.url}/admin/items/item/add/")
    page.locator(".field-owner .select2-selection").click()
    page.get_by_role("option", name="clerk").click()
    expect(page.locator(".field-owner .select2-selection")).to_contain_text("clerk")
    page.screenshot(path=SCREENSHOTS / "admin-add.png", full_page=True)
    page.goto(f"{site.url}/admin/users/user/")
    page.get_by_role("link", name="clerk").first.click()
    expect(page.get_by_label("Username")).to_have_value("clerk")
    page.locator("#calendarlink0").click()
    page.locator("#calendarbox0 td a").get_by_text("15", exact=True).click()
    expect(page.locator("#id_last_login_0")).to_have_value(re.compile("-15$"))
    page.screenshot(path=SCREENSHOTS / "admin-user.png", full_page=True)


# A value for each required field of the generated form that has no line of its own in the test.
FIELDS = {
    **{"Views:": "5", "Height:": "1.5", "Opens:": "08:00:00", "Length:": "01:00:00", "Name:": "A1", "Slug:": "atlas"},
    **{"Contact:": "ada@example.com", "Site:": "https://example.com/", "Extra:": '{"scale": 1}'},
    **{"Key:": "00000000-0000-0000-0000-000000000001"},
}


def test_the_pages_that_startapp_writes_have_no_fault(installed, postgres, mail_server, tmp_path, enter, look):
    project = installed("ASGI").copy(tmp_path / "project")
    for words in RESOURCES:
        project.run("startapp", *words)
    port = free_port()
    settings = {"EMAIL_URL": mail_server.url, **settings_of(port)}
    deployment = Deployment(project, tmp_path, postgres.database(), **settings).prepare()
    with deployment.serve(port=port) as server:
        ada = Client(server, https=True).sign_up("ada")
        ada.submit("/crates/add/", name="Maps")
        visitor = enter(server)
        page = visitor.open("/box-offers/add/")
        sign_in(page, "ada", PASSWORD)
        expect(heading(page, "Add a box offer")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        look(page, "startapp-form")
        page.get_by_label("Title:", exact=True).fill("Atlas")
        page.get_by_label("Body").fill(DESCRIPTION)
        page.get_by_label("Stock").fill("3")
        page.get_by_label("Price").fill("9.50")
        page.get_by_label("Active").check()
        page.get_by_label("Since").fill("2026-01-02")
        page.get_by_label("Seen").fill("2026-01-02T03:04:05")
        for label, value in FIELDS.items():
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_label("Crate:", exact=True).select_option("Maps")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("“Atlas” was created.")).to_be_visible()
        look(page, "startapp-list")
        page.get_by_role("link", name="Edit Atlas").click()
        # The field must show the value in the format that it accepts, or saving would change or reject it.
        expect(page.get_by_label("Since")).to_have_value("2026-01-02")
        expect(page.get_by_label("Seen")).to_have_value("2026-01-02T03:04:05")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("“Atlas” was saved.")).to_be_visible()
        # The page shows a change from elsewhere at once.
        page.evaluate("window.same = true")
        number = ada.api("GET", "/api/v1/box-offers/")["results"][0]["id"]
        ada.api("PATCH", f"/api/v1/box-offers/{number}/", title="Globe")
        expect(heading(page, "Globe")).to_be_visible()
        assert page.evaluate("window.same")
        page.get_by_role("link", name="Delete Globe").click()
        look(page, "startapp-delete")
        page.context.close()
