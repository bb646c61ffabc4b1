"""What this template's files need in Jinja and Cookiecutter does not have."""

import difflib
import json
import keyword
import os
import re
import shutil
import sys
import sysconfig
import unicodedata
from pathlib import Path
from zoneinfo import available_timezones

import click
from jinja2.ext import Extension
from slugify import slugify

ROOT = Path(__file__).parent
DEFAULTS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))

# In bytes: some three times what the rendered files take.
ROOM_FOR_FILES = 2 * 2**20

# What the running project imports, or tries to import: a package of that name would be imported in its stead.
# The tests compare this with a project that runs.
IMPORTED = {
    "a2wsgi", "allauth", "anyio", "argon2", "asgiref", "ast_serialize", "async_timeout", "attr", "attrs", "autobahn",
    "automat", "awscrt", "axes", "backports", "bcrypt", "boto3", "botocore", "brotli", "brotlicffi", "cbor2", "celery",
    "certifi", "cffi", "channels", "channels_redis", "chardet", "charset_normalizer", "click", "colorama",
    "constantly", "coreapi", "coreschema", "corsheaders", "coverage", "crispy_forms", "cryptography", "csp",
    "cssbeautifier", "daphne", "dateutil", "debug_toolbar", "dj_rest_auth", "django", "django_extensions",
    "django_filters", "django_redis", "django_stubs_ext", "djlint", "docutils", "dotenv", "drf_spectacular",
    "drf_spectacular_sidecar", "editorconfig", "environ", "exceptiongroup", "fqdn", "gevent", "greenlet", "guardian",
    "gunicorn", "h11", "h2", "hiredis", "httpcore", "httptools", "hyperlink", "idna", "incremental", "inflection",
    "inotify", "ipdb", "ipware", "isoduration", "jinja2", "jmespath", "jsbeautifier", "json5", "jsonpointer",
    "jsonschema", "jsonschema_specifications", "knox", "librt", "markdown", "msgpack", "mypy", "mypy_django_plugin",
    "mypy_drf_plugin", "mypy_extensions", "mypyc", "oauth2_provider", "opentelemetry", "org", "packaging", "passlib",
    "pathspec", "pip", "pkg_resources", "polymorphic", "psycopg", "psycopg2", "pycparser", "pydantic", "pygments",
    "pymemcache", "pytz", "pywatchman", "redis", "referencing", "regex", "requests", "rest_framework",
    "rest_framework_dataclasses", "rest_framework_gis", "rest_framework_jwt", "rest_framework_recursive",
    "rest_framework_simplejwt", "rest_polymorphic", "rfc3339_validator", "rfc3986_validator", "rfc3987",
    "rfc3987_syntax", "rpds", "rsa", "ruff", "s3transfer", "sentry_sdk", "service_identity", "setproctitle",
    "setuptools", "simplejson", "six", "snappy", "sniffio", "socks", "sqlparse", "storages", "tblib", "tomli", "tqdm",
    "twisted", "txaio", "typing_extensions", "tzdata", "ujson", "uri_template", "uritemplate", "urllib3",
    "urllib3_secure_extra", "uvicorn", "uvloop", "uwsgi", "watchfiles", "webcolors", "websockets", "wheel",
    "whitenoise", "win32api", "wsaccel", "wsproto", "xxhash", "yaml", "zeal", "zope", "zttp",
}  # fmt: skip

# Folders, modules, apps and Django's app labels that the project has already.
TAKEN = {
    "admin", "auth", "conftest", "contenttypes", "deploy", "docs", "manage", "messages", "migrations", "pipfile",
    "scripts", "sessions", "site", "static", "staticfiles", "templates", "test", "tests", "tried_app", "users",
}  # fmt: skip

SOFT_KEYWORDS = {"case", "match", "type"}

# Modules that come with some supported Python on some system, and perhaps not with the running one.
OTHER_MODULES = {
    "aifc", "annotationlib", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "compression",
    "crypt", "distutils", "formatter", "imghdr", "imp", "lib2to3", "mailcap", "msilib", "msvcrt", "nis", "nntplib",
    "nt", "ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol", "telnetlib", "tomllib",
    "uu", "winreg", "winsound", "xdrlib",
}  # fmt: skip

# The categories of control characters, of surrogates (what an undecodable byte becomes) and of line breaks.
UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}

# What ruff allows in the generated project.
LINE_LENGTH = 120

ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
LABEL = r"[a-z0-9-]+"
ADDRESS = rf"{ATOM}(\.{ATOM})*@{LABEL}(\.{LABEL})*"

