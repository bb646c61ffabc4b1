"""Prepare this clone for a make target: `python3 -m tools.prepare requirements-test.txt [program ...]`.

It first looks for the programs that the target needs, and installs missing ones with apt-get if it may. Then it
installs the file of pinned requirements into .venv.
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

# Programs whose Debian package has another name.
PACKAGES = {
    "ip": "iproute2",
    "java": "default-jre-headless",
    "msgfmt": "gettext",
    "node": "nodejs",
    "unshare": "util-linux",
}
# Other names of a program.
OTHER_NAMES = {"chromium": ["chromium-browser", "google-chrome"]}


def apt_get():
    """Return the command that installs Debian packages, or None if it is not there or needs a password."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (sudo and not shutil.which("sudo")):
        return None
    if sudo and subprocess.run([*sudo, "true"], stderr=subprocess.DEVNULL).returncode:
        return None
    return [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]


def install_with_apt(*packages):
    """Install Debian packages, if that needs no password; return whether it worked."""
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
    # On Debian, an ordinary user's PATH lacks the folders of the administrator's programs.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    names = [program, *OTHER_NAMES.get(program, [])]
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def problem_with_programs(programs):
    """Install the missing programs; return a sentence about those that cannot be installed, or None."""
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
    """Return why this Python cannot create a virtual environment, and the remedy, or None."""
    version = "%d.%d" % sys.version_info[:2]
    if sys.version_info < (3, 9):  # noqa: UP036
        return f"Python 3.9 or newer is needed and this one is {version}; name another, such as PYTHON=python3.12."
    package = f"python{version}-venv"
    # Debian ships venv in a package of its own.
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
    """Install a file of pinned requirements into a virtual environment with uv, or with pip if uv fails."""
    command = [VENV / "bin" / "uv", "pip", "install", "--quiet", "--no-config", "--system-certs", *options]
    command += ["--python", python, "--require-hashes", "-r", requirements]
    if subprocess.run([*map(str, command)], env=environment).returncode:
        # pip may be configured to use another index.
        print("uv failed, so pip installs the packages", flush=True)
        pip_install(python, requirements, environment, *options)


def install_tools(requirements):
    """Install a file of pinned requirements into .venv: first uv, which is among them, then all with uv."""
    text = requirements.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        uv = Path(folder, "uv.txt")
        uv.write_text(re.search(r"^uv==.*\\\n(?:    --hash.*\n)+", text, re.MULTILINE)[0], encoding="utf-8")
        pip_install(PYTHON, uv, os.environ)
    install_pinned(PYTHON, requirements, os.environ)


def install(requirements):
    """Install the file `requirements` of tools/ into .venv; do nothing if it is installed for this Python already."""
    made_by = VENV / "made-by"
    this = f"{sys.version}\n{sys.base_prefix}\n{VENV}\n"
    if not made_by.exists() or made_by.read_text(encoding="utf-8") != this or not PYTHON.exists():
        print(f"Creating .venv with Python {sys.version.split()[0]}", flush=True)
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
