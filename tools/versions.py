"""Resolve all packages of generated projects, for each Python, into template_code/versions/.

The set-up writes these versions into the Pipfile.lock of a project, so they are tested together before a user gets
them. Each file can be installed by itself too: `pip install --require-hashes -r template_code/versions/3.12.txt`.

    .venv/bin/python -m tools.versions           # new versions of everything: what `make versions` runs
    .venv/bin/python -m tools.versions --keep    # keeps all versions, and adds those of new packages
"""

import itertools
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from cookiecutter.utils import create_env_with_context
from packaging.markers import Marker

from template_code.pipfile import PACKAGES
from template_code.questions import DEFAULTS, QUESTIONS, ROOT
from template_code.versions import FOLDER

try:
    import tomllib
except ImportError:
    import tomli as tomllib

PIPFILE = (ROOT / "{{cookiecutter.project_slug}}" / "Pipfile").read_text(encoding="utf-8")
UV = Path(sys.executable).with_name("uv")
HEADER = "# Made by `make versions`.\n"
PLATFORMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
]


def pipfiles(python):
    """Yield the Pipfile of each combination of choices on this Python."""
    choices = {question: values for question, values in QUESTIONS.items() if isinstance(values, list)}
    for row in itertools.product(*choices.values()):
        answers = {**dict(zip(choices, row)), "python_version": python}
        context = generate_context(str(ROOT / "cookiecutter.json"), extra_context=answers)
        context["cookiecutter"] = prompt_for_config(context, no_input=True)
        text = create_env_with_context(context).from_string(PIPFILE).render(**context)
        yield tomllib.loads(text)


def requirement(name, wanted):
    """Return a package of a Pipfile as a requirement.

    >>> requirement("django", "~=5.2.0"), requirement("twisted", {"extras": ["tls"], "version": "*"})
    ('django~=5.2.0', 'twisted[tls]')
    """
    wanted = wanted if isinstance(wanted, dict) else {"version": wanted}
    extras = f"[{','.join(wanted['extras'])}]" if "extras" in wanted else ""
    return f"{name}{extras}{wanted['version'].removeprefix('*')}"


def resolve(requirements, python, keep=""):
    """Return the pins, with hashes, that these requirements need on this Python, for every platform.

    The pins in the text `keep` are kept.
    """
    environment = f"python_version == '{python}' and platform_python_implementation == 'CPython'"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(
            f'[project]\nname = "all"\nversion = "0"\ndependencies = {requirements}\n'
            f'[tool.uv]\nenvironments = ["{environment}"]\n'
        )
        pins = Path(folder, "pins.txt")
        pins.write_text(keep, encoding="utf-8")
        command = [UV, "pip", "compile", "--quiet", "--universal", "--python-version", python, "--output-file", pins]
        command += ["--fork-strategy", "fewest", "--generate-hashes", "--no-build", "--no-header", "pyproject.toml"]
        subprocess.run(command, check=True, cwd=folder)
        return pins.read_text(encoding="utf-8")


def holds(marker, python):
    """Return whether a marker holds on each platform, for the oldest and the newest patch of this Python."""
    cases = itertools.product(PLATFORMS, (f"{python}.0", f"{python}.99"))
    same = {"python_version": python, "platform_python_implementation": "CPython"}
    return [Marker(marker).evaluate({**platform, **same, "python_full_version": full}) for platform, full in cases]


def simplified(marker, python):
    """Return a marker without the parts that always hold on this Python.

    >>> simplified("python_full_version < '3.13' and sys_platform == 'win32'", "3.12")
    "sys_platform == 'win32'"
    """
    parts = marker.split(" and ")
    for part in parts[:]:
        rest = [other for other in parts if other != part]
        if rest and holds(" and ".join(rest), python) == holds(marker, python):
            parts = rest
    return " and ".join(parts)


def without_needless_markers(pins, python):
    """Return pins without markers that always hold on this Python, and without packages that it never needs."""
    blocks = []
    for block in re.split(r"\n(?=\S)", pins.rstrip("\n")):
        pin, marker, rest = re.match(r"(\S+)(?: ; (.*))?( \\\n[^\0]*)", block).groups()
        held = holds(marker, python) if marker else [True]
        if any(held):
            blocks.append(pin + ("" if all(held) else f" ; {simplified(marker, python)}") + rest)
    return "\n".join(blocks) + "\n"


def wanted(python):
    """Return the requirements of all projects on this Python."""
    sections = [pipfile[table] for pipfile in pipfiles(python) for table in PACKAGES]
    # The set-up installs Pipenv for itself if there is none.
    return sorted({"pipenv", *(requirement(*package) for section in sections for package in section.items())})


def refresh(python, requirements, keep):
    """Write the file of a Python; return its name and the number of its packages."""
    file = FOLDER / f"{python}.txt"
    old = file.read_text(encoding="utf-8") if keep else ""
    text = HEADER + without_needless_markers(resolve(requirements, python, old), python)
    file.write_text(text, encoding="utf-8")
    return f"{file.name}: {len(re.findall('^[a-z]', text, re.MULTILINE))} packages"


def main(*options):
    requirements = {python: wanted(python) for python in DEFAULTS["_django"]}
    # uv waits for the index most of the time.
    with ThreadPoolExecutor() as pool:
        for line in pool.map(refresh, requirements, requirements.values(), itertools.repeat(options == ("--keep",))):
            print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
