"""The pages in production earn all that a site can earn by itself at Mozilla's HTTP Observatory."""

import pytest

from tests.client import Client
from tests.machine import RUNNING_PYTHON, pythons_of_other_djangos
from tests.observatory import POINTS, Visit, results, score
from tests.production import INTERFACES, Deployment

ORIGIN = "https://elsewhere.example"
# Being in the list that browsers carry would earn 5 more, and an integrity for scripts of the site itself, whose
# server would vouch for what it serves itself, another 5.
FULL_MARKS = 135
EARNED = {
    "csp-implemented-with-no-unsafe-default-src-none",
    "cookies-secure-with-httponly-sessions-and-samesite",
    "referrer-policy-private",
    "x-frame-options-implemented-via-csp",
    "corp-implemented-with-same-origin",
}
# Two packages and Django itself make the headers.
PROJECTS = [(interface, RUNNING_PYTHON) for interface in INTERFACES]
PROJECTS += [pytest.param(("WSGI", version), marks=pytest.mark.matrix) for version in pythons_of_other_djangos()]
PAGES = ["/", "/items/add/", "/accounts/password_change/", "/api/docs/", "/api/v1/items/", "/no/such/page/"]
PAGES_OF_A_VISITOR = ["/", "/accounts/login/", "/accounts/signup/", "/admin/login/"]

IDEAL = Visit(
    url="https://site.example/",
    headers={
        "Content-Security-Policy": "default-src 'none'; script-src 'self' 'nonce-abc'; frame-ancestors 'none'",
        "Content-Type": "text/html",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    },
    html='<script src="/own.js"></script>',
    cookies=[("sessionid", True, True, "Lax"), ("csrftoken", True, False, "Lax")],
    route=["http://site.example/", "https://site.example/"],
    preflight={},
    origin=ORIGIN,
)


