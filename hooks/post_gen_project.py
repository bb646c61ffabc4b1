"""Finish the generated project: remove what the answers do not need, then set it up."""

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
APP = ANSWERS["app_name"]
ASGI = ANSWERS["interface"] == "ASGI"
EMAIL = ANSWERS["login"] == "email"

# Which files belong to which answer: path -> wanted.
FILES = {
    f"{APP}/consumers.py": ASGI,
    f"{APP}/routing.py": ASGI,
    f"{APP}/signals.py": ASGI,
    f"{APP}/static": ASGI,
    f"{APP}/templates/{APP}/item_list_live.html": ASGI,
    f"{APP}/tests/test_live.py": ASGI,
    "gunicorn.conf.py": not ASGI,
    "users/managers.py": EMAIL,
}

# An active virtualenv must not receive this project's packages, nor another project's database its migrations.
FOREIGN = {
    "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG", "DJANGO_SETTINGS_MODULE", "EMAIL_URL",
    "LOG_LEVEL", "PIPENV_ACTIVE", "PYTHONHOME", "PYTHONPATH", "REDIS_URL", "SECRET_KEY", "TRUSTED_PROXIES",
    "VIRTUAL_ENV",
}  # fmt: skip
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in FOREIGN}
ENVIRONMENT.update(
    PIPENV_PIPFILE=str(Path("Pipfile").resolve()),
    PIPENV_IGNORE_VIRTUALENVS="1",
    PIPENV_NO_INHERIT="1",
    PIPENV_VENV_IN_PROJECT="1",
    PIPENV_DONT_USE_PYENV="1",
    PIPENV_NOSPIN="1",
    PIPENV_VERBOSITY="-1",
)

VIRTUALENV_PYTHON = "{}/Scripts/python.exe" if os.name == "nt" else "{}/bin/python"
PYTHON = VIRTUALENV_PYTHON.format(".venv")

# Prints pip's own default index, then the index and the certificates that pip is configured to use.
PIP_OPTIONS = """
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI
options = create_command("install").parser.get_default_values()
print(PyPI.simple_url, options.index_url, options.cert or "", sep="\\n")
"""


def remove_unwanted_files():
    """Remove the files of the answers that were not chosen; a path that does not exist is an error."""
    for name, wanted in FILES.items():
        path = Path(name)
        if not path.exists():
            sys.exit(f"hooks/post_gen_project.py lists {name}, which the template does not have.")
        if wanted:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


class StepFailed(Exception):
    """A step of the set-up failed; the text is what it printed."""


def run(*command):
    """Run a command and return what it printed."""
    try:
        return subprocess.run(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=True,
        ).stdout
    except subprocess.CalledProcessError as error:
        raise StepFailed(error.stdout) from error
    except OSError as error:
        raise StepFailed(str(error)) from error


def find_python():
    """Return the Python that the answer names: the running one, one on PATH, or one of pyenv's."""
    wanted = ANSWERS["python_version"]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for python in sys.executable, f"python{wanted}", *map(str, pyenv.glob(f"{wanted}.*/bin/python")):
        try:
            if run(python, "-c", "import sys; print('{}.{}'.format(*sys.version_info))").strip() == wanted:
                return python
        except StepFailed:
            continue
    raise StepFailed(f"There is no python{wanted} on this machine: install it, or choose another python_version.")


def find_pipenv(python, folder):
    """Return the command that starts Pipenv: the user's own, or else a copy that is made in `folder`."""
    for pipenv in ["pipenv"], [sys.executable, "-m", "pipenv"]:
        try:
            version = run(*pipenv, "--version").split()[-1]
        except StepFailed:
            continue
        # Pipenv resolves with the project's Python, and no longer runs on 3.9 since 2026.
        if ANSWERS["python_version"] != "3.9" or version < "2026":
            return pipenv
    run(python, "-m", "venv", folder)
    python = VIRTUALENV_PYTHON.format(folder)
    run(python, "-m", "pip", "install", "pipenv")
    return [python, "-m", "pipenv"]


