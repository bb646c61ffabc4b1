"""A user in a real browser: `visit(url).sign_up("ada")`."""

import importlib.util
from pathlib import Path

from playwright.sync_api import expect

from template_code.questions import ROOT
from tests.support.client import PASSWORD
from tests.support.mail import link_to

LIMIT = 20_000
SCREENSHOTS = ROOT / ".cache" / "screenshots"
AXE = Path(importlib.util.find_spec("axe_playwright_python").origin).with_name("axe.min.js")
# All rules except level AAA, with the rules that axe-core disables by default: target size and experimental rules.
RUN_AXE = """async () => {
  const rules = axe.getRules().filter(({ tags }) => !tags.includes("wcag2aaa") && !tags.includes("deprecated"));
  const enabled = Object.fromEntries(rules.map(({ ruleId }) => [ruleId, { enabled: true }]));
  const { violations } = await axe.run({ rules: enabled });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.failureSummary} ${node.html}`));
}"""
# Colour scheme, expected background, and window width.
LOOKS = [("light", "rgb(247, 248, 247)", 320), ("dark", "rgb(19, 23, 22)", 1280)]

expect.set_options(timeout=LIMIT)


class Visitor:
    """A browser with its own cookies; `problems` has its console's messages and its requests to other hosts."""

    def __init__(self, context, url):
        self.context = context
        self.url = url
        self.problems = []
        context.set_default_timeout(LIMIT)
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", self.see)

    def hear(self, message):
        # Django's admin has no icon, so browsers request this one.
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
        """Create an account and sign in, in production after the link that was mailed; return the page of items."""
        page = self.open("/accounts/signup/")
        address = f"{name}@example.com"
        submit(page, username=name, email=address, password1=PASSWORD, password2=PASSWORD)
        page.wait_for_url(lambda url: not url.endswith("/signup/"))
        if page.url.endswith("/confirm-email/"):
            page.goto(self.url + link_to(self.url, address, "/accounts/confirm-email/"))
            page.get_by_role("main").get_by_role("button").click()
            sign_in(page, name, PASSWORD)
        page.get_by_role("navigation").get_by_role("link", name="Items").click()
        expect(heading(page, "Items")).to_be_visible()
        return page


def submit(page, **fields):
    """Fill in the form with these fields, and send it."""
    for name, value in fields.items():
        page.locator(f"#id_{name}").fill(value)
    page.locator(f"#id_{name}").press("Enter")


def sign_in(page, login, password):
    submit(page, login=login, password=password)


def sign_in_form(page):
    """Return the field that only the page to sign in has, in each language."""
    return page.locator("#id_login")


def heading(page, name):
    return page.get_by_role("heading", name=name, exact=True)


def faults(page, name):
    """Return the problems of a page as it is shown now: what axe-core finds, and whether it fits the window."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = []
    for scheme, background, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        here = f"{name}, {scheme}, {width} px"
        found += [f"{here}: {violation}" for violation in page.evaluate(RUN_AXE)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{here}: scrolls sideways")
        if page.evaluate("getComputedStyle(document.body).backgroundColor") != background:
            found.append(f"{here}: has the wrong background")
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    return found
