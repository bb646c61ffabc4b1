"""Jinja filters that this template needs and Cookiecutter does not have."""

import json
import sys

from cookiecutter.utils import simple_filter


@simple_filter
def python_string(text):
    """Return any text as a Python string literal, quoted as ruff formats it."""
    if '"' in text and "'" not in text:
        return "'" + json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"') + "'"
    return json.dumps(text, ensure_ascii=False)


@simple_filter
def running_python(supported):
    """Return the version of the running Python, or the newest of `supported` where it is newer still."""
    running = "{}.{}".format(*sys.version_info)
    return running if running in supported else list(supported)[-1]
