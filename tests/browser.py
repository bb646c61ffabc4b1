"""A person in a real browser: `visit(url).sign_up("ada")`."""

from playwright.sync_api import expect

from demo import ROOT
from tests.client import PASSWORD

LIMIT = 20_000
SCREENSHOTS = ROOT / ".cache" / "screenshots"

expect.set_options(timeout=LIMIT)


class Visitor:
    """A browser with cookies of its own; `problems` holds what its console says and what it asks of other hosts."""

    def __init__(self, context, url):
        self.context = context
        self.url = url
        self.problems = []
        context.set_default_timeout(LIMIT)
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", self.see)

    def hear(self, message):
        # Django's admin names no icon, so browsers ask for this one.
        if message.type in ("error", "warning") and not message.location["url"].endswith("/favicon.ico"):
            self.problems.append(f"{message.text} {message.location['url']}")

    def see(self, request):
        own = (f"{self.url}/", f"{self.url.replace('http', 'ws', 1)}/", "data:")
        if not request.url.startswith(own):
            self.problems.append(request.url)

    def open(self, path="/"):
        page = self.context.new_page()
        page.on("websocket", self.see)
        page.goto(f"{self.url}{path}")
        return page

    def sign_up(self, name):
        page = self.open("/accounts/signup/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Email").fill(f"{name}@example.com")
        page.get_by_label("Password:", exact=True).fill(PASSWORD)
        page.get_by_label("Password confirmation").fill(PASSWORD)
        page.get_by_role("button", name="Create the account").click()
        expect(page.get_by_role("heading", name="Items")).to_be_visible()
        return page


def sign_in(page, name, password):
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def heading(page, name):
    return page.get_by_role("heading", name=name, exact=True)
