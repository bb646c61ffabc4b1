"""
Declare the environment variables of this project, and read them into `env` for the settings.

`python -m {{ cookiecutter.project_slug }}.environment` regenerates .env.example and docs/settings.md.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from dotenv import load_dotenv
from dotenv.parser import parse_stream

from {{ cookiecutter.project_slug }}.service_urls import (
    bucket_url,
    count,
    database_url,
    email_url,
    issuer,
    matching,
    otlp_endpoint,
    port,
    redis_url,
    sentry_dsn,
)

BASE_DIR = Path(__file__).resolve().parent.parent


# The types of variables. An error message quotes their docstrings: "PORT cannot be 'x': it must be a number ...".


def text(value: str) -> str:
    """any text"""
    return value


def boolean(value: str) -> bool:
    """True or False"""
    return {"true": True, "1": True, "false": False, "0": False}[value.lower()]


def number(value: str) -> int:
    """a whole number, 0 or more"""
    return int(matching("[0-9]+", value))


def names(value: str) -> list[str]:
    """a comma-separated list"""
    return [name.strip() for name in value.split(",") if name.strip()]


def hosts(value: str) -> list[str]:
    """a comma-separated list of host names without ports"""
    return [matching(r"\*|\.?[^\s:/*.][^\s:/*]*|\[[0-9A-Fa-f:.]+\]", host) for host in names(value)]


def origins(value: str) -> list[str]:
    """a comma-separated list of origins such as https://www.example.com"""
    return [matching(r"https?://[^/\s]+", origin) for origin in names(value)]


def level(value: str) -> str:
    """DEBUG, INFO, WARNING, ERROR or CRITICAL"""
    return matching("DEBUG|INFO|WARNING|ERROR|CRITICAL", value.upper())


def log_format(value: str) -> str:
    """console or json"""
    return matching("console|json", value.lower())


def path(value: str) -> str:
    """a path such as admin/"""
    return matching(r"[\w./-]*\w", value.strip("/")) + "/"


def hsts(value: str) -> tuple[int, bool, bool]:
    """the value of a header such as max-age=31536000; includeSubDomains; preload"""
    age, *flags = matching("max-age=[0-9]+(; includeSubDomains)?(; preload)?", value).split("; ")
    return int(age.partition("=")[2]), "includeSubDomains" in flags, "preload" in flags


class Variable(NamedTuple):
    """
    A declared environment variable.

    `type` turns its text into the value in `env`. A variable that is not set has the value of `development` with DEBUG,
    if there is one, and otherwise of `default`; if that is None, the start fails. A secret can also be in a file, whose
    path is in NAME_FILE.
    """

    name: str
    type: Callable[[str], Any]
    purpose: str
    default: str | None = ""
    development: str | None = None
    secret: bool = False


VARIABLES = [
    Variable("DEBUG", boolean, "shows error pages for developers, does not require HTTPS", default="False"),
    Variable("SECRET_KEY", text, "signs sessions and links: at least 50 random characters", default=None, secret=True),
    Variable("SECRET_KEY_FALLBACKS", names, "old keys whose signatures stay valid, comma-separated", secret=True),
    Variable("ALLOWED_HOSTS", hosts, "host names of the site, comma-separated"),
    Variable("CSRF_TRUSTED_ORIGINS", origins, "other origins that may post forms, such as `https://www.example.com`"),
    Variable("CORS_ALLOWED_ORIGINS", origins, "origins whose scripts may use the API"),
    Variable("TRUSTED_PROXIES", number, "number of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted"),
    Variable("HSTS", hsts, "how long browsers insist on HTTPS, in seconds", default="max-age=3600"),
    Variable("ADMIN_URL", path, "path of the admin", default="admin/"),
    Variable(
        "DATABASE_URL",
        database_url,
        "the database: `postgres://user:password@host:5432/name`",
        default=None,
        development="sqlite:///db.sqlite3",
        secret=True,
    ),
    Variable("DATABASE_POOLER", boolean, "`DATABASE_URL` points to a pooler such as PgBouncer", default="False"),
    Variable(
        "REDIS_URL",
        redis_url,
        "Redis, for the cache and the channel layer that all processes share: `redis://host:6379/0`",
        secret=True,
    ),
    Variable("MEDIA_BUCKET_URL", bucket_url, "S3 bucket for uploads: `s3://key:secret@host/bucket`", secret=True),
    Variable(
        "EMAIL_URL",
        email_url,
        "the mail server: `smtp+tls://user:password@host:587`",
        default="smtp://localhost:25",
        development="consolemail://",
        secret=True,
    ),
    Variable("GITHUB_CLIENT_ID", text, "adds the button to sign in with GitHub"),
    Variable("GITHUB_CLIENT_SECRET", text, "the secret that GitHub gave for it", secret=True),
    Variable("GOOGLE_CLIENT_ID", text, "adds the button to sign in with Google"),
    Variable("GOOGLE_CLIENT_SECRET", text, "the secret that Google gave for it", secret=True),
    Variable("OIDC_CLIENT_ID", text, "adds the button to sign in with an OpenID Connect issuer"),
    Variable("OIDC_CLIENT_SECRET", text, "the secret that the issuer gave for it", secret=True),
    Variable("OIDC_ISSUER", issuer, "the URL of the issuer: `https://login.example.com/realm`"),
    Variable("OIDC_NAME", text, "the text of the button", default="OpenID Connect"),
    Variable("SENTRY_DSN", sentry_dsn, "where errors are reported", secret=True),
    Variable("OTEL_EXPORTER_OTLP_ENDPOINT", otlp_endpoint, "where metrics and traces go: `http://collector:4318`"),
    Variable(
        "OTEL_SERVICE_NAME",
        text,
        "the name of this service there",
        default="{{ cookiecutter.project_slug }}",
    ),
    Variable("LOG_LEVEL", level, "the lowest level of the messages that are logged", default="INFO"),
    Variable("LOG_FORMAT", log_format, "`console` or `json`; if not set, console on a terminal, otherwise json"),
    Variable("WEB_CONCURRENCY", count, "number of server processes", default="1"),
    Variable("PORT", port, "the port of `pipenv run serve`, on all addresses; if not set, 127.0.0.1:8000"),
    Variable("DRAIN_SECONDS", number, "how long `/readyz` answers 503 before SIGTERM stops the server", "5", "0"),
]


