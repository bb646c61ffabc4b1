"""Jinja filters that this template needs and Cookiecutter does not have."""

import json
import re
import sys

from cookiecutter.utils import simple_filter
from slugify import slugify


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
