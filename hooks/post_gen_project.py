"""Sort the files of the project, then set it up: template_code/set_up.py."""

import json
import signal
import sys
from pathlib import Path

# Ctrl-C before the files are sorted would leave those of all answers.
signal.signal(signal.SIGINT, signal.SIG_IGN)
# Cookiecutter leaves this file in the temporary folder.
Path(__file__).unlink()
# Nothing is left in the template's folder either.
sys.dont_write_bytecode = True
sys.path.insert(0, {{template_root() | tojson}})

from template_code.set_up import finish  # noqa: E402

finish(json.loads(r"""{{ cookiecutter | tojson }}"""))
