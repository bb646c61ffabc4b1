"""Refuse the impossible answers of an answer file, and set the user's own files aside."""

import json
import sys
from pathlib import Path

# Cookiecutter leaves this file in the temporary folder.
Path(__file__).unlink()
# Nothing is left in the template's folder either.
sys.dont_write_bytecode = True
sys.path.insert(0, {{template_root() | tojson}})

from template_code.answers import refusals  # noqa: E402
from template_code.files import optional_files, set_users_files_aside  # noqa: E402

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

if refusals(ANSWERS):
    # Cookiecutter prints its own error, and since 2.7 a traceback, right after this.
    sys.exit("\n" + "\n".join(refusals(ANSWERS)) + "\n")
set_users_files_aside(optional_files(ANSWERS))
