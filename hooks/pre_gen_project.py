"""Refuse answers that cannot become a project, before any file is written."""

import json
import keyword
import re
import sys
from importlib.util import find_spec
from zoneinfo import available_timezones

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# What the project imports; an app of the same name would be imported in its stead.
INSTALLED = {
    "asgiref", "celery", "channels", "channels_redis", "daphne", "debug_toolbar", "django", "django_extensions",
    "drf_spectacular", "drf_spectacular_sidecar", "environ", "gunicorn", "psycopg2", "redis", "rest_framework",
    "ruff", "twisted", "uvicorn", "whitenoise",
}  # fmt: skip

# Folders, apps and Django's app labels that the project has already.
TAKEN = {
    "admin", "auth", "contenttypes", "deploy", "messages", "migrations", "scripts", "sessions", "site", "static",
    "staticfiles", "templates", "test", "tests", "users",
}  # fmt: skip


def problem_with_package(key):
    """Return what is wrong with the Python package name in this answer, or None."""
    name = ANSWERS[key]
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return "a name is at most 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
    if keyword.iskeyword(name) or name in getattr(keyword, "softkwlist", []):
        return "it is a word of the Python language"
    if name in INSTALLED:
        return "it is the name of a package that the project uses"
    if name in TAKEN:
        return "the project, or Django, has something of that name"
    if in_standard_library(name):
        return "it is the name of a module of Python's standard library"
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name):
        return "it is a reserved name on Windows"
    if key == "app_name" and name == ANSWERS["project_slug"]:
        return "the project's own package has that name"
    return None


def in_standard_library(name):
    """Return whether Python itself has a module of that name."""
    if sys.version_info >= (3, 10):
        return name in sys.stdlib_module_names
    spec = find_spec(name)
    return spec is not None and "site-packages" not in str(spec.origin)


def problems():
    """Yield one sentence for each answer that has to change."""
    for key, remedy in ("project_slug", "my_project"), ("app_name", "items"):
        reason = problem_with_package(key)
        if reason:
            yield f"{key} cannot be {ANSWERS[key]!r}: {reason}; {remedy!r} would do."
    if not ANSWERS["project_name"].strip():
        yield "project_name cannot be empty; 'My Project' would do."
    if not re.fullmatch(r"[^@\s\"'<>\\]+@[^@\s\"'<>\\]+", ANSWERS["email"]):
        yield f"email cannot be {ANSWERS['email']!r}, which is not an address; 'you@example.com' would do."
    if available_timezones() and ANSWERS["time_zone"] not in available_timezones():
        yield f"time_zone cannot be {ANSWERS['time_zone']!r}, which is not an IANA name; 'UTC' would do."
    if ANSWERS["python_version"] not in ANSWERS["_django"]:
        known = list(ANSWERS["_django"])
        yield f"python_version cannot be {ANSWERS['python_version']!r}; {known[0]} to {known[-1]} would do."


found = list(problems())
if found:
    sys.exit("\n".join(found))
