"""Mozilla's HTTP Observatory: what the headers of a page earn and cost, by its published tests and scores.

It reads headers alone, also where the Observatory looks into the page for a `<meta>` that says the same.
"""

import html.parser
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

POINTS = {
    # Content Security Policy
    "csp-implemented-with-no-unsafe-default-src-none": 10,
    "csp-implemented-with-no-unsafe": 5,
    "csp-implemented-with-unsafe-inline-in-style-src-only": 0,
    "csp-implemented-with-insecure-scheme-in-passive-content-only": -10,
    "csp-implemented-with-unsafe-eval": -10,
    "csp-implemented-with-unsafe-inline": -20,
    "csp-implemented-with-insecure-scheme": -20,
    "csp-header-invalid": -25,
    "csp-not-implemented": -25,
    # Cookies, the worst last
    "cookies-secure-with-httponly-sessions-and-samesite": 5,
    "cookies-not-found": 0,
    "cookies-secure-with-httponly-sessions": 0,
    "cookies-without-secure-flag-but-protected-by-hsts": -5,
    "cookies-without-secure-flag": -20,
    "cookies-session-without-secure-flag-but-protected-by-hsts": -10,
    "cookies-samesite-flag-invalid": -20,
    "cookies-anticsrf-without-samesite-flag": -20,
    "cookies-session-without-httponly-flag": -30,
    "cookies-session-without-secure-flag": -40,
    # Cross-Origin Resource Sharing
    "cross-origin-resource-sharing-not-implemented": 0,
    "cross-origin-resource-sharing-implemented-with-public-access": 0,
    "cross-origin-resource-sharing-implemented-with-restricted-access": 0,
    "cross-origin-resource-sharing-implemented-with-universal-access": -50,
    # Redirection
    "redirection-to-https": 0,
    "redirection-off-host-from-http": -5,
    "redirection-not-to-https-on-initial-redirection": -10,
    "redirection-not-to-https": -20,
    "redirection-missing": -20,
    # Referrer-Policy
    "referrer-policy-private": 5,
    "referrer-policy-not-implemented": 0,
    "referrer-policy-unsafe": -5,
    "referrer-policy-header-invalid": -5,
    # Strict-Transport-Security; being in the browsers' own list would be 5
    "hsts-implemented-max-age-at-least-six-months": 0,
    "hsts-implemented-max-age-less-than-six-months": -10,
    "hsts-not-implemented": -20,
    "hsts-header-invalid": -20,
    # Subresource Integrity, the worst last
    "sri-implemented-and-all-scripts-loaded-securely": 5,
    "sri-implemented-and-external-scripts-loaded-securely": 5,
    "sri-not-implemented-response-not-html": 0,
    "sri-not-implemented-but-no-scripts-loaded": 0,
    "sri-not-implemented-but-all-scripts-loaded-from-secure-origin": 0,
    "sri-implemented-but-external-scripts-not-loaded-securely": -20,
    "sri-not-implemented-but-external-scripts-loaded-securely": -5,
    "sri-not-implemented-and-external-scripts-not-loaded-securely": -50,
    # X-Content-Type-Options
    "x-content-type-options-nosniff": 0,
    "x-content-type-options-not-implemented": -5,
    "x-content-type-options-header-invalid": -5,
    # X-Frame-Options
    "x-frame-options-implemented-via-csp": 5,
    "x-frame-options-sameorigin-or-deny": 0,
    "x-frame-options-allow-from-origin": 0,
    "x-frame-options-not-implemented": -20,
    "x-frame-options-header-invalid": -20,
    # Cross-Origin-Resource-Policy
    "corp-implemented-with-same-origin": 10,
    "corp-implemented-with-same-site": 10,
    "corp-not-implemented": 0,
    "corp-implemented-with-cross-origin": 0,
    "corp-header-invalid": -5,
}
SEVERITY = list(POINTS).index