# What Markdown may take for more than itself.
MARKDOWN = r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<!\S)#|^[-+>]"


def standard_library():
    """Return the names of the modules that come with Python."""
    if sys.version_info >= (3, 10):
        return sys.stdlib_module_names
    folder = Path(sysconfig.get_path("stdlib"))
    files = [*folder.iterdir(), *folder.glob("lib-dynload/*")]
    return {path.name.split(".")[0] for path in files} | set(sys.builtin_module_names)


def problem_with_name(name):
    """Return why a Python package of the project cannot have this name, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return "a name is at most 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
    if keyword.iskeyword(name) or name in SOFT_KEYWORDS:
        return "it is a word of the Python language"
    if name in IMPORTED:
        return "it is the name of a package that the project uses"
    if name in TAKEN:
        return "the project, or Django, has something of that name"
    if name in standard_library() or name in OTHER_MODULES:
        return "it is the name of a module of Python's standard library"
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name):
        return "it is a reserved name on Windows"
    return None


def usable_name(text, suffix, other):
    """Return a name for a package that is called `text`, whatever that is; `other` is the name of another package."""
    name = slugify(text, separator="_", entities=False, decimal=False, hexadecimal=False)
    name = re.sub("^[0-9_]+", "", name)[:32].rstrip("_") or f"my_{suffix}"
    return f"{name}_{suffix}" if name == other or problem_with_name(name) else name


def problem_with_text(text):
    """Return what this text must not do, or None where it can be a title."""
    if any(unicodedata.category(character) in UNSHOWABLE for character in text):
        return "contain line breaks or control characters"
    if not text.strip():
        return "be empty"
    if text != text.strip():
        return "begin or end with a space"
    return None


def showable(text):
    """Return the text with a space for each line break and control character, and none around it."""
    return "".join(" " if unicodedata.category(character) in UNSHOWABLE else character for character in text).strip()


def is_address(text):
    """Return whether mail can come from this address; its domain can have other than ASCII letters."""
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        return False
    return bool(re.fullmatch(ADDRESS, f"{local}@{domain}", re.ASCII | re.IGNORECASE))


def python_string(text):
    """Return any text as a Python string literal in which no character is invisible."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    text = re.sub(rf"[\\{quote}]", r"\\\g<0>", text)
    return quote + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + quote


def running_python(supported):
    """Return the version of the running Python, or the newest of `supported` where it is not one of them."""
    running = "{}.{}".format(*sys.version_info)
    return running if running in supported else list(supported)[-1]


def problems(answers):
    """Yield a question, what its answer cannot be, and one that would do, for each answer that has to change."""
    for question in "project_name", "description", "author_name":
        text = answers[question]
        problem = problem_with_text(text)
        if problem:
            yield question, problem, showable(text) or DEFAULTS[question]
    slug, app = answers["project_slug"], answers["app_name"]
    problem = problem_with_name(slug)
    if problem:
        yield "project_slug", f"be {slug!r}, because {problem}", usable_name(slug, "project", app)
    problem = problem_with_name(app)
    if app == slug:
        problem = problem or "the project's own package has that name"
    if problem:
        yield "app_name", f"be {app!r}, because {problem}", usable_name(app, "app", slug)
    email = answers["email"]
    if not is_address(email):
        yield "email", f"be {email!r}, because it is not an address", DEFAULTS["email"]
    zone, zones = answers["time_zone"], available_timezones()
    if zones and zone not in zones:
        remedy = next(iter(difflib.get_close_matches(zone, sorted(zones), 1)), "UTC")
        yield "time_zone", f"be {zone!r}, because that is not an IANA name", remedy
    version, versions = answers["python_version"], list(DEFAULTS["_django"])
    if version not in versions:
        supported = f"{versions[0]} to {versions[-1]}"
        yield "python_version", f"be {version!r}, because it is not one of {supported}", running_python(versions)


def refusals(answers):
    """Return one sentence on each answer that has to change."""
    return [f"{name} cannot {problem}: {remedy!r} would do." for name, problem, remedy in problems(answers)]


def refuse_impossible_answers(answers):
    """End Cookiecutter with these sentences, or with one on the folder, before it makes anything."""
    # An old answer file is given the variables that are new, with no other answer in sight.
    if "project_name" in answers and refusals(answers):
        sys.exit("\n".join(refusals(answers)))
    command_line = click.get_current_context(silent=True)
    if command_line:
        folder = Path(command_line.params.get("output_dir") or ".").resolve()
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK):
            sys.exit(f"Nothing can be written to the folder {folder}: choose another one with --output-dir.")
        # Cookiecutter itself would leave half a project and a traceback. Some file systems tell no size at all.
        disk = shutil.disk_usage(existing)
        if disk.total and disk.free < ROOM_FOR_FILES:
            sys.exit(f"The disk of the folder {folder} is full: make room, or choose another one with --output-dir.")
    return ""


