"""What an error tracker is told, and what it is not."""

import base64

import pytest

from tests.client import PASSWORD, Client
from tests.production import INTERFACES, Deployment, wait_until
from tests.sentry import running_tracker

VIEW = """

def fail(request):
    password = request.POST["password"]
    raise LookupError(f"the chart is missing for {request.user.pk}, whose password has {len(password)} characters")


urlpatterns.append(path("fail/", fail))
"""
TYPED = "a password that was typed"


@pytest.fixture(params=INTERFACES)
def deployment(request, installed, postgres, tmp_path):
    deployment = Deployment(installed(request.param), tmp_path, postgres.database())
    urls = deployment.project.path / deployment.project.answers["project_slug"] / "urls.py"
    urls.write_text(urls.read_text() + VIEW)
    return deployment.prepare()


def fail(server):
    """Let a view fail for a signed-in user; return the answer, and all that nobody else may learn of the request."""
    ada = Client(server, https=True).sign_up("ada")
    basic = base64.b64encode(b"ada:secret").decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Referer": f"{ada.url}/",
        "X-CSRFToken": ada.cookies["csrftoken"],
        "X-Request-ID": "request-of-ada",
    }
    answer = ada.post("/fail/", data={"password": TYPED}, headers=headers)
    assert answer.status_code == 500
    assert "LookupError" in server.log
    return answer, [TYPED, PASSWORD, basic, *ada.cookies.values()]


def test_an_error_is_reported_without_what_is_secret(deployment):
    with running_tracker() as tracker:
        with deployment.serve(SENTRY_DSN=tracker.dsn) as server:
            answer, secrets = fail(server)
            wait_until(tracker.events, server)
        (event,) = tracker.events()
        (error,) = event["exception"]["values"]
        assert (error["type"], error["value"].partition(" for ")[0]) == ("LookupError", "the chart is missing")
        assert error["stacktrace"]["frames"][-1]["function"] == "fail"
        assert event["request"]["url"].endswith(f"//127.0.0.1:{server.port}/fail/")
        headers = {name.lower() for name in event["request"]["headers"]}
        assert headers == {"accept", "content-type", "host", "user-agent"}
        assert event["tags"]["request_id"] == answer.headers["X-Request-ID"] == "request-of-ada"
        assert len(secrets) == 5
        for secret in secrets:
            assert not any(secret.encode() in envelope for envelope in tracker.envelopes), secret


def test_without_an_address_nothing_is_there_that_could_report(installed):
    command = "import sys; print('loaded:', 'django.conf' in sys.modules, 'sentry_sdk' in sys.modules)"
    assert "loaded: True False" in installed("WSGI").run("shell", "-c", command).stdout
