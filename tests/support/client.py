"""A user of a running server, without a browser: `Client(server).sign_up("ada")`."""

import contextlib
import html
import itertools
import json
import re

import requests
import websockets.sync.client

from tests.support.mail import link_to

LIMIT = 60
PASSWORD = "correct horse battery staple"


numbers = itertools.count(1)


def new_address():
    """Return an IP address that no other visitor has, because the number of sign-ups from one address is limited."""
    number = next(numbers)
    return f"198.18.{number // 250}.{number % 250 + 1}"


def proxied(address=None):
    """Return the headers with which a proxy for HTTPS forwards the requests of one address, by default a new one."""
    return {"X-Forwarded-Proto": "https", "X-Forwarded-For": address or new_address()}


class Proxy(requests.adapters.HTTPAdapter):
    """Terminates HTTPS in front of a server: forwards `https:` requests over HTTP with the headers of a proxy."""

    def __init__(self, headers):
        super().__init__()
        self.headers = headers

    def send(self, request, **options):
        passed_on = request.copy()
        passed_on.url = request.url.replace("https:", "http:", 1)
        for name, value in self.headers.items():
            passed_on.headers.setdefault(name, value)
        answer = super().send(passed_on, **options)
        answer.request, answer.url = request, request.url
        return answer


class Client(requests.Session):
    """Keeps cookies and sends each form with its CSRF token; with `https` through a proxy that adds `headers`."""

    def __init__(self, server, https=False, headers=None):
        super().__init__()
        self.server = server
        self.url = server.url.replace("http:", "https:") if https else server.url
        # Ignore the machine's proxy settings: the server is local.
        self.trust_env = False
        self.proxied = headers or proxied()
        self.mount("https://", Proxy(self.proxied))

    def request(self, method, path, **options):
        return super().request(method, requests.compat.urljoin(self.url, path), timeout=LIMIT, **options)

    def submit(self, path, action=None, expect=200, files=None, **fields):
        """Open the page, fill in its form and send it to `action` or to the page; return the final response."""
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, f"{page.status_code}: {page.url} has no form\n{page.text}"
        fields["csrfmiddlewaretoken"] = token[1]
        answer = self.post(action or page.url, data=fields, files=files, headers={"Referer": page.url})
        assert answer.status_code == expect, f"{answer.status_code}\n{answer.text}\n{self.server.log}"
        return answer

    def sign_up(self, name, login=None):
        """Create an account and sign in, in production after the link that was mailed; return this client."""
        address = f"{name}@example.com"
        page = self.submit("/accounts/signup/", username=name, email=address, password1=PASSWORD, password2=PASSWORD)
        if "Sign out" not in page.text:
            self.submit(link_to(self.url, address, "/accounts/confirm-email/"))
            page = self.sign_in(login or name)
        assert "Sign out" in page.text, page.text
        return self

    def sign_in(self, login, password=PASSWORD, **options):
        return self.submit("/accounts/login/", login=login, password=password, **options)

    def sign_out(self):
        return self.submit("/", action="/accounts/logout/")

    def api(self, method, path, expect=200, **fields):
        """Call the API as a script of the page does; return the JSON of the response."""
        headers = {"Referer": f"{self.url}/", "X-CSRFToken": self.cookies.get("csrftoken", "")}
        answer = self.request(method, path, json=fields or None, headers=headers)
        assert answer.status_code == expect, f"{answer.status_code}\n{answer.text}\n{self.server.log}"
        return answer.json() if answer.content else None

    def names(self):
        """Return the names of the items that the page shows."""
        page = self.get("/items/")
        assert page.status_code == 200, page.text
        assert "<h1>Items</h1>" in page.text
        return [html.unescape(name) for name in re.findall(r"<h2>(.*?)</h2>", page.text)]


@contextlib.contextmanager
def socket(client, origin=None, path="/ws/items/"):
    """Open the WebSocket as a page of the site does behind a proxy."""
    address = client.server.url.replace("http:", "ws:") + path
    headers = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)}
    options = {"origin": origin or client.url, "additional_headers": headers, "proxy": None, "open_timeout": LIMIT}
    with websockets.sync.client.connect(address, **options) as connection:
        yield connection


def heard(connection):
    return json.loads(connection.recv(timeout=LIMIT))
