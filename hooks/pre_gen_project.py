"""Refuse impossible answers where cookiecutter.json does not: a replayed one is not checked there."""

import json
import sys

REFUSALS = json.loads(r"""{{ cookiecutter | refusals | tojson }}""")

if REFUSALS:
    # Cookiecutter prints its own error, and since 2.7 a traceback, right after this.
    sys.exit("\n" + "\n".join(REFUSALS) + "\n")
