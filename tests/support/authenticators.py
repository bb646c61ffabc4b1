"""What users prove themselves with: the codes of an authenticator app, and passkeys in Chromium."""

import base64
import hmac
import struct
import time

PERIOD = 30


def totp(secret):
    """Return the code of this moment (RFC 6238), which is valid for ten more seconds at least."""
    left = PERIOD - time.time() % PERIOD
    if left < 10:
        time.sleep(left)
    counter = struct.pack(">Q", int(time.time()) // PERIOD)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"


def add_authenticator(page, **options):
    """Give the browser of a page an authenticator that agrees to everything; return a function that lists its keys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **options,
    }
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return lambda: session.send("WebAuthn.getCredentials", added)["credentials"]
