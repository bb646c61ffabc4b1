"""The pages in a real browser."""

import contextlib

import pytest
from playwright.sync_api import expect

from tests.support.browser import faults, heading, sign_in, sign_in_form, submit
from tests.support.client import PASSWORD, proxied
from tests.support.machine import RUNNING_PYTHON, free_port, pythons_of_other_djangos

EACH_DJANGO = [("ASGI", RUNNING_PYTHON), *(("WSGI", version) for version in pythons_of_other_djangos())]
NEW_PASSWORD = "a different horse altogether"
DESCRIPTION = "A long description that takes more than one line on a telephone. " * 3


def add_item(page, name):
    page.get_by_role("link", name="Add an item").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Description").fill(DESCRIPTION)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("was created")


@pytest.fixture(scope="module")
def production(deploy):
    port = free_port()
    # The browser sends a proxy's X-Forwarded-Proto, but its Origin is the real http address.
    deployment = deploy("ASGI", CSRF_TRUSTED_ORIGINS=f"http://127.0.0.1:{port}")
    deployment.add_superuser("root")
    with deployment.serve(port=port) as server:
        yield server


@pytest.fixture(scope="module")
def servers(installed, tmp_path_factory):
    started = {}

    def server(*answers):
        if answers not in started:
            project = installed(*answers).copy(tmp_path_factory.mktemp("browser"))
            started[answers] = stack.enter_context(project.serve())
        return started[answers]

    with contextlib.ExitStack() as stack:
        yield server


@pytest.fixture
def enter(production, visit):
    """A function that returns a new Visitor of the production server, with the headers of a proxy for HTTPS."""
    return lambda: visit(production.url, extra_http_headers=proxied())


def test_the_other_tab_shows_a_created_changed_and_deleted_item_by_itself(enter):
    visitor = enter()
    assert faults(visitor.open(), "visitor") == []
    first = visitor.sign_up("ada-tabs")
    second = visitor.open("/items/")
    second.evaluate("window.sameDocument = true")
    expect(second.get_by_text("No items yet.")).to_be_visible()
    add_item(first, "Compass")
    expect(heading(second, "Compass")).to_be_visible()
    assert faults(second, "list") == []
    first.get_by_role("link", name="Edit Compass").click()
    first.get_by_label("Name").fill("Sextant")
    first.get_by_role("button", name="Save").click()
    expect(heading(second, "Sextant")).to_be_visible()
    expect(heading(second, "Compass")).to_have_count(0)
    first.get_by_role("link", name="Delete Sextant").click()
    first.get_by_role("button", name="Delete").click()
    expect(second.get_by_text("No items yet.")).to_be_visible()
    assert second.evaluate("window.sameDocument"), "the page was reloaded"
    first.get_by_role("button", name="Sign out").click()
    expect(sign_in_form(second)).to_be_visible()


@pytest.mark.matrix
def test_an_item_appears_in_the_other_tab_after_a_reload(servers, visit):
    visitor = visit(servers("WSGI").url)
    first = visitor.sign_up("ada-tabs")
    second = visitor.open("/items/")
    add_item(first, "Compass")
    expect(second.get_by_text("No items yet.")).to_be_visible()
    second.reload()
    expect(heading(second, "Compass")).to_be_visible()
    second.get_by_role("link", name="Delete Compass").click()
    second.get_by_role("button", name="Delete").click()
    first.reload()
    expect(first.get_by_text("No items yet.")).to_be_visible()