class Problem(Exception):
    """Says in one sentence what is wrong with a variable."""


def given(variable: Variable, environment: Mapping[str, str]) -> str:
    """Return the text of a variable from the environment or from its file, or an empty string."""
    file = environment.get(f"{variable.name}_FILE") if variable.secret else None
    if not file or environment.get(variable.name):
        return environment.get(variable.name, "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise Problem(f"{variable.name}_FILE names {file}, which cannot be read: {error}.") from error


def parsed(variable: Variable, environment: Mapping[str, str], development: bool, building: bool) -> Any:
    """Return the value of a variable. Raise Problem if it is missing or invalid."""
    value: str | None = given(variable, environment)
    if not value:
        value = variable.development if development and variable.development is not None else variable.default
    if value is None and building:
        value = variable.development
    elif value is None:
        raise Problem(f"{variable.name} is not set: {variable.purpose}.")
    if not value:
        return [] if variable.type in (names, hosts, origins) else None
    try:
        return variable.type(value)
    except Exception as error:
        problem = "is invalid" if variable.secret else f"cannot be {value!r}"
        raise Problem(f"{variable.name} {problem}: it must be {variable.type.__doc__}.") from error


def is_weak(key: str) -> bool:
    return len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure")


def read(environment: Mapping[str, str], building: bool = False) -> dict[str, Any]:
    """
    Return a dict of name -> value for all variables. Raise SystemExit with one sentence for each problem.

    With `building`, required variables may be missing.
    """
    values: dict[str, Any] = {}
    problems = []
    for variable in VARIABLES:
        try:
            values[variable.name] = parsed(variable, environment, values.get("DEBUG", False), building)
        except Problem as problem:
            problems.append(str(problem))
            # The values of the others depend on DEBUG.
            if variable.name == "DEBUG":
                break
    if not problems and not values["DEBUG"] and not building:
        keys = [values["SECRET_KEY"], *values["SECRET_KEY_FALLBACKS"]]
        if any(map(is_weak, keys)):
            problems.append("SECRET_KEY or a fallback is too short or a placeholder: use 50 random characters.")
    if values.get("OIDC_CLIENT_ID") and not values.get("OIDC_ISSUER"):
        problems.append("OIDC_ISSUER is not set: OIDC_CLIENT_ID needs the URL of the issuer.")
    if values.get("OTEL_EXPORTER_OTLP_ENDPOINT") and not building and not find_spec("opentelemetry"):
        command = 'pipenv install --deploy --categories "packages telemetry"'
        problems.append(f"OTEL_EXPORTER_OTLP_ENDPOINT needs packages that are not installed: run {command}.")
    if problems:
        raise SystemExit("\n".join(problems))
    return values


def settings_table() -> str:
    """Return the variables as a Markdown table."""
    rows = ["| Variable | Default | With `DEBUG` | Purpose |", "|--|--|--|--|"]
    for variable in VARIABLES:
        default = "required" if variable.default is None else f"`{variable.default}`" if variable.default else "none"
        development = "" if variable.development is None else f"`{variable.development}` "
        rows.append(f"| `{variable.name}` | {default} | {development}| {variable.purpose} |")
    return "\n".join(rows) + "\n"


def example() -> str:
    """Return the text of .env.example: what development needs, and all other variables as comments."""
    lines = ["# Settings for development. The file .env, which git ignores, starts as a copy of .env.example."]
    lines += ["DEBUG=True", "SECRET_KEY=for-development-only"]
    for variable in VARIABLES[2:]:
        lines += ["", f"# {variable.purpose}", f"#{variable.name}={variable.development or variable.default or ''}"]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Regenerate .env.example and the table in docs/settings.md in this folder."""
    page = folder / "docs" / "settings.md"
    before, after = re.split(r"(?m)^\| Variable (?:.*\n)+?(?!\|)", page.read_text(encoding="utf-8"))
    page.write_text(before + settings_table() + after, encoding="utf-8")
    (folder / ".env.example").write_text(example(), encoding="utf-8")


def read_dotenv(file: Path) -> None:
    """Add the variables of a .env file to the environment, as Pipenv does. Raise SystemExit if it is malformed."""
    try:
        lines = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return
    except UnicodeError:
        raise SystemExit(f"{file.name} is not in UTF-8: save it in this encoding.") from None
    except OSError as error:
        raise SystemExit(f"{file.name} cannot be read: {error.strerror}.") from error
    for line in parse_stream(StringIO(lines)):
        if line.error or "\0" in line.original.string:
            raise SystemExit(f"{file.name}, line {line.original.line}, is malformed: it must be NAME=value.")
    load_dotenv(stream=StringIO(lines))


read_dotenv(BASE_DIR / ".env")

# collectstatic needs no secrets, so that an image can be built without them.
env = read(os.environ, building=sys.argv[1:2] == ["collectstatic"])

if __name__ == "__main__":
    write(BASE_DIR)
