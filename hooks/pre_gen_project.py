"""Refuse answers that cannot become a project, before any file is written."""

import difflib
import json
import keyword
import re
import sys
import sysconfig
from pathlib import Path
from zoneinfo import available_timezones

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# What the running project imports, or tries to import: a package of that name would be imported in its stead.
# The tests compare this with a project that runs.
IMPORTED = {
    "allauth", "argon2", "asgiref", "async_timeout", "attr", "attrs", "autobahn", "automat", "bcrypt", "brotli",
    "cbor2", "celery", "cffi", "channels", "channels_redis", "click", "colorama", "constantly", "coreapi",
    "coreschema", "cryptography", "daphne", "dj_rest_auth", "django", "django_extensions", "django_filters",
    "django_redis", "docutils", "drf_spectacular", "drf_spectacular_sidecar", "environ", "guardian", "gunicorn",
    "h2", "hiredis", "hyperlink", "idna", "incremental", "inflection", "inotify", "ipdb", "jinja2", "jsonschema",
    "jsonschema_specifications", "knox", "markdown", "msgpack", "oauth2_provider", "opentelemetry", "org",
    "packaging", "pip", "pkg_resources", "polymorphic", "psycopg", "psycopg2", "pycparser", "pydantic",
    "pygments", "pymemcache", "pytz", "pywatchman", "redis", "referencing", "requests", "rest_framework",
    "rest_framework_dataclasses", "rest_framework_gis", "rest_framework_jwt", "rest_framework_recursive",
    "rest_framework_simplejwt", "rest_polymorphic", "rpds", "ruff", "service_identity", "setproctitle",
    "setuptools", "simplejson", "snappy", "sqlparse", "tblib", "tomli", "twisted", "txaio", "typing_extensions",
    "tzdata", "ujson", "uritemplate", "uvicorn", "wheel", "whitenoise", "win32api", "wsaccel", "xxhash", "yaml",
    "zope",
}  # fmt: skip

# Folders, modules, apps and Django's app labels that the project has already.
TAKEN = {
    "admin", "auth", "contenttypes", "deploy", "manage", "messages", "migrations", "pipfile", "scripts",
    "sessions", "site", "static", "staticfiles", "templates", "test", "tests", "users",
}  # fmt: skip

# Words and modules of a newer Python than the one that runs this.
NEWER_WORDS = {"case", "match", "type"}
NEWER_MODULES = {"annotationlib", "compression", "tomllib"}


def standard_library():
    """Return the names of the modules that come with Python."""
    if sys.version_info >= (3, 10):
        return sys.stdlib_module_names
    folder = Path(sysconfig.get_path("stdlib"))
    files = [*folder.iterdir(), *folder.glob("lib-dynload/*")]
    return {path.name.split(".")[0] for path in files} | set(sys.builtin_module_names)


def problem_with_package(key, name):
    """Return what is wrong with this Python package name as the answer to `key`, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return "a name is at most 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
    if keyword.iskeyword(name) or name in NEWER_WORDS:
        return "it is a word of the Python language"
    if name in IMPORTED:
        return "it is the name of a package that the project uses"
    if name in TAKEN:
        return "the project, or Django, has something of that name"
    if name in standard_library() or name in NEWER_MODULES:
        return "it is the name of a module of Python's standard library"
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name):
        return "it is a reserved name on Windows"
    if key == "app_name" and name == ANSWERS["project_slug"]:
        return "the project's own package has that name"
    return None


def problems():
    """Yield one sentence for each answer that has to change."""
    if not ANSWERS["project_name"].strip():
        yield "project_name cannot be empty: 'My Project' would do."
    for key, *remedies in ("project_slug", "my_project"), ("app_name", "items", "things"):
        name = ANSWERS[key]
        problem = problem_with_package(key, name)
        if problem:
            remedy = next(remedy for remedy in remedies if not problem_with_package(key, remedy))
            yield f"{key} cannot be {name!r}, because {problem}: {remedy!r} would do."
    email = ANSWERS["email"]
    if not re.fullmatch(r"[^@\s\"'<>\\]+@[^@\s\"'<>\\]+", email):
        yield f"email cannot be {email!r}, because it is not an address: 'you@example.com' would do."
    zone, zones = ANSWERS["time_zone"], available_timezones()
    if zones and zone not in zones:
        remedy = next(iter(difflib.get_close_matches(zone, sorted(zones), 1)), "UTC")
        yield f"time_zone cannot be {zone!r}, because that is not an IANA name: {remedy!r} would do."
    version, versions = ANSWERS["python_version"], list(ANSWERS["_django"])
    if version not in versions:
        supported = f"{versions[0]} to {versions[-1]}"
        yield f"python_version cannot be {version!r}, because it is not one of {supported}: {versions[-2]!r} would do."


found = list(problems())
if found:
    # Cookiecutter prints its own error, and since 2.7 a traceback, right after this.
    sys.exit("\n" + "\n".join(found) + "\n")
