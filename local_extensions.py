"""Jinja filters that this template needs and Cookiecutter does not have."""

import json
import re
import sys
from pathlib import Path

from cookiecutter.utils import simple_filter
from slugify import slugify

VERSIONS = Path(__file__).parent / "versions"


@simple_filter
def package_name(text):
    """Return a name for the Python package of a project that is called `text`, whatever that is."""
    name = re.sub("^[0-9_]+", "", slugify(text, separator="_"))
    return name[:40].rstrip("_") or "my_project"


@simple_filter
def python_string(text):
    """Return any text as a Python string literal, quoted as ruff formats it."""
    literal = json.dumps(text, ensure_ascii=False)
    if text.count('"') > text.count("'"):
        return "'" + literal[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    return literal


@simple_filter
def running_python(supported):
    """Return the version of the running Python, or the newest of `supported` where it is newer still."""
    running = "{}.{}".format(*sys.version_info)
    return running if running in supported else list(supported)[-1]


@simple_filter
def known_versions(python_version):
    """
    Return what versions/ has for a Python: name -> version, hashes, and the packages that bring it along.

    A package that is not needed on every machine has markers too.
    """
    path = VERSIONS / f"{python_version}.txt"
    if not path.exists():
        return {}
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