# The element that has `data-confirm` in the form that deletes an item.
ASKING = {"the button": '<button class="button danger"', "the form": '<form class="card"'}


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("keyboard", [False, True], ids=["mouse", "keyboard"])
def test_a_form_asks_for_confirmation(installed, tmp_path, visit, asking, keyboard):
    project = installed("WSGI").copy(tmp_path)
    template = project.path / "items" / "templates" / "items" / "item_confirm_delete.html"
    assert template.read_text().count(ASKING[asking]) == 1
    template.write_text(template.read_text().replace(ASKING[asking], f'{ASKING[asking]} data-confirm="Sure?"'))
    with project.serve() as server:
        page = visit(server.url).sign_up("ada-asked")
        add_item(page, "Compass")
        # The script arrives late. The form must not work before.
        page.route("**/confirm.js", lambda route: (page.wait_for_timeout(1000), route.continue_()), times=1)
        page.get_by_role("link", name="Delete Compass").click()
        button = page.get_by_role("main").get_by_role("button", name="Delete")
        answers, asked = [False, True], []

        def answer(dialog):
            asked.append(dialog.message)
            (dialog.accept if answers[len(asked) - 1] else dialog.dismiss)()

        page.on("dialog", answer)
        for _ in answers:
            expect(button).to_be_visible()
            button.press("Enter") if keyboard else button.click()
        expect(page.get_by_text("No items yet.")).to_be_visible()
        assert asked == ["Sure?", "Sure?"]
        # The browser may still load the icon.
        page.context.close()


def test_a_link_asks_for_confirmation(enter):
    page = enter().sign_up("ada-link")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    link = page.get_by_role("link", name="Add an item")
    link.evaluate("(link) => { link.dataset.confirm = 'Sure?'; link.innerHTML = '<b>Add an item</b>'; }")
    link.locator("b").click()
    link.press("Enter")
    assert asked == ["Sure?", "Sure?"]
    expect(heading(page, "Items")).to_be_visible()


@pytest.mark.matrix
def test_the_page_catches_up_when_the_server_is_back(installed, tmp_path, visit):
    project = installed("ASGI").copy(tmp_path)
    with project.serve() as server:
        visitor = visit(server.url)
        page = visitor.sign_up("ada")
        with page.expect_websocket():
            page.reload()
        page.evaluate("window.sameDocument = true")
    project.run("shell", "-c", "from users.models import User; User.objects.get().items.create(name='Compass')")
    with project.serve(port=server.port):
        expect(heading(page, "Compass")).to_be_visible()
        assert page.evaluate("window.sameDocument"), "the page was reloaded"
        page.close()
    # The browser logs each refused request itself.
    refused = ("WebSocket connection to ", "Failed to load resource: net::")
    visitor.problems = [text for text in visitor.problems if not text.startswith(refused)]


@pytest.mark.matrix
def test_a_password_is_changed_and_the_new_one_signs_in(servers, visit):
    page = visit(servers("WSGI").url).sign_up("ada-password")
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="Password").click()
    submit(page, oldpassword=PASSWORD, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("changed")
    page.get_by_role("button", name="Sign out").click()
    expect(sign_in_form(page)).to_be_visible()
    sign_in(page, "ada-password", PASSWORD)
    expect(page.get_by_text("not correct")).to_be_visible()
    sign_in(page, "ada-password", NEW_PASSWORD)
    expect(heading(page, "My Project")).to_be_visible()


@pytest.mark.matrix
@pytest.mark.parametrize("project", EACH_DJANGO, ids="-".join)
def test_the_debug_toolbar_shows_the_queries_of_a_page(servers, visit, project):
    page = visit(servers(*project).url).sign_up("ada-toolbar")
    add_item(page, "Compass")
    expect(page.locator("#djDebugToolbar")).to_be_hidden()
    page.locator("#djShowToolBarButton").click()
    page.locator("#djDebugPanelList").get_by_role("link", name="SQL").click()
    queries = page.locator("#SQLPanel .djDebugSql")
    expect(queries.filter(has_text='FROM "items_item"')).to_have_count(1)
    expect(queries.filter(has_text="FROM users_user")).to_have_count(1)


def test_the_page_works_with_the_keyboard_only(enter):
    page = enter().open("/accounts/password/reset/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#id_email")).to_be_focused()


def test_the_admin_and_the_api_page_load_nothing_from_elsewhere(enter):
    visitor = enter()
    page = visitor.open("/api/docs/")
    expect(page.get_by_text("/api/v1/items/", exact=True).first).to_be_visible()
    page.goto(f"{visitor.url}/admin/")
    sign_in(page, "root", PASSWORD)
    expect(heading(page, "Site administration")).to_be_visible()
