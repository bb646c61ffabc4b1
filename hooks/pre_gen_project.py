"""Refuse impossible answers where cookiecutter.json does not: those of an answer file are not checked there."""

import json
import sys
from pathlib import Path

REFUSALS = json.loads(r"""{{ cookiecutter | refusals | tojson }}""")

# Cookiecutter leaves it in the temporary folder.
Path(__file__).unlink()
if REFUSALS:
    # Cookiecutter prints its own error, and since 2.7 a traceback, right after this.
    sys.exit("\n" + "\n".join(REFUSALS) + "\n")
