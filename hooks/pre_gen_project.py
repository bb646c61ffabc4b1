"""Refuse the impossible answers of an answer file, and set the user's own files aside."""

import json
import sys
from pathlib import Path

# Cookiecutter leaves this file in the temporary folder.
Path(__file__).unlink()
# Nothing is left in the template's folder either.
sys.dont_write_bytecode = True
sys.path.insert(0, {{template_root() | tojson}})

from template_code.files import optional_files, set_users_files_aside  # noqa: E402

# Jinja has asked the template's code, which takes a while to import here.
REFUSALS = json.loads(r"""{{ cookiecutter | refusals | tojson }}""")

if REFUSALS:
    # Cookiecutter prints its own error, and since 2.7 a traceback, right after this.
    sys.exit("\n" + "\n".join(REFUSALS) + "\n")
set_users_files_aside(optional_files(json.loads(r"""{{ cookiecutter | tojson }}""")))
