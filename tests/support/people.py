"""People who use a deployed project over HTTPS: `site.person().sign_up("ada")`."""

import contextlib
import re
import time

from tests.support.client import PASSWORD, Client, proxied
from tests.support.mail import text_of
from tests.support.tls import running_front

LIMIT = 20
# The records of how each session was signed in become six minutes older.
AGE = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
for key in Session.objects.values_list("session_key", flat=True):
    session = SessionStore(key)
    methods = [{**method, "at": method["at"] - 360} for method in session.get("account_authentication_methods", [])]
    if methods:
        session["account_authentication_methods"] = methods
        session.save()
"""


class Site:
    """A served deployment; `url` is its address for browsers, `login` is what its users sign in with."""

    def __init__(self, deployment, server, front, mail, postgres):
        self.deployment = deployment
        self.server = server
        self.url = front.url
        self.login = deployment.project.answers["login"]
        self._mail = mail
        self._postgres = postgres
        # Other sites share the mail server.
        self._before = len(mail.messages)
        self._taken = list(mail.messages)

    def person(self):
        """Return a client at an IP address of its own, because limits count for each address."""
        return Person(self)

    def superuser(self, name):
        """Create a superuser, who is not signed in; return a client."""
        account = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD, "DJANGO_SUPERUSER_EMAIL": f"{name}@example.com"}
        username = [] if self.login == "email" else ["--username", name]
        environment = {**self.deployment.environment, **account}
        self.deployment.project.run("createsuperuser", "--noinput", *username, env=environment)
        return self.person()

    def visitor(self, visit):
        """Return the Visitor of a browser at an IP address of its own."""
        return visit(self.url, extra_http_headers=proxied(), ignore_https_errors=True)

    def name_of(self, name):
        """Return what this user signs in with."""
        return f"{name}@example.com" if self.login == "email" else name

    def sql(self, statement):
        return self._postgres.sql(statement, self.deployment.database)

    def shell(self, code):
        return self.deployment.run("shell", "-c", code).stdout.strip()

    def age_sessions(self):
        self.shell(AGE)

    def forget_used_codes(self):
        """Allow a code of the last seconds again, so that no test waits for the next one."""
        self.sql("DELETE FROM attempts WHERE cache_key LIKE '%mfa.totp.used%'")

    def forget_attempts(self):
        self.sql("DELETE FROM attempts")

    def mail(self, address, subject):
        """Wait for a message to this address that was not taken before, and return it."""
        end = time.monotonic() + LIMIT
        while True:
            for message in list(self._mail.messages):
                if message["To"] == address and subject in message["Subject"] and message not in self._taken:
                    self._taken.append(message)
                    return message
            subjects = [message["Subject"] for message in self._mail.messages if message["To"] == address]
            assert time.monotonic() < end, f"no mail with {subject} to {address}, only {subjects}\n{self.server.log}"
            time.sleep(0.02)

    def link(self, address, subject):
        """Return the path of the link in a message that was not taken before."""
        return link_in(self.mail(address, subject))

    def messages(self):
        """Return all messages that this site has sent."""
        return self._mail.messages[self._before :]

    def untaken(self, address):
        """Return the subjects of the other messages to this address."""
        return [each["Subject"] for each in self._mail.messages if each["To"] == address and each not in self._taken]


def with_all_ways(deployment):
    """Allow signing in with a code that is mailed, and let staff need a second factor; return the deployment."""
    settings = deployment.project.path / deployment.project.path.name / "settings.py"
    text = settings.read_text(encoding="utf-8")
    for name in "ACCOUNT_LOGIN_BY_CODE_ENABLED", "ADMIN_REQUIRES_MFA":
        assert f"{name} = False" in text
        text = text.replace(f"{name} = False", f"{name} = True")
    settings.write_text(text, encoding="utf-8")
    return deployment


def code_in(message):
    """Return the code in a message, which is alone on its line."""
    return re.search(r"^[A-Z0-9-]{6,}(?=\s)", text_of(message), re.MULTILINE)[0]


def link_in(message):
    """Return the path of the first link to a page of accounts."""
    return re.search(r"https://[^/\s]+(/accounts/\S+)", text_of(message))[1]


@contextlib.contextmanager
def served(deployment, folder, mail, postgres, **settings):
    """Serve a deployment in two processes; yield its Site."""
    settings = {"EMAIL_URL": mail.url, "ALLOWED_HOSTS": "127.0.0.1,localhost", "WEB_CONCURRENCY": 2, **settings}
    with deployment.serve(**settings) as server, running_front(folder, server.port) as front:
        yield Site(deployment, server, front, mail, postgres)


class Person(Client):
    """A client that sends any form and returns any answer."""

    def __init__(self, site):
        super().__init__(site.server, https=True)
        self.site = site

    def token(self, path="/accounts/login/"):
        """Return the CSRF token of the form on this page."""
        page = self.get(path)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found, f"{page.status_code}: {page.url} has no form\n{page.text}"
        return found[1]

    def fill(self, path, page=None, follow=True, **fields):
        """Send this form, which is on its own page or on `page`."""
        fields["csrfmiddlewaretoken"] = self.token(page or path)
        headers = {"Referer": f"{self.url}{path}"}
        return self.post(path, data=fields, headers=headers, allow_redirects=follow)

    def register(self, name, **fields):
        """Send the form to sign up."""
        account = {"username": name, "email": f"{name}@example.com", "password1": PASSWORD, "password2": PASSWORD}
        return self.fill("/accounts/signup/", **{**account, **fields})

    def sign_up(self, name):
        """Sign up, open the link that was mailed, and sign in."""
        self.register(name)
        self.fill(self.site.link(f"{name}@example.com", "Confirm"))
        self.sign_in(name)
        assert self.signed_in(), self.get("/").text
        return self

    def sign_in(self, name, password=PASSWORD, **fields):
        return self.fill("/accounts/login/", login=self.site.name_of(name), password=password, **fields)

    def prove(self, password=PASSWORD):
        """Enter the password again, as pages ask for before sensitive changes."""
        return self.fill("/accounts/reauthenticate/", password=password, next="/accounts/email/")

    def sign_out(self):
        return self.fill("/accounts/logout/", "/")

    def signed_in(self):
        return self.get("/api/v1/users/me/").status_code == 200

    def session_key(self):
        return self.cookies.get("sessionid")
