"""Sign Schemathesis in. SITE is the server's address, USERNAME and OTHER are accounts with this PASSWORD."""

import os

import requests
import schemathesis

HEADERS = {"X-Forwarded-Proto": "https"}


class Token:
    """Gets a token and puts it into the header."""

    account = "USERNAME"

    def get(self, case, context):
        fields = {"username": os.environ[self.account], "password": os.environ["PASSWORD"]}
        answer = requests.post(f"{os.environ['SITE']}/api/v1/token/", json=fields, headers=HEADERS, timeout=60)
        answer.raise_for_status()
        return answer.json()["token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Token {data}"


class OtherToken(Token):
    account = "OTHER"


# Requests that revoke tokens must not revoke that of all others, which share one. A new one takes a third of a second.
REVOKING = {"path_regex": "^/api/v1/tokens?/"}
schemathesis.auth(refresh_interval=5).apply_to(**REVOKING)(OtherToken)
schemathesis.auth(refresh_interval=10**6).skip_for(**REVOKING)(Token)
