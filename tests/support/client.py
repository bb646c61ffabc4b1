"""A user of a running server, without a browser: `Client(server).sign_up("ada")`."""

import contextlib
import html
import json
import re

import requests
import websockets.sync.client

LIMIT = 60
PASSWORD = "correct horse battery staple"


class Proxy(requests.adapters.HTTPAdapter):
    """Terminates HTTPS in front of a server: forwards `https:` requests over HTTP with X-Forwarded-Proto."""

    def send(self, request, **options):
        passed_on = request.copy()
        passed_on.url = request.url.replace("https:", "http:", 1)
        passed_on.headers["X-Forwarded-Proto"] = "https"
        answer = super().send(passed_on, **options)
        answer.request, answer.url = request, request.url
        return answer


class Client(requests.Session):
    """Keeps cookies and sends each form with its CSRF token; with `https` it goes through a proxy."""

    def __init__(self, server, https=False):
        super().__init__()
        self.server = server
        self.url = server.url.replace("http:", "https:") if https else server.url
        # Ignore the machine's proxy settings: the server is local.
        self.trust_env = False
        self.mount("https://", Proxy())

    def request(self, method, path, **options):
        return super().request(method, requests.compat.urljoin(self.url, path), timeout=LIMIT, **options)

    def submit(self, path, action=None, **fields):
        """Open the page, fill in its form and send it to `action` or to the page; return the final response."""
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, f"{page.status_code}: {page.url} has no form\n{page.text}"
        fields["csrfmiddlewaretoken"] = token[1]
        answer = self.post(action or page.url, data=fields, headers={"Referer": page.url})
        assert answer.status_code == 200, f"{answer.status_code}\n{answer.text}\n{self.server.log}"
        return answer

    def sign_up(self, name):
        fields = {"username": name, "email": f"{name}@example.com", "password1": PASSWORD, "password2": PASSWORD}
        page = self.submit("/accounts/signup/", **fields)
        assert "Sign out" in page.text, page.text
        return self

    def sign_in(self, name, password=PASSWORD):
        return self.submit("/accounts/login/", username=name, password=password)

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
        page = self.get("/")
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
