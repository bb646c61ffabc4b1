"""Send requests of any bytes to a served project, and check that each status is below 500 and no error is logged."""

import base64
import collections
import contextlib
import html
import http.client
import json
import re
import socket
from typing import NamedTuple
from urllib.parse import quote_from_bytes, urlencode

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.client import LIMIT, PASSWORD
from tests.support.load import TOKEN

# Each user has several sessions, because a random request may sign out one of them.
SESSIONS = 12
# Prints the addresses of a project, and sessions and tokens of a user and an administrator.
DESCRIBE = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from users.models import Token
from my_project.asgi import application
from items.models import Item
import my_project.asgi

def templates(resolver, prefix=""):
    for name in resolver.reverse_dict:
        for possibilities, *_ in resolver.reverse_dict.getlist(name):
            yield from (prefix + template for template, _ in possibilities)
    for before, inner in resolver.namespace_dict.values():
        yield from templates(inner, prefix + before)

def session(user):
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return store.session_key

User = get_user_model()
users = {}
for name in "user", "admin", "victim":
    names = {"username": name, "email": f"%(run)s-{name}@example.com"}
    names["username"] = f"%(run)s-{name}"
    names = {key: value for key, value in names.items() if key in [field.name for field in User._meta.fields]}
    user = User(**names, is_staff=name == "admin", is_superuser=name == "admin")
    user.set_password(%(password)r)
    user.save()
    user.vouch_for_email()
    users[name] = user
for number in range(70):
    item = Item.objects.create(owner=users["user"], name=f"Item {number}")
operations = SchemaGenerator().get_schema(public=True)["paths"]
print("DESCRIPTION" + json.dumps({
    "routes": sorted(set(templates(get_resolver()))),
    "parameters": sorted({parameter["name"] for path in operations.values() for operation in path.values()
                          for parameter in operation.get("parameters", []) if parameter["in"] == "query"}),
    "sockets": [str(route.pattern) for route in getattr(my_project.asgi, "websocket_urlpatterns", [])],
    "sessions": {name: [session(user) for _ in range(%(sessions)d)] for name, user in users.items()},
    "tokens": [Token.objects.issue(users["user"], "API")[1] for _ in range(%(sessions)d)],
    "name": users["user"].get_username(),
    "ids": [str(users["victim"].pk), str(item.pk), str(item.pk - 1)],
}))
"""


class Target(NamedTuple):
    """A running server, and the addresses and accounts that requests can use."""

    server: object
    routes: list
    parameters: list
    sockets: list
    sessions: dict
    tokens: list
    name: str
    ids: list
    # Route -> the names of the fields of its forms.
    forms: dict


class Message(NamedTuple):
    """Bytes to send; `whole` means that the server needs no more bytes to answer."""

    sent: bytes
    whole: bool
    frames: bytes = b""


def target(deployment, server, run):
    """Create users, and collect the forms of each page; return the Target."""
    script = DESCRIBE % {"run": run, "password": PASSWORD, "sessions": SESSIONS}
    printed = deployment.run("shell", "-c", script).stdout
    found = json.loads(printed.rpartition("DESCRIPTION")[2])
    forms = {}
    for route in found["routes"]:
        path = "/" + re.sub(r"%\(\w+\)s", found["ids"][0 if "user" in route else 1], route)
        head = {"Cookie": f"sessionid={found['sessions']['admin'][0]}", "X-Forwarded-Proto": "https"}
        if "logout" not in route:
            page = ask(server, path, head)[1].decode("utf-8", "replace")
            forms[route] = sorted(set(re.findall(r'<(?:input|select|textarea|button)[^>]* name="([^"]+)"', page)))
            forms[route] = [html.unescape(name) for name in forms[route] if name != "csrfmiddlewaretoken"]
    return Target(server, **found, forms=forms)


def ask(server, path, headers):
    """Return the status and body of an ordinary client's request."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


