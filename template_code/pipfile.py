"""Pipfile and Pipfile.lock: pip's default index in the one, the tested versions in the other."""

import contextlib
import hashlib
import json
import sys
import sysconfig
from pathlib import Path
from typing import Any, Optional

from template_code.files import write
from template_code.processes import StepFailed
from template_code.state import State
from template_code.versions import with_dependencies

PIPFILE = Path("Pipfile")
LOCK = Path("Pipfile.lock")

# Prints pip's own default index, the index and the certificates that pip is configured to use, and the Pipfile.
PRINT_CONFIGURATION = """
import json
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI
options = create_command("install").parser.get_default_values()
with open("Pipfile", "rb") as pipfile:
    print(json.dumps([PyPI.simple_url, options.index_url, options.cert, tomllib.load(pipfile)]))
"""

# The tables of a Pipfile.
Tables = dict[str, Any]

# Each table of packages in the Pipfile, and its name in the lock. The set-up installs only the first two.
PACKAGES = {"packages": "default", "dev-packages": "develop", "telemetry": "telemetry"}


def default_index() -> Optional[str]:
    """Return the address of pip's default index, or None if there is no pip.

    With it in the Pipfile, the lock does not depend on how a machine's pip is configured.
    """
    before = sys.path[:]
    # A virtualenv of uv has no pip, but Python mostly brings the one that it would install.
    sys.path += map(str, Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled").glob("pip-*.whl"))
    try:
        from pip._internal.models.index import PyPI

        return str(PyPI.simple_url)
    except ImportError:
        return None
    finally:
        sys.path[:] = before


def configure(state: State, *pythons: str) -> Optional[Tables]:
    """Write pip's default index into the Pipfile, if it names none; return the Pipfile's tables.

    Pipenv and uv then use the index and the certificates that pip is configured to use. Return None if none of these
    Pythons has a pip to ask.
    """
    for python in pythons:
        with contextlib.suppress(StepFailed):
            default, index, certificates, pipfile = json.loads(state.runner.output(python, "-c", PRINT_CONFIGURATION))
            break
    else:
        return None
    environment = state.runner.environment
    if index != default:
        environment.setdefault("PIPENV_PYPI_MIRROR", index)
        environment.setdefault("UV_DEFAULT_INDEX", index)
    if certificates:
        environment.setdefault("REQUESTS_CA_BUNDLE", certificates)
        environment.setdefault("SSL_CERT_FILE", certificates)
    if "source" not in pipfile:
        source = {"name": "pypi", "url": default, "verify_ssl": True}
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in source.items())
        write(PIPFILE, f"[[source]]\n{lines}\n\n{PIPFILE.read_text(encoding='utf-8')}")
        pipfile["source"] = [source]
    return dict(pipfile)


def packages(pipfile: Tables) -> Tables:
    """Return the tables of packages in a Pipfile, by their names in the lock."""
    tables = {"packages": {}, "dev-packages": {}, **pipfile}
    return {section: tables[table] for table, section in PACKAGES.items() if table in tables}


def digest(pipfile: Tables) -> dict[str, str]:
    """Return the digest by which Pipenv knows which Pipfile a lock belongs to."""
    meta = {"sources": pipfile["source"], "requires": pipfile.get("requires", {})}
    text = json.dumps({"_meta": meta, **packages(pipfile)}, sort_keys=True, separators=(",", ":"))
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def tested_lock(state: State, pipfile: Tables) -> Optional[str]:
    """Return the text of Pipfile.lock with the tested versions, or None if a package has none."""
    if not {name for wanted in packages(pipfile).values() for name in wanted} <= state.versions.keys():
        return None
    lock: dict[str, Any] = {
        "_meta": {
            "hash": digest(pipfile),
            "pipfile-spec": 6,
            "requires": pipfile["requires"],
            "sources": pipfile["source"],
        }
    }
    for section, wanted in packages(pipfile).items():
        lock[section] = {
            name: {key: value for key, value in package.items() if key != "via"}
            for name, package in with_dependencies(wanted, state.versions).items()
        }
        for name, version in wanted.items():
            lock[section][name]["index"] = "pypi"
            if "extras" in version:
                lock[section][name]["extras"] = version["extras"]
    return json.dumps(lock, indent=4, sort_keys=True) + "\n"


def write_tested_lock(state: State, pipfile: Optional[Tables]) -> Optional[str]:
    """Write Pipfile.lock if there is none; return its text if it has the tested versions, or else None."""
    text = tested_lock(state, pipfile) if pipfile else None
    if text and not LOCK.exists():
        write(LOCK, text)
    return text if text and LOCK.read_text(encoding="utf-8") == text else None


def is_locked(pipfile: Tables) -> bool:
    """Return whether Pipfile.lock belongs to this Pipfile."""
    return LOCK.exists() and bool(json.loads(LOCK.read_text(encoding="utf-8"))["_meta"]["hash"] == digest(pipfile))


def locked_packages() -> dict[str, Any]:
    """Return name -> version and so on of all packages in Pipfile.lock."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return {**lock["default"], **lock["develop"]}