BROAD = {"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"}
INLINE = {"'unsafe-inline'", "data:"}
PASSIVE = ("img-src", "media-src")
SIX_MONTHS = 180 * 24 * 60 * 60
PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
ELSEWHERE = {
    # whether the script has an integrity, whether it comes by HTTPS
    (True, True): "sri-implemented-and-external-scripts-loaded-securely",
    (True, False): "sri-implemented-but-external-scripts-not-loaded-securely",
    (False, True): "sri-not-implemented-but-external-scripts-loaded-securely",
    (False, False): "sri-not-implemented-and-external-scripts-not-loaded-securely",
}
UNSAFE = {"origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"}


class Visit(NamedTuple):
    """What an HTTPS page and its neighbours answered; the names of headers are in any case."""

    url: str
    headers: dict
    html: str
    # Each as (name, whether Secure, whether HttpOnly, SameSite or None).
    cookies: list
    # The addresses through which http: led.
    route: list
    # The answer to the preflight request of a foreign origin, and that origin.
    preflight: dict
    origin: str

    def header(self, name):
        return find(self.headers, name)


def find(headers, name):
    return next((value.strip() for key, value in headers.items() if key.lower() == name), "")


def results(visit):
    """Return the result of each test."""
    tests = (policy, cookies, sharing, redirection, referrer, hsts, integrity, sniffing, framing, embedding)
    return [test(visit) for test in tests]


def score(visit):
    """Return the points from 100; what was earned counts only where little was lost."""
    points = [POINTS[result] for result in results(visit)]
    left = 100 + sum(number for number in points if number < 0)
    return left + sum(number for number in points if number > 0) if left >= 90 else max(left, 0)


def directives(header):
    """Return directive -> sources; None when the header cannot be read."""
    found = {}
    for words in filter(None, (part.lower().split() for part in header.split(";"))):
        if words[0] in found:
            return None
        found[words[0]] = set(words[1:]) or {"'none'"}
    # A comma would begin a second policy, of which the project has none.
    return None if "," in header or len(header) < len("img-src") - 1 else found


def policy(visit):
    header = visit.header("content-security-policy")
    if not header:
        return "csp-not-implemented"
    found = directives(header)
    if found is None:
        return "csp-header-invalid"
    default = found.get("default-src", {"*"})
    scripts, styles, objects = (found.get(name, default) for name in ("script-src", "style-src", "object-src"))
    scripts, styles = (listed - {"'unsafe-inline'"} if signed(listed) else listed for listed in (scripts, styles))
    if "'strict-dynamic'" in scripts:
        if not signed(scripts):
            return "csp-header-invalid"
        scripts = {source for source in scripts if not source.startswith((*BROAD, "'self'"))}
    others = (found[name] for name in found if name not in (*PASSIVE, "script-src"))
    if scripts & (BROAD | INLINE) or objects & BROAD:
        return "csp-implemented-with-unsafe-inline"
    if plain(scripts.union(*others)):
        return "csp-implemented-with-insecure-scheme"
    if "'unsafe-eval'" in scripts | styles:
        return "csp-implemented-with-unsafe-eval"
    if any(plain(found.get(name, default)) for name in PASSIVE):
        return "csp-implemented-with-insecure-scheme-in-passive-content-only"
    if styles & (BROAD | INLINE):
        return "csp-implemented-with-unsafe-inline-in-style-src-only"
    if default == {"'none'"}:
        return "csp-implemented-with-no-unsafe-default-src-none"
    return "csp-implemented-with-no-unsafe"


def signed(sources):
    return any(source.startswith(("'nonce-", "'sha256-", "'sha384-", "'sha512-")) for source in sources)


def plain(sources):
    return any(source.startswith(("http:", "ftp:")) for source in sources)


def cookies(visit):
    if not visit.cookies:
        return "cookies-not-found"
    protected = "-but-protected-by-hsts" if "at-least-six-months" in hsts(visit) else ""
    found = ["cookies-secure-with-httponly-sessions-and-samesite"]
    for name, secure, http_only, same_site in visit.cookies:
        session = "sess" in name.lower() or "login" in name.lower()
        if same_site is None:
            found.append("cookies-secure-with-httponly-sessions")
            if "csrf" in name.lower():
                found.append("cookies-anticsrf-without-samesite-flag")
        elif same_site.lower() not in ("lax", "strict", *(["none"] if secure else [])):
            found.append("cookies-samesite-flag-invalid")
        if not secure:
            found.append(f"cookies-{'session-' if session else ''}without-secure-flag{protected}")
        if session and not http_only:
            found.append("cookies-session-without-httponly-flag")
    return max(found, key=SEVERITY)