# Text that often breaks programs.
ODD = [
    *(b"", b" ", b"\0", b"a\0b", b"\xff", b"\xfe\xff", b"\xc0\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80" * 9),
    *(b"%", b"%00", b"%ff", b"%ED%A0%80", b"%2F", b"%2e%2e%2f", b"%u0041", b"..", b"../../etc/passwd", b"//", b"\\"),
    *(b"\r", b"\n", b"\r\n\r\n", b"\t", b"\x1b[31m", b"\x7f", b"'", b'"', b"';--", b"<script>", b"{{ 7*7 }}", b"%s%n"),
    *(
        b"-1",
        b"0",
        b"1",
        b"2147483648",
        b"9223372036854775808",
        b"1" * 5000,
        b"1e400",
        b"1e999999999",
        b"0x10",
        b"1_0",
    ),
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"[0]",
        b"\xd9\xa1",
        b"\xc2\xb2",
        b"\xe2\x85\xa7",
    ),
    *(b"0000-00-00", b"0000-01-01T00:00:00Z", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59.999999-12:00"),
    *(b"9999-12-31", b"0001-01-01", b"2024-02-30", b"2024-06-01T24:00:00", b"-1-01-01", b"99999-01-01", b"24:61"),
    *(b"x" * 129, b"x" * 151, b"x" * 255, b"x" * 256, b"x" * 300, b"x" * 5000, b"\xf0\x9f\x92\xa9" * 256),
    *(
        b"\xc4\xb0" * 200,
        b"\xc3\x9f" * 200,
        b"\xcc\x81",
        b"\xe2\x80\xae",
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
        b"\xef\xbf\xbf",
    ),
    *(b"a@b", b"a@b.c" * 60, b"\xc3\xa9@\xc3\xa9.example", b"http://[", b"//evil.example", b"javascript:1", b"/\\x"),
    *(
        b"__class__",
        b"id__in",
        b"pk__regex",
        b"owner__password__startswith",
        b"created_at__year",
        b"-",
        b",",
        b"?",
        b"-?",
    ),
]
odd = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(ODD),
    st.binary(max_size=12),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
)

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "LINK", "QUERY"]
TYPES = [
    b"application/json",
    b"application/json; charset=nowhere",
    b"application/json; charset=utf-16",
    b"application/json; charset=\xff\0",
    b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=nowhere",
    b"application/x-www-form-urlencoded; charset=utf-7",
    b"application/x-www-form-urlencoded; charset=idna",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data; boundary=x; charset=nowhere",
    b"multipart/form-data; boundary*=utf-8''%ff",
    b"multipart/form-data; boundary*=nowhere''%ff",
    b"multipart/form-data; boundary=\xff",
    b"multipart/form-data; boundary=" + b"x" * 300,
    b"text/plain",
    b"/",
    b";",
]
CREDENTIALS = base64.b64encode(b"\xff:\0")
# Headers that the servers, Django and the project read.
HEADERS = {
    b"Host": [
        b"127.0.0.1",
        b"127.0.0.1:99999",
        b"[::1",
        b"evil.example",
        b"127.0.0.1@x",
        b"xn--\xff",
        b"a" * 300,
        b".",
    ],
    b"Authorization": [
        *(b"Token \xff", b"Token", b"Token ", b"Token a b", b"token " + b"x" * 64, b"Token " + b"\xc3\xa9" * 40),
        *(
            b"Token \0",
            b"Basic \xff",
            b"Basic " + CREDENTIALS,
            b"Bearer x",
            b"Digest username=",
            b"Token " + b"x" * 8000,
        ),
    ],
    b"Cookie": [
        *(b"sessionid=\xff; csrftoken=\0", b"messages=[[", b"messages=" + b"x" * 3000, b"sessionid=" + b"x" * 5000),
        *(
            b"csrftoken=" + b"%" * 64,
            b"sessionid=a\xff\x80",
            b"=;=;=",
            b'a="\\777"',
            b"sessionid",
            b"csrftoken=" + b"\xc3" * 32,
        ),
        *(b"messages=W1siX19qc29uX21lc3NhZ2UiXV0:x", b"sessionid=../../x", b"; " * 2000, b'sessionid="\\000"'),
    ],
    b"Content-Type": TYPES,
    b"Content-Length": [b"-1", b"+1", b"1e3", b"1" * 5000, b"\xd9\xa1", b"\xb2", b"0x1", b"1,1", b"10485761", b" "],
    b"Transfer-Encoding": [b"chunked", b"identity", b"gzip, chunked", b"\xff"],
    b"Content-Encoding": [b"gzip", b"identity", b"br"],
    b"Accept": [
        *(b"application/json", b"text/html", b"text/csv", b"*/*;q=x", b"application/json; version=\xff", b"a/b;c"),
        *(b",,,;;;q=", b"application/json;indent=99999999999", b"application/vnd.oai.openapi+json; indent=1"),
        *(b"text/html;" * 500, b"/", b"a/b; c*=hex''%ff", b'application/json; a="'),
    ],
    b"Accept-Language": [
        b"de",
        b"x" * 600,
        b"zh-\0",
        b"en;q=9",
        b"de-" + b"a-" * 300,
        b"*;q=0.\xd9\xa1",
        b"../en",
        b"\xff",
    ],
    b"Accept-Encoding": [b"gzip;q=0, *", b"br, zstd", b"gzip;q=\xff"],
    b"Accept-Charset": [b"nowhere"],
    b"Range": [b"bytes=0-", b"bytes=-1", b"bytes=9-1", b"bytes=a-b", b"bytes=0-0,1-1", b"bytes=" + b"9" * 5000 + b"-"],
    b"If-Range": [b"x"],
    b"If-Modified-Since": [
        *(b"Thu, 01 Jan 1970 00:00:00 GMT", b"Thu, 99 Foo 0000 99:99:99 GMT", b"Sun, 00 Jan 0000 00:00:00 GMT"),
        *(b"Mon, 31 Feb 2024 00:00:00 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Fri, 31 Dec 9999 23:59:60 GMT"),
    ],
    b"If-Unmodified-Since": [b"Fri, 32 Dec 9999 23:59:60 GMT"],
    b"If-None-Match": [b"*", b'W/"x"', b'"', b"\xff", b'"x",' * 500],
    b"If-Match": [b"*", b"\xff"],
    b"X-Forwarded-For": [
        *(b"203.0.113.9:4711", b"[2001:db8::1]:4711", b"[2001:db8::1]", b"unknown", b"_hidden", b"fe80::1%eth0", b","),
        *(
            b"1.2.3.4, unknown",
            b"::ffff:1.2.3.4",
            b"999.1.1.1",
            b"1.2.3.4/8",
            b"0x7f.1",
            b"01.2.3.4",
            b"x" * 5000,
            b"\xff",
        ),
    ],
    b"X-Forwarded-Proto": [b"http", b"https, http", b"\xff", b""],
    b"X-Forwarded-Host": [b"evil.example", b"\xff"],
    b"X-Forwarded-Port": [b"x"],
    b"Forwarded": [b"for=\xff;host=x"],
    b"X-Request-ID": [b"x" * 8, b"x" * 129, b"\xff" * 9, b"a\0bcdefgh"],
    b"Origin": [
        b"null",
        b"https://127.0.0.1",
        b"https://evil.example",
        b"http://[",
        b"https://[::1",
        b"\xff",
        b"https://\xff",
        b"://",
    ],
    b"Referer": [
        b"",
        b"http://[",
        b"https://[::1/",
        b"https://127.0.0.1:x/",
        b"\xff",
        b"https://127.0.0.1\0/",
        b"https://\xe2\x84\xab/",
    ],
    b"X-CSRFToken": [b"\xff", b"x" * 64, b"", b"a" * 32],
    b"X-HTTP-Method-Override": [b"DELETE", b"\xff"],
    b"X-Requested-With": [b"XMLHttpRequest"],
    b"X-Script-Name": [b"/x", b"\xff"],
    b"Script-Name": [b"/x"],
    b"Expect": [b"100-continue", b"200-ok", b"\xff"],
    b"Upgrade": [b"websocket", b"h2c", b"\xff"],
    b"Connection": [b"Upgrade", b"keep-alive", b"close, \xff", b"Host"],
    b"HTTP2-Settings": [b"\xff"],
    b"Sec-WebSocket-Version": [b"13", b"0", b"x"],
    b"Sec-WebSocket-Key": [b"MDEyMzQ1Njc4OWFiY2RlZg==", b"\xff", b""],
    b"Access-Control-Request-Method": [b"GET", b"\xff"],
    b"Access-Control-Request-Headers": [b"\xff", b"x," * 500],
    b"User-Agent": [b"\xff", b"", b"x" * 5000],
    b"DNT": [b"\0"],
    b"Proxy": [b"http://evil.example"],
    b"Purpose": [b"prefetch"],
}
header = st.one_of(
    st.sampled_from(list(HEADERS)).flatmap(
        lambda name: st.tuples(st.just(name), st.one_of(st.sampled_from(HEADERS[name]), odd))
    ),
    st.tuples(odd, odd),
)

