"""Install a file of pinned requirements into this clone's .venv: `python3 tools.py requirements.txt`."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def install_with_apt(package):
    """Install a Debian package, where that needs no password; return whether that worked."""
    if not shutil.which("apt-get"):
        return False
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    install = [*apt, "install", "--yes", "--no-install-recommends", package]
    print(f"Installing {package} with apt-get", flush=True)
    try:
        for command in ([*apt, "update"], install):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        return False
    if done.returncode:
        print(done.stdout.decode(errors="replace"))
    return done.returncode == 0


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


def install(requirements):
    """Make .venv hold what the file `requirements` pins; a second call with the same Python and pins does nothing."""
    made_by = VENV / "made-by"
    this = f"{sys.version}\n{sys.base_prefix}\n{VENV}\n"
    if not made_by.exists() or made_by.read_text() != this or not PYTHON.exists():
        print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        made_by.write_text(this)
    wanted, present = ROOT / requirements, VENV / requirements
    if not present.exists() or present.read_bytes() != wanted.read_bytes():
        print(f"Installing {requirements} into .venv", flush=True)
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # With PIP_USER=1 pip refuses to install into a virtual environment.
        environment = {**os.environ, "PIP_USER": "0"}
        subprocess.run([*map(str, pip), "--require-hashes", "-r", str(wanted)], check=True, env=environment)
        shutil.copyfile(wanted, present)


if __name__ == "__main__":
    if problem():
        sys.exit(f"tools.py: {problem()}")
    try:
        install(sys.argv[1])
    except subprocess.CalledProcessError as error:
        sys.exit(f"tools.py: `{shlex.join(error.cmd)}` failed (see above).")