def write_env():
    """Copy .env.example to .env, with a secret key that no other project has."""
    path = Path(".env")
    if path.exists():
        return
    path.touch(mode=0o600)
    example = Path(".env.example").read_text(encoding="utf-8")
    path.write_text(example.replace("for-development-only", secrets.token_urlsafe(48)), encoding="utf-8")


def configure_pipenv():
    """
    Write pip's default index into the Pipfile, so that the lock does not depend on how a machine's pip is configured.

    Where this machine's pip has another index or certificates, Pipenv uses these during this run.
    """
    default, index, certificates = run(PYTHON, "-c", PIP_OPTIONS).split("\n")[:3]
    if index != default:
        ENVIRONMENT["PIPENV_PYPI_MIRROR"] = index
    if certificates:
        ENVIRONMENT.setdefault("REQUESTS_CA_BUNDLE", certificates)
    pipfile = Path("Pipfile")
    text = pipfile.read_text(encoding="utf-8")
    if "[[source]]" not in text:
        source = f'[[source]]\nname = "pypi"\nurl = "{default}"\nverify_ssl = true\n\n'
        pipfile.write_text(source + text, encoding="utf-8")


def install():
    """Create the virtualenv and install the packages into it."""
    python = find_python()
    with tempfile.TemporaryDirectory() as folder:
        pipenv = find_pipenv(python, folder)
        run(*pipenv, "--python", python)
        configure_pipenv()
        run(*pipenv, "install", "--dev")


def make_migrations():
    """Make the users' migrations first: the other apps then refer to them, and need one file instead of two."""
    for apps in ["users"], []:
        # The header holds the time; without it the same answers make the same file.
        run(PYTHON, "manage.py", "makemigrations", "--no-header", *apps)


def manage(*arguments):
    run(PYTHON, "manage.py", *arguments)


def set_up():
    """Run each step and say how long it took; return the commands that remain to be run by hand."""
    steps = [
        ("development settings in .env", write_env, "cp .env.example .env"),
        ("packages, with pipenv install", install, "pipenv install --dev"),
        (
            "migrations, with makemigrations",
            make_migrations,
            "pipenv run python manage.py makemigrations users && pipenv run python manage.py makemigrations",
        ),
        ("database, with migrate", partial(manage, "migrate"), "pipenv run python manage.py migrate"),
        ("check", partial(manage, "check"), "pipenv run python manage.py check"),
    ]
    for number, (name, step, _) in enumerate(steps):
        print(f"  {name:<32}", end="", flush=True)
        started = time.monotonic()
        try:
            step()
        # Whatever it is: an exception would make Cookiecutter delete the project.
        except Exception as error:
            print("failed\n", *str(error).strip().splitlines()[-20:], "", sep="\n")
            return [command for _, _, command in steps[number:]]
        print(f"{time.monotonic() - started:6.1f} s", flush=True)
    return []


def main():
    remove_unwanted_files()
    if os.environ.get("SKIP_SETUP") == "1":
        return
    print(f"Setting up {ANSWERS['project_slug']}:")
    remaining = set_up()
    folder = Path.cwd()
    here = folder.parent == Path(os.environ.get("PWD", "")).resolve()
    cd = f"cd {shlex.quote(folder.name if here else str(folder))}"
    if remaining:
        print("Not finished:", cd, *remaining, sep="\n  ")
        return
    # Inside an active virtualenv Pipenv would use that one instead of the project's.
    has_pipenv = shutil.which("pipenv") and "VIRTUAL_ENV" not in os.environ
    manage_py = "pipenv run python manage.py" if has_pipenv else f"{PYTHON} manage.py"
    print(f"\nReady: {cd} && {'pipenv run dev' if has_pipenv else f'{manage_py} runserver'}")
    print("Then open http://127.0.0.1:8000/ and sign up.")
    print(f"An account for its admin: {manage_py} createsuperuser")


main()
