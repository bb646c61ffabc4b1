"""The names that Python packages of a project can have."""

import keyword
import re
import sys
import sysconfig
from collections.abc import Set
from pathlib import Path
from typing import Optional

from slugify import slugify

from template_code.questions import DEFAULTS
from template_code.versions import is_tested

# Modules that the running project imports, or tries to import, under other names than those of the packages in
# versions/: an app of the same name would replace one. A test compares this list with a running project.
IMPORTED = {
    "a2wsgi", "allauth", "argon2", "attr", "awscrt", "backports", "bcrypt", "brotli", "brotlicffi", "chardet",
    "coreapi", "coreschema", "corsheaders", "crispy_forms", "csp", "dateutil", "debug_toolbar", "dj_rest_auth",
    "django_filters", "django_redis", "docutils", "dotenv", "environ", "fqdn", "gevent", "google", "greenlet",
    "gssapi", "guardian", "h2", "hiredis", "httpcore", "inotify", "ipdb", "ipware", "isoduration", "jaraco", "jinja2",
    "jsonpointer", "jwt", "librabbitmq", "lxml", "markdown", "mypy_django_plugin", "mypy_drf_plugin", "mypyc",
    "oauth2_provider", "opentelemetry", "org", "passlib", "pip", "pkg_resources", "png", "polymorphic", "psutil",
    "psycopg", "psycopg2", "pydantic", "pygments", "pymemcache", "pytz", "pywatchman", "rest_framework",
    "rest_framework_dataclasses", "rest_framework_gis", "rest_framework_jwt", "rest_framework_recursive",
    "rest_framework_simplejwt", "rest_polymorphic", "rfc3339_validator", "rfc3986_validator", "rfc3987",
    "rfc3987_syntax", "rpds", "rsa", "setproctitle", "simplejson", "snappy", "sniffio", "socks", "storages", "tblib",
    "uri_template", "urllib3_secure_extra", "uwsgi", "webcolors", "wheel", "win32api", "wsaccel", "wsproto", "xxhash",
    "yaml", "zeal", "zope", "zttp",
}  # fmt: skip

# Folders, modules, apps and app labels that the project already has.
TAKEN = {
    "account", "admin", "auth", "backups", "ci", "conftest", "contenttypes", "deploy", "dockerfile", "docs",
    "exports", "generator", "github", "manage", "media", "messages", "mfa", "migrations", "openid_connect",
    "pipfile", "private", "scripts", "sessions", "site", "socialaccount", "static", "staticfiles", "templates",
    "test", "tests", "tried_app", "users", "usersessions",
}  # fmt: skip

SOFT_KEYWORDS = {"case", "match", "type"}

# Modules of other Python versions and systems.
OTHER_MODULES = {
    "aifc", "annotationlib", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "compression",
    "crypt", "distutils", "formatter", "imghdr", "imp", "lib2to3", "mailcap", "msilib", "msvcrt", "nis", "nntplib",
    "nt", "ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol", "telnetlib", "tomllib",
    "uu", "winreg", "winsound", "xdrlib",
}  # fmt: skip


def standard_library() -> Set[str]:
    """Return the names of the modules that come with Python."""
    if sys.version_info >= (3, 10):
        return sys.stdlib_module_names
    folder = Path(sysconfig.get_path("stdlib"))
    files = [*folder.iterdir(), *folder.glob("lib-dynload/*")]
    return {path.name.split(".")[0] for path in files} | set(sys.builtin_module_names)


def problem_with_name(name: str) -> Optional[str]:
    """Return why a package of the project cannot have this name, or None if it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return "a name is at most 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
    if keyword.iskeyword(name) or name in SOFT_KEYWORDS:
        return "it is a word of the Python language"
    if name in IMPORTED or is_tested(name.replace("_", "-")):
        return "it is the name of a package that the project uses"
    if name in TAKEN:
        return "the project, or Django, has something of that name"
    if name in standard_library() or name in OTHER_MODULES:
        return "it is the name of a module of Python's standard library"
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name):
        return "it is a reserved name on Windows"
    return None


def usable_name(text: str, suffix: str, other: str) -> str:
    """Return a package name made from any text; it differs from `other`, the name of another package."""
    name = slugify(text, separator="_", entities=False, decimal=False, hexadecimal=False)
    name = re.sub("^[0-9_]+", "", name)[:32].rstrip("_") or f"my_{suffix}"
    return f"{name}_{suffix}" if name == other or problem_with_name(name) else name


def package_name(text: str) -> str:
    """Return a package name for a project with this title."""
    return usable_name(text, "project", DEFAULTS["app_name"])
