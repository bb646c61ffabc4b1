"""Check every production page with axe-core, and that it fits the window: light and narrow, dark and wide.

No page may violate the project's content security policy or log a warning or an error in the browser's console.
"""

import contextlib
import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import SCREENSHOTS, faults, heading, sign_in
from tests.support.changes import RESOURCES
from tests.support.client import PASSWORD, Client
from tests.support.machine import PRESENT, free_port
from tests.support.production import Deployment

pytestmark = pytest.mark.matrix

# The forms and the admin differ between Django versions.
OLDEST, NEWEST = PRESENT[0], PRESENT[-1]
LONG_NAME = "Compass" * 20
DESCRIPTION = "A long description that takes more than one line on a telephone. " * 3
OTHER_PASSWORD = "a different horse altogether"
STAFF = """
from users.models import User
User.objects.create_superuser("root", "root@example.com", "{0}")
User.objects.create_user("clerk", "clerk@example.com", "{0}", is_staff=True)
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
def sites(deploy, mail_server):
    """A function that returns a server and starts it at the first call: `sites("WSGI", "3.12")`."""
    started = {}

    def start(*project):
        port = free_port()
        deployment = deploy(*project, EMAIL_URL=mail_server.url, **settings_of(port))
        deployment.run("shell", "-c", STAFF.format(PASSWORD))
        return Site(deployment, stack.enter_context(deployment.serve(port=port)))

    def site(*project):
        if project not in started:
            started[project] = start(*project)
        return started[project]

    with contextlib.ExitStack() as stack:
        yield site


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


def test_the_pages_of_an_account_have_no_fault(site, mail_server, enter, look):
    visitor = enter(site)
    page = visitor.open("/")
    expect(heading(page, "Sign in")).to_be_visible()
    look(page, "sign-in")
    sign_in(page, "ada-account", "wrong")
    expect(page.get_by_text("Please enter a correct username and password.")).to_be_visible()
    look(page, "sign-in-errors")

    page.get_by_role("link", name="Sign up").click()
    look(page, "sign-up")
    page.get_by_label("Username").fill("not a name")
    page.get_by_label("Email").fill("ada@nowhere")
    page.get_by_label("Password:", exact=True).fill("1234")
    page.get_by_label("Password confirmation").fill("12345")
    page.get_by_role("button", name="Create the account").click()
    expect(page.locator(".errorlist")).to_have_count(3)
    look(page, "sign-up-errors")

    Client(site.server, https=True).sign_up("ada-account")
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    look(page, "reset")
    mail_server.messages.clear()
    page.get_by_label("Email").fill("ada-account@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(heading(page, "Check your email")).to_be_visible()
    look(page, "reset-done")

    message = mail_server.message_to("ada-account@example.com")
    (path,) = re.findall(r"https://127\.0\.0\.1:\d+(/\S+)", message.get_content())
    page.goto(f"{site.url}{path}")
    look(page, "reset-confirm")
    page.get_by_label("New password:", exact=True).fill(OTHER_PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".errorlist")).to_have_count(1)
    look(page, "reset-confirm-errors")
    page.get_by_label("New password:", exact=True).fill(OTHER_PASSWORD)
    page.get_by_label("New password confirmation").fill(OTHER_PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(heading(page, "Your new password is set")).to_be_visible()
    look(page, "reset-complete")
    page.goto(f"{site.url}{path}")
    expect(page.get_by_text("This link was already used")).to_be_visible()
    look(page, "reset-invalid")


def test_the_page_for_a_locked_out_user_has_no_fault(site, enter, look):
    client = Client(site.server, https=True).sign_up("ada-locked")
    client.sign_out()
    for _ in range(4):
        client.sign_in("ada-locked", "wrong")
    visitor = enter(site)
    page = visitor.open("/")
    sign_in(page, "ada-locked", "wrong")
    expect(heading(page, "Too many failed sign-ins")).to_be_visible()
    forget(visitor, 429)
    look(page, "locked-out")


def test_the_pages_of_a_signed_in_user_have_no_fault(site, enter, look):
    visitor = enter(site)
    # The longest possible name must fit too.
    name = "ada-signed-in".ljust(150, "n")
    page = visitor.open("/accounts/signup/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email").fill("ada-signed-in@example.com")
    page.get_by_label("Password:", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
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

    page.get_by_role("link", name="Password").click()
    look(page, "password")
    page.get_by_label("Old password").fill("wrong")
    page.get_by_label("New password:", exact=True).fill(OTHER_PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.locator(".errorlist")).to_have_count(2)
    look(page, "password-errors")
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label("New password:", exact=True).fill(OTHER_PASSWORD)
    page.get_by_label("New password confirmation").fill(OTHER_PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    expect(heading(page, "Your password was changed")).to_be_visible()
    look(page, "password-done")


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
    expect(heading(page, "Items")).to_be_visible()
    page.goto(f"{site.url}/admin/users/user/")
    expect(heading(page, "Not allowed")).to_be_visible()
    forget(visitor, 403)
    look(page, "403")


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
    expect(heading(page, "Items")).to_be_visible()


@pytest.mark.parametrize("project", [("WSGI", OLDEST), ("ASGI", NEWEST)], ids="-".join)
def test_the_list_the_api_page_and_the_admin_follow_the_policy(sites, enter, project):
    site = sites(*project)
    page = enter(site).open("/")
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

    page.goto(f"{site.url}/accounts/login/")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{site.url}/admin/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
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


def test_the_pages_that_startapp_writes_have_no_fault(installed, postgres, tmp_path, enter, look):
    project = installed("ASGI").copy(tmp_path / "project")
    for words in RESOURCES:
        project.run("startapp", *words)
    port = free_port()
    deployment = Deployment(project, tmp_path, postgres.database(), **settings_of(port)).prepare()
    with deployment.serve(port=port) as server:
        ada = Client(server, https=True).sign_up("ada")
        ada.submit("/categories/add/", name="Maps")
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
        page.get_by_label("Category").select_option("Maps")
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
