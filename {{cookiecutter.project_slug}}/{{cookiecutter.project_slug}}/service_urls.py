"""
Turn the URLs of databases, mail servers and other services into settings.

A malformed URL raises an error. The error message of environment.py quotes the docstring of the function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

# Special characters in a part are percent-encoded: / as %2F, ? as %3F, # as %23, @ as %40.
URL = re.compile(
    r"(?P<scheme>[a-z0-9+]+)://"
    r"(?:(?P<user>[^\s:/?#@]*)(?::(?P<password>[^\s/?#@]*))?@)?"
    r"(?P<host>[^\s:/?#@\[\]]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]+))?"
    r"(?P<path>/[^\s?#@]*)?(?:\?(?P<query>[^\s#@]*))?"
)


def matching(pattern: str, value: str) -> str:
    """Return the value if it matches the pattern, or raise ValueError."""
    if not re.fullmatch(pattern, value):
        raise ValueError(value)
    return value


def count(value: str) -> int:
    """a whole number, 1 or more"""
    return int(matching("[1-9][0-9]*", value))


def port(value: str) -> int:
    """a number from 1 to 65535"""
    return range(65536)[count(value)]


class URLParts(NamedTuple):
    """The decoded parts of a URL such as scheme://user:password@host:port/path?name=value."""

    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    path: str
    options: dict[str, str]


def split_url(value: str, schemes: str) -> URLParts:
    """Return the parts of a URL. Raise ValueError if it is malformed or its scheme does not match `schemes`."""
    found = URL.fullmatch(value)
    if not found:
        raise ValueError(value)
    parts = {name: unquote(part or "", errors="strict") for name, part in found.groupdict().items()}
    return URLParts(
        matching(schemes, parts["scheme"]),
        parts["user"],
        parts["password"],
        parts["host"],
        port(parts["port"]) if parts["port"] else None,
        parts["path"],
        dict(parse_qsl(found["query"], keep_blank_values=True, strict_parsing=True) if found["query"] else []),
    )


def typed(options: Mapping[str, str], **types: Callable[[str], Any]) -> dict[str, Any]:
    """Return the options of a URL, converted to these types. Raise KeyError for any other option."""
    return {name: types[name](value) for name, value in options.items()}


def database_url(value: str) -> dict[str, Any]:
    """a URL such as postgres://user:password@host:5432/name or sqlite:///file"""
    parts = split_url(value, "postgres(ql)?|sqlite")
    name = matching("/.+", parts.path)[1:]
    if parts.scheme == "sqlite":
        matching("", parts.host + "".join(parts.options))
        folder = Path(__file__).resolve().parent.parent
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name if name == ":memory:" else folder / name}
    from psycopg2.extensions import make_dsn

    options = dict(parts.options)
    conn_max_age = int(matching("[0-9]+", options.pop("conn_max_age", "60")))
    # Raises an error for an option that PostgreSQL does not know.
    make_dsn(**options)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": matching("[^/]+", name),
        "USER": parts.user,
        "PASSWORD": parts.password,
        "HOST": parts.host.strip("[]"),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": conn_max_age,
        "OPTIONS": options,
    }


def redis_url(value: str) -> str:
    """a URL such as redis://:password@host:6379/0"""
    parts = split_url(value, "rediss?|unix")
    matching("/.+" if parts.scheme == "unix" else "[^/]+(/[0-9]*)?", parts.host + parts.path)
    return value


def bucket_url(value: str) -> dict[str, Any]:
    """a URL such as s3://key:secret@host/bucket"""
    parts = split_url(value, r"s3(\+http)?")
    host = matching(".+", parts.host) + (f":{parts.port}" if parts.port else "")
    return {
        "endpoint_url": f"{'http' if parts.scheme == 's3+http' else 'https'}://{host}",
        "bucket_name": matching("/[^/]+/?", parts.path).strip("/"),
        "access_key": matching(".+", parts.user),
        "secret_key": matching(".+", parts.password),
        "file_overwrite": False,
        **typed(parts.options, region_name=str, custom_domain=str, location=str),
    }


def email_url(value: str) -> dict[str, Any]:
    """a URL such as smtp+tls://user:password@host:587, smtps://host, filemail:///folder or consolemail://"""
    parts = split_url(value, r"smtp|smtp\+tls|smtps|filemail|consolemail")
    if parts.scheme in ("filemail", "consolemail"):
        kind = parts.scheme.replace("mail", "").replace("file", "filebased")
        folder = matching("/.+" if kind == "filebased" else "", parts.host + parts.path)
        typed(parts.options)
        backend = f"django.core.mail.backends.{kind}.EmailBackend"
        return {"BACKEND": backend, "OPTIONS": {"file_path": folder} if folder else {}}
    options = {
        "host": matching("[^/]+/?", parts.host + parts.path).strip("/[]"),
        "port": parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "username": parts.user,
        "password": parts.password,
        "use_tls": parts.scheme == "smtp+tls",
        "use_ssl": parts.scheme == "smtps",
        "timeout": 5,
        **typed(parts.options, timeout=count),
    }
    return {"BACKEND": "{{ cookiecutter.project_slug }}.{{ cookiecutter.__mail }}.EmailBackend", "OPTIONS": options}


def sentry_dsn(value: str) -> str:
    """a URL such as https://key@example.com/1"""
    parts = split_url(value, "https?")
    matching(r"[^/]+ [^/]+(/[^/]+)*/[0-9]+", f"{parts.user} {parts.host}{parts.path}")
    return value


def issuer(value: str) -> str:
    """the https URL of an OpenID Connect issuer, such as https://login.example.com/realm"""
    # django-allauth does not check the signatures of tokens; only TLS proves where they come from.
    return matching(r"https://[^\s?#@]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?(/[^\s?#@]*)?", value).rstrip("/")


def otlp_endpoint(value: str) -> str:
    """a URL such as http://collector:4318"""
    parts = split_url(value, "https?")
    # OpenTelemetry reads a password from OTEL_EXPORTER_OTLP_HEADERS.
    matching(" [^/]+(/.*)?", f"{parts.user} {parts.host}{parts.path}")
    return value