ADMIN_PARAMETERS = [
    *("q", "p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "_facets", "is_staff__exact", "id__in"),
    *(
        "is_active",
        "is_superuser__exact",
        "groups__id__exact",
        "owner__id__exact",
        "owner__username",
        "created_at__gte",
    ),
    *("created_at__year", "created_at__month", "created_at__isnull", "pk", "id", "name__regex", "name", "app_label"),
    *(
        "model_name",
        "field_name",
        "term",
        "page",
        "next",
        "format",
        "lang",
        "theme",
        "post",
        "url",
        "version",
        "scripts",
    ),
]
KEYS = ["name", "description", "username", "password", "email", "code", "first_name", "last_name", "owner", "id"]


def text_of(raw):
    """Return these bytes as text for JSON, with lone surrogates where needed."""
    return raw.decode("utf-8", "surrogateescape")


scalar = st.one_of(
    odd.map(text_of),
    st.sampled_from([None, True, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), "\ud800", "\0", [], {}]),
)
value = st.one_of(
    scalar, scalar, st.lists(scalar, max_size=2), st.dictionaries(st.sampled_from(KEYS), scalar, max_size=2)
)
JSON = [
    *(
        b"[" * 100_000,
        b'{"name":' * 50_000,
        b"[" * 50_000 + b"]" * 50_000,
        b'{"name": ' + b"[" * 990 + b"]" * 990 + b"}",
    ),
    *(
        b"",
        b"{",
        b"\xff",
        b"\0",
        b"nul",
        b"NaN",
        b'"',
        b"-",
        b"1" * 5000,
        b'{"name": ' + b"1" * 5000 + b"}",
        b"1e999999",
    ),
    *(
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": "a", "name": 1}',
        b'{"\\u0000": 1}',
        b'"\\x"',
        b'{"name": Infinity}',
    ),
    *(
        '{"name": "a"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"": 1}',
        b"[{}]",
        b'{"name": "' + b"x" * 300_000 + b'"}',
    ),
    *(b'{"username": "' + b"x" * 256 + b'", "password": "x"}', b'{"username": "\\ud800", "password": "\\ud800"}'),
]


