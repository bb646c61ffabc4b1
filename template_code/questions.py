"""The questions and defaults of cookiecutter.json."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
QUESTIONS = {name: default for name, default in DEFAULTS.items() if not name.startswith("_")}