def sharing(visit):
    allowed = find(visit.preflight, "access-control-allow-origin")
    credentials = find(visit.preflight, "access-control-allow-credentials").lower() == "true"
    if not allowed:
        return "cross-origin-resource-sharing-not-implemented"
    if allowed == "*":
        return "cross-origin-resource-sharing-implemented-with-public-access"
    access = "universal" if allowed == visit.origin and credentials else "restricted"
    return f"cross-origin-resource-sharing-implemented-with-{access}-access"


def redirection(visit):
    route = [urlsplit(address) for address in visit.route]
    if len(route) == 1:
        return "redirection-missing"
    if route[-1].scheme != "https":
        return "redirection-not-to-https"
    if route[1].scheme != "https":
        return "redirection-not-to-https-on-initial-redirection"
    if route[1].hostname != route[0].hostname:
        return "redirection-off-host-from-http"
    return "redirection-to-https"


def referrer(visit):
    header = visit.header("referrer-policy").lower()
    # A browser takes the last one that it knows.
    known = [word for word in header.replace(",", " ").split() if word in PRIVATE | UNSAFE]
    if not header:
        return "referrer-policy-not-implemented"
    if not known:
        return "referrer-policy-header-invalid"
    return f"referrer-policy-{'private' if known[-1] in PRIVATE else 'unsafe'}"


def hsts(visit):
    header = visit.header("strict-transport-security").lower()
    ages = [part.strip()[len("max-age=") :] for part in header.split(";") if part.strip().startswith("max-age=")]
    if not header:
        return "hsts-not-implemented"
    if "," in header or not ages or not ages[-1].isdecimal():
        return "hsts-header-invalid"
    length = "at-least" if int(ages[-1]) >= SIX_MONTHS else "less-than"
    return f"hsts-implemented-max-age-{length}-six-months"


class Scripts(html.parser.HTMLParser):
    """`found` holds the attributes of each `<script>`."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "script":
            self.found.append(dict(attributes))


def integrity(visit):
    if not visit.header("content-type").startswith(("text/html", "application/xhtml+xml")):
        return "sri-not-implemented-response-not-html"
    scripts = Scripts(visit.html).found
    if not scripts:
        return "sri-not-implemented-but-no-scripts-loaded"
    found = []
    for script in filter(lambda script: script.get("src"), scripts):
        address = urlsplit(urljoin(visit.url, script["src"]))
        # An address without a scheme counts as another host's.
        bare = script["src"].startswith("//")
        own = address.hostname == urlsplit(visit.url).hostname and not bare
        secure = address.scheme == "https" and not bare
        if not own:
            found.append(ELSEWHERE[bool(script.get("integrity")), secure])
        elif script.get("integrity") and secure:
            found.append("sri-implemented-and-all-scripts-loaded-securely")
    return max(found, key=SEVERITY, default="sri-not-implemented-but-all-scripts-loaded-from-secure-origin")


def sniffing(visit):
    header = visit.header("x-content-type-options").lower()
    if not header:
        return "x-content-type-options-not-implemented"
    return f"x-content-type-options-{'nosniff' if header == 'nosniff' else 'header-invalid'}"


def framing(visit):
    header = visit.header("x-frame-options").lower()
    if "frame-ancestors" in (directives(visit.header("content-security-policy")) or {}):
        return "x-frame-options-implemented-via-csp"
    if not header:
        return "x-frame-options-not-implemented"
    if header.startswith("allow-from"):
        return "x-frame-options-allow-from-origin"
    return f"x-frame-options-{'sameorigin-or-deny' if header in ('sameorigin', 'deny') else 'header-invalid'}"


def embedding(visit):
    header = visit.header("cross-origin-resource-policy").lower()
    if not header:
        return "corp-not-implemented"
    known = header in ("same-origin", "same-site", "cross-origin")
    return f"corp-implemented-with-{header}" if known else "corp-header-invalid"