@pytest.fixture(scope="module", params=PROJECTS, ids="-".join)
def server(request, installed, postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("observatory")
    with Deployment(installed(*request.param), folder, postgres.database()).prepare().serve() as server:
        yield server


def visit(client, path):
    answer = client.get(f"{client.server.url}{path}")
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    cookies = [
        (cookie.name, cookie.secure, cookie.has_nonstandard_attr("HttpOnly"), cookie.get_nonstandard_attr("SameSite"))
        for cookie in client.cookies
    ]
    return Visit(
        url=answer.url,
        headers=answer.headers,
        html=answer.text,
        cookies=cookies,
        route=[page.url for page in [*answer.history, answer]],
        preflight=client.options(path, headers=asked).headers,
        origin=ORIGIN,
    )


def test_each_page_has_full_marks(server):
    visitor = Client(server, https=True)
    # A form sets the cookie that protects it, so the first page already has one.
    visits = [visit(visitor, path) for path in PAGES_OF_A_VISITOR]
    ada = visitor.sign_up("ada-observed")
    visits += [visit(ada, path) for path in PAGES]
    assert {cookie.name for cookie in ada.cookies} == {"csrftoken", "sessionid"}
    for page in visits:
        assert {result for result in results(page) if POINTS[result]} == EARNED, page.url
        assert score(page) == FULL_MARKS, page.url


def test_each_page_asks_browsers_for_what_their_list_demands(server):
    answer = Client(server, https=True).get("/")
    for page in [*answer.history, answer]:
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_the_ideal_page_earns_what_the_project_earns():
    assert score(IDEAL) == FULL_MARKS
    assert {result for result in results(IDEAL) if POINTS[result]} == EARNED


def with_header(name, value):
    return IDEAL._replace(headers={**IDEAL.headers, name: value})


def with_policy(value):
    return with_header("Content-Security-Policy", f"{value}; frame-ancestors 'none'")


def with_cookie(name, secure=True, http_only=True, same_site="Lax"):
    return IDEAL._replace(cookies=[*IDEAL.cookies, (name, secure, http_only, same_site)])


def with_script(address, integrity=""):
    return IDEAL._replace(html=f'<script src="/own.js"></script><script src="{address}" integrity="{integrity}">')


def without_hsts(visit):
    return visit._replace(headers={**visit.headers, "Strict-Transport-Security": ""})


EXAMPLES = {
    "csp-implemented-with-no-unsafe-default-src-none": [
        with_policy("default-src; script-src 'nonce-abc' 'unsafe-inline'"),
        with_policy("default-src 'none'; script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https:"),
    ],
    "csp-implemented-with-no-unsafe": [
        with_policy("default-src 'self'"),
        with_policy("default-src 'none' 'self'"),
        with_policy("script-src 'self'; object-src 'none'; style-src 'self'"),
    ],
    "csp-implemented-with-unsafe-inline-in-style-src-only": [
        with_policy("default-src 'none'; style-src 'self' 'unsafe-inline'"),
        with_policy("default-src 'none'; style-src data:"),
        with_policy("script-src 'self'; object-src 'none'"),
    ],
    "csp-implemented-with-insecure-scheme-in-passive-content-only": [
        with_policy("default-src 'none'; img-src http://pictures.example"),
    ],
    "csp-implemented-with-unsafe-eval": [with_policy("default-src 'none'; script-src 'self' 'unsafe-eval'")],
    "csp-implemented-with-unsafe-inline": [
        with_policy("default-src 'none'; script-src 'self' 'unsafe-inline'"),
        with_policy("default-src 'none'; script-src data:"),
        with_policy("default-src 'none'; object-src *"),
        with_policy("script-src 'self'"),
        with_policy("default-src https:"),
    ],
    "csp-implemented-with-insecure-scheme": [
        with_policy("default-src 'none'; script-src http://scripts.example"),
        with_policy("default-src 'none'; font-src http:"),
    ],
    "csp-header-invalid": [
        with_policy("default-src 'none'; default-src 'none'"),
        with_policy("default-src 'none'; script-src 'strict-dynamic'"),
        with_header("Content-Security-Policy", "x"),
    ],
    "csp-not-implemented": [with_header("Content-Security-Policy", "")],
    "cookies-not-found": [IDEAL._replace(cookies=[])],
    "cookies-secure-with-httponly-sessions": [with_cookie("language", same_site=None)],
    "cookies-without-secure-flag-but-protected-by-hsts": [with_cookie("language", secure=False)],
    "cookies-without-secure-flag": [without_hsts(with_cookie("language", secure=False))],
    "cookies-session-without-secure-flag-but-protected-by-hsts": [with_cookie("sessionid", secure=False)],
    "cookies-samesite-flag-invalid": [
        with_cookie("language", same_site="Wide"),
        with_cookie("language", secure=False, same_site="None"),
    ],
    "cookies-anticsrf-without-samesite-flag": [with_cookie("csrftoken", same_site=None)],
    "cookies-session-without-httponly-flag": [with_cookie("login", http_only=False)],
    "cookies-session-without-secure-flag": [without_hsts(with_cookie("sessionid", secure=False))],
    "cross-origin-resource-sharing-implemented-with-public-access": [
        IDEAL._replace(preflight={"Access-Control-Allow-Origin": "*"}),
    ],
    "cross-origin-resource-sharing-implemented-with-restricted-access": [
        IDEAL._replace(preflight={"Access-Control-Allow-Origin": ORIGIN}),
    ],
    "cross-origin-resource-sharing-implemented-with-universal-access": [
        IDEAL._replace(
            preflight={"Access-Control-Allow-Origin": ORIGIN, "Access-Control-Allow-Credentials": "true"},
        ),
    ],
    "redirection-off-host-from-http": [
        IDEAL._replace(route=["http://site.example/", "https://www.site.example/"]),
    ],
    "redirection-not-to-https-on-initial-redirection": [
        IDEAL._replace(route=["http://site.example/", "http://www.site.example/", "https://www.site.example/"]),
    ],
    "redirection-not-to-https": [IDEAL._replace(route=["http://site.example/", "http://site.example/login/"])],
    "redirection-missing": [IDEAL._replace(route=["http://site.example/"])],
    "referrer-policy-private": [with_header("Referrer-Policy", "unsafe-url, no-referrer, of-tomorrow")],
    "referrer-policy-not-implemented": [with_header("Referrer-Policy", "")],
    "referrer-policy-unsafe": [with_header("Referrer-Policy", "unsafe-url")],
    "referrer-policy-header-invalid": [with_header("Referrer-Policy", "of-tomorrow")],
    "hsts-implemented-max-age-less-than-six-months": [with_header("Strict-Transport-Security", "max-age=15551999")],
    "hsts-not-implemented": [without_hsts(IDEAL)],
    "hsts-header-invalid": [
        with_header("Strict-Transport-Security", "includeSubDomains"),
        with_header("Strict-Transport-Security", "max-age=31536000, max-age=31536000"),
    ],
    "sri-implemented-and-all-scripts-loaded-securely": [with_script("/more.js", "sha256-abc")],
    "sri-implemented-and-external-scripts-loaded-securely": [with_script("https://cdn.example/x.js", "sha256-abc")],
    "sri-not-implemented-response-not-html": [with_header("Content-Type", "application/json")],
    "sri-not-implemented-but-no-scripts-loaded": [IDEAL._replace(html="<p>None</p>")],
    "sri-implemented-but-external-scripts-not-loaded-securely": [with_script("http://cdn.example/x.js", "sha256-abc")],
    "sri-not-implemented-but-external-scripts-loaded-securely": [with_script("https://cdn.example/x.js")],
    "sri-not-implemented-and-external-scripts-not-loaded-securely": [
        with_script("http://cdn.example/x.js"),
        with_script("//cdn.example/x.js"),
    ],
    "x-content-type-options-not-implemented": [with_header("X-Content-Type-Options", "")],
    "x-content-type-options-header-invalid": [with_header("X-Content-Type-Options", "sniff")],
    "corp-implemented-with-same-site": [with_header("Cross-Origin-Resource-Policy", "same-site")],
    "corp-not-implemented": [with_header("Cross-Origin-Resource-Policy", "")],
    "corp-implemented-with-cross-origin": [with_header("Cross-Origin-Resource-Policy", "cross-origin")],
    "corp-header-invalid": [with_header("Cross-Origin-Resource-Policy", "everyone")],
}
UNFRAMED = IDEAL._replace(headers={**IDEAL.headers, "Content-Security-Policy": "default-src 'none'"})
for result, value in [
    ("sameorigin-or-deny", "SAMEORIGIN"),
    ("allow-from-origin", "ALLOW-FROM https://site.example"),
    ("not-implemented", ""),
    ("header-invalid", "SOMETIMES"),
]:
    headers = {**UNFRAMED.headers, "X-Frame-Options": value}
    EXAMPLES[f"x-frame-options-{result}"] = [UNFRAMED._replace(headers=headers)]


@pytest.mark.parametrize("result", EXAMPLES)
def test_each_fault_has_its_result(result):
    for example in EXAMPLES[result]:
        assert result in results(example), example


def test_each_result_has_an_example():
    assert set(EXAMPLES) | set(results(IDEAL)) == set(POINTS)


@pytest.mark.parametrize(
    ("visit", "points"),
    [
        (with_policy("default-src 'self'"), 130),
        (with_header("Referrer-Policy", "unsafe-url"), 125),
        (with_header("Cross-Origin-Resource-Policy", ""), 125),
        (with_header("X-Content-Type-Options", ""), 130),
        (with_script("https://cdn.example/x.js"), 130),
        (IDEAL._replace(cookies=[]), 130),
        # From here on nothing earned counts: 100 less what was lost.
        (with_policy("default-src 'self' 'unsafe-inline'"), 80),
        (with_header("Content-Security-Policy", ""), 75),
        (without_hsts(IDEAL), 80),
        (without_hsts(with_cookie("sessionid", secure=False)), 40),
        (IDEAL._replace(route=["http://site.example/"]), 80),
        (Visit("https://site.example/", {}, "", [], ["http://site.example/"], {}, ORIGIN), 10),
    ],
)
def test_a_fault_costs_its_points(visit, points):
    assert score(visit) == points
