"""Prepare this clone for a make target: `python3 -m tools.prepare requirements-test.txt [program ...]`.

The programs of the machine that the target needs are looked for before anything is installed. Then .venv gets what the
file of pinned requirements says.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

# Debian's package of a program that is not called like it.
PACKAGES = {"java": "default-jre-headless", "node": "nodejs", "unshare": "util-linux"}
# What else a program is called elsewhere.
OTHER_NAMES = {"chromium": ["chromium-browser", "google-chrome"]}


def apt_get():
    """Return the command that installs Debian packages, where that needs no password, or None."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (sudo and not shutil.which("sudo")):
        return None
    if sudo and subprocess.run([*sudo, "true"], stderr=subprocess.DEVNULL).returncode:
        return None
    return [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]


def install_with_apt(*packages):
    """Install Debian packages, where that needs no password; return whether that worked."""
    apt = apt_get()
    if not apt:
        return False
    print(f"Installing {', '.join(packages)} with apt-get", flush=True)
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    for command in ["update"], ["install", "--yes", "--no-install-recommends", *packages]:
        done = subprocess.run([*apt, *command], **streams)
    if done.returncode:
        print(done.stdout.decode(errors="replace"))
    return done.returncode == 0


def find(program):
    """Return the path of a program of the machine, or None."""
    # Debian has those of the administrator where an ordinary user does not look.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    names = [program, *OTHER_NAMES.get(program, [])]
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def problem_with_programs(programs):
    """Install what is missing of these programs; return a sentence on those that cannot be installed, or None."""
    absent = [name for name in programs if not find(name)]
    packages = sorted({PACKAGES.get(name, name) for name in absent})
    if not absent or (install_with_apt(*packages) and all(map(find, absent))):
        return None
    be = "is" if len(absent) == 1 else "are"
    return f"{', '.join(absent)} {be} missing; install all with: sudo apt-get install --yes {' '.join(packages)}"


def has_venv():
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def problem():
    """Return why this Python cannot make a virtual environment, with the remedy, or None."""
    version = "%d.%d" % sys.version_info[:2]
    if sys.version_info < (3, 9):  # noqa: UP036
        return f"Python 3.9 or newer is needed and this one is {version}; name another, such as PYTHON=python3.12."
    package = f"python{version}-venv"
    # Debian ships it apart from its Python.
    debian = sys.base_prefix == "/usr"
    if not has_venv() and not (debian and install_with_apt(package) and has_venv()):
        return f"this Python has no venv module; install it (on Debian: sudo apt-get install {package})."
    return None


def pip_install(python, requirements, environment, *options):
    """Install a file of pinned requirements into a virtual environment with pip."""
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
    # With PIP_USER=1 pip refuses to install into a virtual environment.
    environment = {**environment, "PIP_USER": "0"}
    subprocess.run([*map(str, command), "--require-hashes", "-r", str(requirements)], check=True, env=environment)


def install_pinned(python, requirements, environment, *options):
    """Install a file of pinned requirements into a virtual environment: with uv, or with pip where uv fails."""
    command = [VENV / "bin" / "uv", "pip", "install", "--quiet", "--no-config", "--system-certs", *options]
    command += ["--python", python, "--require-hashes", "-r", requirements]
    if subprocess.run([*map(str, command)], env=environment).returncode:
        # It may be configured to use another index.
        print("uv failed, so pip installs the packages", flush=True)
        pip_install(python, requirements, environment, *options)


def install_tools(requirements):
    """Install a file of pinned requirements into .venv, first uv, which it pins too."""
    text = requirements.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        uv = Path(folder, "uv.txt")
        uv.write_text(re.search(r"^uv==.*\\\n(?:    --hash.*\n)+", text, re.MULTILINE)[0], encoding="utf-8")
        pip_install(PYTHON, uv, os.environ)
    install_pinned(PYTHON, requirements, os.environ)


def install(requirements):
    """Make .venv hold what the file `requirements` pins; a second call with the same Python and pins does nothing."""
    made_by = VENV / "made-by"
    this = f"{sys.version}\n{sys.base_prefix}\n{VENV}\n"
    if not made_by.exists() or made_by.read_text(encoding="utf-8") != this or not PYTHON.exists():
        print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        made_by.write_text(this, encoding="utf-8")
    wanted, present = ROOT / "tools" / requirements, VENV / requirements
    if not present.exists() or present.read_bytes() != wanted.read_bytes():
        print(f"Installing {requirements} into .venv", flush=True)
        install_tools(wanted)
        shutil.copyfile(wanted, present)


def main(requirements, *programs):
    told = problem_with_programs(programs) or problem()
    if told:
        sys.exit(f"make: {told}")
    try:
        install(requirements)
    except subprocess.CalledProcessError as error:
        sys.exit(f"make: `{shlex.join(map(str, error.cmd))}` failed (see above).")


if __name__ == "__main__":
    main(*sys.argv[1:])
