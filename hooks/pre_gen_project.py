"""Refuse the impossible answers of an answer file, and keep the user's own files out of the way."""

import json
import sys
from pathlib import Path

REFUSALS = json.loads(r"""{{ cookiecutter | refusals | tojson }}""")
FILES = json.loads(r"""{{ cookiecutter | optional_files | tojson }}""")

# Cookiecutter leaves it in the temporary folder.
Path(__file__).unlink()
if REFUSALS:
    # Cookiecutter prints its own error, and since 2.7 a traceback, right after this.
    sys.exit("\n" + "\n".join(REFUSALS) + "\n")

for name, wanted in FILES.items():
    path = Path(name)
    if path.exists() and not wanted:
        # Cookiecutter is about to write the template's file, which the other hook removes.
        path.replace(path.with_name(f"{path.name}.before"))