@st.composite
def json_bodies(draw):
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(JSON))
    fields = draw(st.dictionaries(st.sampled_from(KEYS), value, max_size=4))
    # NaN and lone surrogates are encoded as Python's json module encodes them.
    return json.dumps(fields, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


PLAIN = [
    b"1",
    b"on",
    b"Compass",
    b"correct horse battery staple",
    b"2026-01-01",
    b"12:00:00",
    b"a@example.com",
    b"delete_selected",
]


def multipart(fields, draw):
    """Return a multipart body of these fields, some as files, with the boundary `x`; it may be malformed."""
    body = b""
    for name, content in fields:
        odd_name = draw(
            st.sampled_from(
                [
                    b"",
                    b'; filename="a.txt"',
                    b'; filename="\0"',
                    b"; filename*=utf-8''%ff",
                    b"; filename*=nowhere''%ff",
                    b'; filename="' + b"x" * 300 + b'"',
                ]
            )
        )
        kind = draw(
            st.sampled_from(
                [b"", b"Content-Type: text/plain; charset=nowhere\r\n", b"Content-Transfer-Encoding: base64\r\n"]
            )
        )
        body += (
            b'--x\r\nContent-Disposition: form-data; name="'
            + name
            + b'"'
            + odd_name
            + b"\r\n"
            + kind
            + b"\r\n"
            + content
            + b"\r\n"
        )
    return body + draw(st.sampled_from([b"--x--\r\n", b"--x--\r\n", b"", b"--x", b"--y--", b"--x\r\n\r\n\0"]))


def filled(draw, target, template):
    """Return the path of a route, with existing ids or with anything."""

    def fill(match):
        if draw(st.booleans()):
            return draw(st.sampled_from(target.ids))
        found = draw(odd)
        return (
            (
                quote_from_bytes(found, safe="")
                if draw(st.booleans())
                else quote_from_bytes(found, safe="/\\%\"'<>{}|^`")
            )
            if found
            else "0"
        )

    return "/" + re.sub(r"%\(\w+\)s", fill, template)


@st.composite
def messages(draw, target):
    """Draw any request: mostly one that an ordinary client could send, with a few odd parts."""
    route = draw(st.sampled_from(target.routes))
    path = filled(draw, target, route).encode("utf-8")
    method = draw(st.sampled_from(METHODS[:2] * 4 + METHODS)).encode()
    if draw(st.integers(0, 9)) == 0:
        method = draw(odd)
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(path)))
        found = draw(odd)
        path = path[:place] + (quote_from_bytes(found).encode() if draw(st.booleans()) else found) + path[place:]
    elif draw(st.integers(0, 19)) == 0:
        path = draw(
            st.one_of(
                odd,
                st.sampled_from(
                    [
                        b"/static/",
                        b"/media/",
                        b"/static/%00",
                        b"*",
                        b"http://[",
                        b"https://127.0.0.1/",
                        b"/" + b"a/" * 3000,
                        b"/accounts/login",
                        b"/api/v1/items",
                    ]
                ),
            )
        )
    names = draw(st.lists(st.one_of(st.sampled_from(target.parameters * 3 + ADMIN_PARAMETERS), odd), max_size=3))
    if names:
        pairs = [(name, cursor(draw) if name == "cursor" and draw(st.booleans()) else draw(odd)) for name in names]
        query = (
            urlencode(pairs)
            if draw(st.integers(0, 3))
            else b"&".join((name.encode() if isinstance(name, str) else name) + b"=" + found for name, found in pairs)
        )
        path += b"?" + (query.encode() if isinstance(query, str) else query)
    headers = {b"Host": b"127.0.0.1", b"X-Forwarded-Proto": b"https", b"Connection": b"close"}
    headers[b"Referer"] = b"https://127.0.0.1/"
    who = draw(
        st.sampled_from(
            ["nobody", "user", "token", "admin"]
            if not route.startswith("admin")
            else ["nobody", "admin", "admin", "admin"]
        )
    )
    if who == "token":
        headers[b"Authorization"] = b"Token " + draw(st.sampled_from(target.tokens)).encode()
    else:
        headers[b"Cookie"] = f"csrftoken={TOKEN}".encode()
        headers[b"X-CSRFToken"] = TOKEN.encode()
        if who != "nobody":
            headers[b"Cookie"] += b"; sessionid=" + draw(st.sampled_from(target.sessions[who])).encode()
    body = None
    if method in {b"POST", b"PUT", b"PATCH", b"DELETE"} or draw(st.integers(0, 19)) == 0:
        body, headers[b"Content-Type"] = body_of(draw, target, route)
    whole = True
    lines = []
    if body is not None:
        if draw(st.integers(0, 9)) == 0:
            lines.append(b"Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        else:
            lines.append(b"Content-Length: %d" % len(body))
    for name, content in draw(st.lists(header, max_size=2)) if draw(st.integers(0, 2)) == 0 else []:
        if draw(st.integers(0, 5)) and name.title() in headers:
            headers[name] = content
        else:
            lines.append(name + b": " + content)
        whole &= name not in {b"Content-Length", b"Transfer-Encoding", b"Expect", b"Upgrade", b"Connection"}
        whole &= name in HEADERS and not set(content) & set(b"\r\n")
    whole &= not set(method + path) & set(b"\r\n\0 ") and bool(method)
    start = method + b" " + path + b" HTTP/1.1"
    if draw(st.integers(0, 29)) == 0:
        start, whole = (
            method + b" " + path + draw(st.sampled_from([b"", b" HTTP/1.0", b" HTTP/2.0", b" HTTP/9.9", b" x"])),
            False,
        )
    lines = [start, *(name + b": " + content for name, content in headers.items()), *lines, b"", b""]
    return Message(b"\r\n".join(lines) + (body or b""), whole)


def body_of(draw, target, route):
    """Return a body and its content type: for the route's form, for the API, or anything."""
    kind = draw(
        st.sampled_from(
            ["form", "form", "multipart", "json", "any"]
            if not route.startswith("api")
            else ["json", "json", "json", "form", "any"]
        )
    )
    if kind == "json":
        return draw(json_bodies()), draw(st.sampled_from([b"application/json"] * 6 + TYPES[1:4]))
    if kind == "any":
        return draw(st.one_of(odd, st.sampled_from(JSON))), draw(st.one_of(st.sampled_from(TYPES), odd))
    known = target.forms.get(route) or ["login", "password", "name"]
    fields = [
        (name, draw(st.one_of(odd, odd, st.sampled_from(PLAIN), st.sampled_from(target.ids).map(str.encode))))
        for name in known
        if draw(st.integers(0, 7))
    ]
    if "login" in known and draw(st.booleans()):
        fields.append(("login", target.name.encode()))
    if kind == "form":
        return urlencode(fields).encode(), draw(
            st.sampled_from([b"application/x-www-form-urlencoded"] * 6 + TYPES[4:8])
        )
    return multipart([(name.encode(), content) for name, content in fields], draw), draw(
        st.sampled_from([b"multipart/form-data; boundary=x"] * 6 + TYPES[8:15])
    )


def cursor(draw):
    """Return a cursor in the format of the project's cursors, with any content."""
    values = draw(st.one_of(st.lists(scalar, max_size=3).map(json.dumps), odd))
    fields = {"p": values, draw(st.sampled_from("ro")): draw(odd)}
    return base64.b64encode(
        urlencode(
            {
                name: found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found
                for name, found in fields.items()
            }
        ).encode()
    )


MASK = b"\0\0\0\0"
UPGRADE = {
    b"Host": b"127.0.0.1",
    b"X-Forwarded-Proto": b"https",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": b"MDEyMzQ1Njc4OWFiY2RlZg==",
    b"Origin": b"https://127.0.0.1",
}


def frame(draw):
    """Return the bytes of a frame: mostly masked and with a correct length."""
    payload = draw(
        st.one_of(
            odd,
            st.sampled_from(
                [b"x" * 126, b"x" * 70_000, b"{", b"[" * 50_000, b"\x03\xe8", b"\x00\x05", b"\x03\xe8\xff"]
            ),
        )
    )
    first = draw(st.one_of(st.sampled_from([0x81, 0x82, 0x88, 0x89, 0x8A, 0x01, 0x80, 0xC1]), st.integers(0, 255)))
    length = draw(st.sampled_from([len(payload)] * 8 + [0, 2**16, 2**63 - 1, 2**64 - 1]))
    masked = draw(st.sampled_from([0x80] * 8 + [0]))
    if length < 126:
        head = bytes([first, masked | length])
    elif length < 2**16:
        head = bytes([first, masked | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([first, masked | 127]) + length.to_bytes(8, "big")
    return head + (MASK if masked else b"") + payload


@st.composite
def sockets(draw, target):
    """Draw any WebSocket handshake, and any frames after it."""
    path = draw(
        st.sampled_from(
            [f"/{route}".encode() for route in target.sockets] * 4
            + [b"/", b"/ws/", b"/nowhere/", b"/ws/items", b"/ws/items/%00"]
        )
    )
    if draw(st.integers(0, 5)) == 0:
        path += draw(odd) if draw(st.booleans()) else b"?" + draw(odd)
    headers = dict(UPGRADE)
    cookie = draw(st.sampled_from([b"", b"user", b"user", b"user"]))
    if cookie:
        headers[b"Cookie"] = b"sessionid=" + draw(st.sampled_from(target.sessions["user"])).encode()
    lines = []
    own = st.tuples(
        st.sampled_from([*UPGRADE, b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions", b"Cookie"]), odd
    )
    extra = draw(st.lists(st.one_of(header, own), max_size=2)) if draw(st.booleans()) else []
    for name, content in extra:
        if name in headers and draw(st.integers(0, 4)):
            headers[name] = content
        else:
            lines.append(name + b": " + content)
    lines = [
        b"GET " + path + b" HTTP/1.1",
        *(name + b": " + content for name, content in headers.items()),
        *lines,
        b"",
        b"",
    ]
    # Frames follow only a handshake that is known to succeed. One with odd headers may fail.
    frames = b"" if extra else b"".join(frame(draw) for _ in range(draw(st.integers(1, 4))))
    return Message(b"\r\n".join(lines), False, frames)


def kinds_of(interface):
    """Return the kinds of messages that a server of this interface accepts."""
    return (messages, sockets) if interface == "ASGI" else (messages,)


class Wrong(Exception):
    """The server did something that it must not do."""


def status_of(port, message):
    """Send a message; return the status of the response, or "closed" if there is none."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), LIMIT)) as connection:
        try:
            connection.sendall(message.sent)
            if not message.whole and not message.frames:
                connection.shutdown(socket.SHUT_WR)
            answer = http.client.HTTPResponse(connection, method="HEAD" if message.sent.startswith(b"HEAD ") else None)
            answer.begin()
            if answer.status == 101:
                # End the socket with a close frame, in case the drawn frames do not.
                connection.sendall(message.frames + b"\x88\x82" + MASK + b"\x03\xe8")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            elif message.whole:
                answer.read()
            return answer.status
        except socket.timeout as error:
            raise Wrong(f"there is no response within {LIMIT} s") from error
        except (OSError, http.client.HTTPException):
            return "closed"


class Log:
    """A server's log; each call reads what was logged since the last one."""

    def __init__(self, server):
        self.server = server
        self.read = len(server.log)

    def errors(self):
        """Return the lines that report an error, or that are not in the project's format."""
        text = self.server.log[self.read :]
        # An incomplete last line is read next time.
        whole = text[: text.rfind("\n") + 1]
        self.read += len(whole)
        return [line for line in whole.splitlines() if is_error(line)]


def is_error(line):
    try:
        fields = json.loads(line)
        return fields["level"] in {"ERROR", "CRITICAL"} or "exception" in fields or fields.get("status", 0) >= 500
    except (KeyError, TypeError, ValueError):
        return bool(line.strip())


# Statuses for a method or protocol version that a server does not support.
NOT_SPOKEN = {501, 505}


def attack(target, count, number, kinds=(messages,)):
    """Send this many requests, with `number` as the random seed; return how often each status occurred."""
    log = Log(target.server)
    told = collections.Counter()

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(st.one_of([kind(target) for kind in kinds]))
    def run(message):
        status = status_of(target.server.port, message)
        errors = log.errors()
        if errors:
            raise Wrong("\n".join(errors))
        if message.whole and status == "closed":
            raise Wrong("the connection was closed without a response")
        if status != "closed" and status >= 500 and status not in NOT_SPOKEN:
            raise Wrong(f"the response is {status}")
        told[status] += 1

    run()
    assert ask(target.server, "/livez", {})[0] == 200
    assert ask(target.server, "/accounts/login/", {"X-Forwarded-Proto": "https"})[0] == 200
    assert log.errors() == []
    return told