def package_name(text):
    """Return a name for the Python package of a project that is called `text`."""
    return usable_name(text, "project", DEFAULTS["app_name"])


def python_assignment(text, name):
    """Return the statement that assigns any text to a name, as ruff formats it."""
    line = f"{name} = {python_string(text)}"
    # How ruff breaks it depends on how wide it takes each character to be.
    width = sum(1 if character.isascii() else 2 for character in line)
    return line if width <= LINE_LENGTH else f"{line}  # fmt: skip"


def markdown(text):
    """Return any text as Markdown that shows it as it is, and that leaves what is plain as it is."""
    text = re.sub(MARKDOWN, r"\\\g<0>", text)
    # The number of an item in a list.
    return re.sub(r"^(\d+)(?=[.)](\s|$))", r"\1\\", text)


def optional_files(answers):
    """Return which files belong to which answer, path -> wanted: the hooks remove the others."""
    app, project = answers["app_name"], answers["project_slug"]
    asgi = answers["interface"] == "ASGI"
    email = answers["login"] == "email"
    github, gitlab = answers["ci"] == "GitHub", answers["ci"] == "GitLab"
    old_sqlite = answers["__django"] == "4.2"
    return {
        ".github/workflows/ci.yml": github,
        ".github/dependabot.yml": github,
        ".gitlab-ci.yml": gitlab,
        "renovate.json": gitlab,
        f"{app}/routing.py": asgi,
        f"{app}/templates/{app}/item_list_live.html": asgi,
        f"{app}/tests/test_live.py": asgi,
        f"{project}/consumers.py": asgi,
        f"{project}/handlers.py": asgi,
        f"{project}/server.py": asgi,
        f"{project}/management/resource_template/routing.py-tpl": asgi,
        f"{project}/management/resource_template/templates/app_name/model_name_list_live.html-tpl": asgi,
        f"{project}/management/resource_template/tests/test_live.py-tpl": asgi,
        f"{project}/static/live.js": asgi,
        f"{project}/tests/test_consumers.py": asgi,
        f"{project}/tests/test_handlers.py": asgi,
        f"{project}/tests/test_uvicorn.py": asgi,
        f"{project}/sqlite/__init__.py": old_sqlite,
        f"{project}/sqlite/base.py": old_sqlite,
        f"{project}/tests/test_gunicorn.py": not asgi,
        "deploy/apache-mod_wsgi.conf": not asgi,
        "deploy/apache-proxy.conf": asgi,
        "gunicorn.conf.py": not asgi,
        "users/managers.py": email,
    }


def known_versions(python_version):
    """
    Return what versions/ has for a Python: name -> version, hashes, and the packages that bring it along.

    A package that is not needed on every machine has markers too.
    """
    path = ROOT / "versions" / f"{python_version}.txt"
    packages = {}
    for block in re.split(r"\n(?=[a-z])", path.read_text(encoding="utf-8"))[1:]:
        name, version, markers = re.match(r"(\S+)(==\S+)(?: ; (.*))? \\\n", block).groups()
        packages[name] = {
            "version": version,
            **({"markers": markers} if markers else {}),
            "hashes": re.findall(r"--hash=(\S+)", block),
            "via": re.findall(r"^    # (?:  |via )(\S+)$", block, re.MULTILINE),
        }
    return packages


def default_index():
    """
    Return the address of the index that pip uses unless it is told otherwise, or None where there is no pip.

    With it in the Pipfile, a lock does not depend on how a machine's pip is configured.
    """
    before = sys.path[:]
    # Where there is no pip, as in a virtualenv of uv, Python mostly has the one that it would install.
    sys.path += map(str, Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled").glob("pip-*.whl"))
    try:
        from pip._internal.models.index import PyPI

        return PyPI.simple_url
    except ImportError:
        return None
    finally:
        sys.path[:] = before


class Filters(Extension):
    """The filters of this template, and its one function."""

    def __init__(self, environment):
        super().__init__(environment)
        filters = [
            known_versions,
            markdown,
            optional_files,
            package_name,
            python_assignment,
            python_string,
            refusals,
            refuse_impossible_answers,
            running_python,
        ]
        environment.globals["default_index"] = default_index
        environment.filters.update({function.__name__: function for function in filters})
        # `cruft update` renders two versions of the template, each with its own filters, in one process.
        sys.modules.pop(__name__, None)
