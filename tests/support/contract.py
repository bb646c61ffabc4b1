"""Sign Schemathesis in. SITE is the server's address, USERNAME and PASSWORD are the account."""

import os

import requests
import schemathesis

# A different client address: the failed sign-ins among the test requests lock out their own address.
HEADERS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


class Token:
    """Gets a token and puts it into the header."""

    def get(self, case, context):
        fields = {"username": os.environ["USERNAME"], "password": os.environ["PASSWORD"]}
        answer = requests.post(f"{os.environ['SITE']}/api/v1/token/", json=fields, headers=HEADERS, timeout=60)
        answer.raise_for_status()
        return answer.json()["token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Token {data}"


# Revoking a token needs a new one each time. All other requests share one.
REVOKE = {"method": "DELETE", "path": "/api/v1/token/"}
schemathesis.auth(refresh_interval=None).apply_to(**REVOKE)(Token)
schemathesis.auth(refresh_interval=10**6).skip_for(**REVOKE)(Token)
