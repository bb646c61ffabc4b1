"""A small OpenID Connect issuer (authorization code, PKCE, tokens signed with HS256), for one client."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = {"client_id": "the-client", "client_secret": "the-secret-of-the-client"}
NAMES = ["token_endpoint", "authorization_endpoint", "access_token", "sub", "email"]
RUBBISH = {
    "the end": "",
    "text": "It works!",
    "a list": "[1, 2]",
    "an empty object": "{}",
    "numbers": json.dumps(dict.fromkeys(NAMES, 7)),
    "text for numbers": json.dumps({"access_token": "x", "expires_in": "soon", "token_type": "bearer"}),
}


class Issuer(ThreadingHTTPServer):
    """
    An issuer at `url`, with `user` signed in.

    It answers the paths in `faults` with this text; with "" it closes the connection, with None it stays silent.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.user = {}
        self.faults = {}
        self.error = None
        # The challenge and the user of each code, and the user of each token.
        self.codes = {}
        self.tokens = {}
        # Set at the end, so that no silent answer goes on.
        self.ended = threading.Event()

    def variables(self):
        """Return the environment of a project that uses this issuer."""
        return {
            "OIDC_CLIENT_ID": CLIENT["client_id"],
            "OIDC_CLIENT_SECRET": CLIENT["client_secret"],
            "OIDC_ISSUER": self.url,
            "OIDC_NAME": "Acme",
        }

    def configuration(self):
        pages = {"authorization_endpoint": "authorize", "token_endpoint": "token", "userinfo_endpoint": "userinfo"}
        urls = {name: f"{self.url}/{page}" for name, page in {**pages, "jwks_uri": "jwks"}.items()}
        return {"issuer": self.url, "token_endpoint_auth_methods_supported": ["client_secret_post"], **urls}

    def authorize(self, asked):
        """Return where the browser goes with a code."""
        assert asked["client_id"] == CLIENT["client_id"]
        assert asked["code_challenge_method"] == "S256"
        if self.error:
            answer = {"error": self.error}
        else:
            answer = {"code": secrets.token_urlsafe()}
            self.codes[answer["code"]] = asked["code_challenge"], self.user
        return f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked['state']})}"

    def token(self, asked):
        challenge, user = self.codes.pop(asked["code"])
        assert asked.items() >= CLIENT.items()
        assert encoded(hashlib.sha256(asked["code_verifier"].encode()).digest()) == challenge
        token = secrets.token_urlsafe()
        self.tokens[token] = user
        claims = {"iss": self.url, "aud": CLIENT["client_id"], "exp": int(time.time()) + 60, **user}
        return {"access_token": token, "token_type": "Bearer", "expires_in": 60, "id_token": signed(claims)}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        asked = {name: value for name, (value,) in parse_qs(address.query).items()}
        if self.fault(address.path):
            return
        if address.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.server.authorize(asked))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif address.path == "/userinfo":
            self.say(self.server.tokens[self.headers["Authorization"].removeprefix("Bearer ")])
        else:
            assert address.path == "/.well-known/openid-configuration", address.path
            self.say(self.server.configuration())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not self.fault(self.path):
            self.say(self.server.token({name: value for name, (value,) in parse_qs(body).items()}))

    def fault(self, path):
        if path not in self.server.faults:
            return False
        if self.server.faults[path] is None:
            self.server.ended.wait(60)
        elif self.server.faults[path]:
            self.say(self.server.faults[path])
        self.close_connection = True
        return True

    def say(self, answer):
        text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims):
    """Return these claims as a JSON Web Token."""
    text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{encoded(hmac.digest(CLIENT['client_secret'].encode(), text.encode(), 'sha256'))}"


@contextlib.contextmanager
def running_issuer():
    """Yield a running Issuer."""
    with Issuer() as issuer:
        threading.Thread(target=issuer.serve_forever).start()
        try:
            yield issuer
        finally:
            issuer.ended.set()
            issuer.shutdown()
