"""A person at a running server, without a browser: `Client(server).sign_up("ada")`."""

import html
import re
from http.cookiejar import DefaultCookiePolicy

import requests

PASSWORD = "correct horse battery staple"


class Client(requests.Session):
    """Keeps cookies, sends each form with its CSRF token; with `https` it speaks as a proxy that ends HTTPS does."""

    def __init__(self, server, https=False):
        super().__init__()
        self.server = server
        self.origin = server.url
        # The machine's proxy settings are not meant for a server on this machine.
        self.trust_env = False
        if https:
            self.origin = server.url.replace("http:", "https:")
            self.headers["X-Forwarded-Proto"] = "https"
            self.cookies.set_policy(DefaultCookiePolicy(secure_protocols=("http", "https")))

    def request(self, method, path, **options):
        """Ask for a path of the server; a redirection is followed there, whatever scheme it names."""
        address = path if path.startswith("http") else f"{self.server.url}{path}"
        return super().request(method, address, timeout=60, **options)

    def submit(self, path, expect=200, **fields):
        """Open the page, fill in its form, send it; return the page that follows."""
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, f"{page.status_code}: {page.url} has no form\n{page.text}"
        fields["csrfmiddlewaretoken"] = token[1]
        referer = page.url.replace(self.server.url, self.origin)
        answer = self.post(page.url, data=fields, headers={"Referer": referer})
        assert answer.status_code == expect, f"{answer.status_code}\n{answer.text}\n{self.server.log}"
        return answer

    def sign_up(self, name):
        fields = {"username": name, "email": f"{name}@example.com", "password1": PASSWORD, "password2": PASSWORD}
        page = self.submit("/accounts/signup/", **fields)
        assert "Sign out" in page.text, page.text
        return self

    def sign_in(self, name, password=PASSWORD):
        return self.submit("/accounts/login/", username=name, password=password)

    def api(self, method, path, expect=200, **fields):
        """Ask the API as the page's own script would; return what the JSON says."""
        headers = {"Referer": f"{self.origin}/", "X-CSRFToken": self.cookies.get("csrftoken", "")}
        answer = self.request(method, path, json=fields or None, headers=headers)
        assert answer.status_code == expect, f"{answer.status_code}\n{answer.text}\n{self.server.log}"
        return answer.json() if answer.content else None

    def names(self):
        """Return the names of the items that the page shows."""
        page = self.get("/")
        assert page.status_code == 200, page.text
        return [html.unescape(name) for name in re.findall(r"<h2>(.*?)</h2>", page.text)]

    @property
    def cookie_header(self):
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
