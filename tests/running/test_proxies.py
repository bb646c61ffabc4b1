"""The proxies of deploy/ in front of the server, on ports other than 80 and 443."""

import contextlib
import http.client
import os
import re
import tempfile
from urllib.parse import urlencode

import pytest

from tests.support.client import LIMIT
from tests.support.load import Service
from tests.support.proxies import PROXIES, tls_context

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module", params=[("nginx", "ASGI"), ("nginx", "WSGI"), ("Apache", "ASGI")], ids="-".join)
def ask(request, deploy):
    """A function that sends a request to the proxy over HTTPS: `ask("GET", "/")` returns the response and its text."""
    proxy, interface = request.param
    deployment = deploy(interface)
    with tempfile.TemporaryDirectory(prefix="proxies-") as name:
        # The proxy may run as another user, which needs access.
        os.chmod(name, 0o755)
        with Service(deployment, name) as service, PROXIES[proxy](deployment, name, [service.path]) as front:

            def ask(method, path, fields=None, **headers):
                connection = http.client.HTTPSConnection(
                    "127.0.0.1", front.https, timeout=LIMIT, context=tls_context()
                )
                origin = f"https://127.0.0.1:{front.https}"
                headers = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded", **headers}
                with contextlib.closing(connection):
                    connection.request(method, path, urlencode(fields or {}), headers)
                    answer = connection.getresponse()
                    return answer, answer.read().decode()

            yield ask


def test_a_form_is_accepted_on_another_port(ask):
    page, text = ask("GET", "/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[1]
    fields = {"csrfmiddlewaretoken": token, "login": "nobody", "password": "wrong"}
    answer, text = ask("POST", "/accounts/login/", fields, Cookie=page.headers["Set-Cookie"].partition(";")[0])
    assert answer.status == 200, text
    assert 'id="id_login"' in text


def test_an_address_that_is_too_long_for_a_redirect_is_refused(ask):
    assert ask("GET", "/items/add/?" + "x" * 1000)[0].status == 302
    for query in ("x" * 6000, "%ff" * 2000, "/" * 6000):
        assert ask("GET", f"/items/add/?{query}")[0].status == 414
