"""Finish the generated project: remove what the answers do not need, then set it up."""

import contextlib
import errno
import functools
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Until the files are sorted, Ctrl-C would leave those of all answers.
signal.signal(signal.SIGINT, signal.SIG_IGN)

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
APP = ANSWERS["app_name"]

# Which files belong to which answer: path -> wanted.
FILES = json.loads(r"""{{ cookiecutter | optional_files | tojson }}""")

# What the template was tested with on this Python: name -> version, hashes, markers, the packages that need it.
VERSIONS = json.loads(r"""{{ cookiecutter.python_version | known_versions | tojson }}""")

# The variables that the project's settings take from the environment, or from the file that NAME_FILE names.
ENVIRONMENT_FILE = Path(ANSWERS["project_slug"], "environment.py")
SETTINGS = set(re.findall(r'\bVariable\(\s*"([A-Z_]+)"', ENVIRONMENT_FILE.read_text(encoding="utf-8")))

# What would make the project's own commands use another project's settings, database or packages.
MISLEADING = {
    *SETTINGS, *(f"{name}_FILE" for name in SETTINGS), "DJANGO_SETTINGS_MODULE", "PIPENV_CUSTOM_VENV_NAME",
    "PIPENV_DOTENV_LOCATION", "PIPENV_PIPFILE", "PIPENV_PYTHON", "PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT",
    "PIP_TARGET", "PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH",
}  # fmt: skip
FOREIGN = re.compile("PIPENV_(?!CACHE_DIR|PYPI_MIRROR|TIMEOUT)|PYTHON|UV_(PREFIX|PYTHON|SYSTEM|TARGET)|VIRTUAL_ENV$")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in MISLEADING and not FOREIGN.match(name)},
    "NO_COLOR": "1",
    "PIPENV_DONT_USE_PYENV": "1",
    "PIPENV_IGNORE_VIRTUALENVS": "1",
    "PIPENV_NOSPIN": "1",
    "PIPENV_NO_INHERIT": "1",
    "PIPENV_PIPFILE": str(Path("Pipfile").resolve()),
    "PIPENV_VENV_IN_PROJECT": "1",
    "PIP_USER": "0",
}

PYTHON_VERSION = ANSWERS["python_version"]
VIRTUALENV = Path(".venv")
PIPFILE = Path("Pipfile")
LOCK = Path("Pipfile.lock")
LOG = Path("setup.log")
SCHEMA = Path("schema.yml")
# Lies in the virtualenv until all packages are there.
INCOMPLETE = VIRTUALENV / "incomplete"
# What is removed last.
RUBBISH = []
UV = os.environ.get("UV") or shutil.which("uv")
STARTED = []
END_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
RED, GREEN, YELLOW = 31, 32, 33
CLEAR_LINE = "\r\033[K"
# A path may have characters that the terminal lacks.
sys.stdout.reconfigure(errors="replace")
IS_TERMINAL = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

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

# Runs each command of manage.py that it reads; prints an empty line when that is done.
RUN_COMMANDS = """
import os, sys
from importlib import invalidate_caches
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
done, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    invalidate_caches()
    execute_from_command_line(["manage.py", *line.split()])
    print(file=done, flush=True)
"""


class StepFailed(Exception):
    """A step of the set-up failed; the text is a sentence that says why."""


class Killed(StepFailed):
    """Somebody, or a machine without enough memory, ended a program."""


def remove_unwanted_files():
    """Remove the files of the answers that were not chosen; a path that does not exist is an error."""
    for name, wanted in FILES.items():
        path = Path(name)
        if not path.exists():
            sys.exit(f"{name} is no file of the template.")
        if not wanted:
            before = path.with_name(f"{path.name}.before")
            # What differs is not the template's, but the user's; a file that is empty here cannot tell.
            if before.exists() and path.read_bytes() not in (before.read_bytes(), b""):
                before.replace(path)
                continue
            before.unlink(missing_ok=True)
            path.unlink()
            # Its folders stay if they hold something else, which is the user's.
            with contextlib.suppress(OSError):
                for folder in path.parents:
                    folder.rmdir()


def is_rendered_to_compare():
    """Return whether this is what `cruft update` and `cruft diff` render to compare it with a project."""
    parent = Path.cwd().parent
    in_temporary_folder = parent.parent == Path(tempfile.gettempdir()).resolve() and parent.name.startswith("tmp")
    return "_output_dir" not in ANSWERS and in_temporary_folder


def say(text="", end="\n"):
    """Print a text; that nobody reads it must not end the set-up."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def as_typed(path):
    """Return a path as the user types it: from the folder in which they are, if the project is in that."""
    here = Path.cwd().parent == Path(os.environ.get("PWD", "")).resolve()
    return shlex.quote(str(Path(Path.cwd().name if here else Path.cwd(), path)))


def coloured(text, code):
    """Return a text in a colour of ANSI, where one is seen and wanted."""
    return f"\033[{code}m{text}\033[0m" if IS_TERMINAL and not os.environ.get("NO_COLOR") else text


def write(path, text, mode=0o666):
    """Write a file so that it has its old text or the new one, and never a part."""
    new = path.with_name(f"{path.name}.new")
    try:
        with open(new, "w", encoding="utf-8", opener=functools.partial(os.open, mode=mode)) as file:
            file.write(text)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def venv_python(folder):
    """Return the path of the Python of a virtualenv."""
    return str(Path(folder, "Scripts", "python.exe") if os.name == "nt" else Path(folder, "bin", "python"))


PYTHON = venv_python(VIRTUALENV)


def start(*command, **streams):
    """Start a command in a process group of its own; what it prints goes to the log, or to the given streams."""
    with open(LOG if os.access(LOG, os.W_OK) else os.devnull, "ab", buffering=0) as log:
        words = ["..." if "\n" in word else word for word in command]
        with contextlib.suppress(OSError):
            log.write(f"\n$ {shlex.join(words)}\n".encode())
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "text": True, **streams}
        process = subprocess.Popen(command, env=ENVIRONMENT, start_new_session=True, **streams)
        STARTED.append(process)
        return process


def kill(process):
    """End a process, if it still runs, with all that it started."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def wait_for(process):
    """Wait until a process ends; raise StepFailed unless it ended well."""
    program = f"`{shlex.join(process.args[:4])}`"
    if process.wait() < 0:
        raise Killed(f"{program} was killed by signal {-process.returncode}.")
    if process.returncode:
        raise StepFailed(f"{program} failed.")


def run(*command, capture=False):
    """Run a command; what it prints goes to the log, or is returned if `capture` is true."""
    try:
        process = start(*command, **({"stdout": subprocess.PIPE} if capture else {}))
    except OSError as error:
        raise StepFailed(f"{command[0]} cannot be started: {error.strerror}.") from error
    with process:
        try:
            printed = process.stdout.read() if capture else None
            wait_for(process)
            return printed
        finally:
            kill(process)


def interrupt(*_):
    """End what runs, at once: Cookiecutter waits a quarter of a second for what is still to be said."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for process in STARTED:
        kill(process)
    raise KeyboardInterrupt


class Manager:
    """Runs commands of manage.py in one process, because Django needs a while to start."""

    process = None

    def run(self, *arguments):
        """Run a command; return what it printed."""
        if not self.process:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.process = start(PYTHON, "-c", RUN_COMMANDS, f"{ANSWERS['project_slug']}.settings", **pipes)
        before = LOG.stat().st_size
        with contextlib.suppress(BrokenPipeError):
            print(*arguments, file=self.process.stdin, flush=True)
        if not self.process.stdout.readline():
            with contextlib.suppress(StepFailed):
                wait_for(self.process)
            raise StepFailed(f"`manage.py {arguments[0]}` failed.")
        return LOG.read_bytes()[before:].decode(errors="replace")

    def close(self):
        if self.process:
            # What it did not read is written once more when its pipe is closed.
            with contextlib.suppress(BrokenPipeError), self.process:
                kill(self.process)


manager = Manager()
manage = manager.run


@functools.cache
def find_python():
    """Return the Python that the answer names: the running one, one on PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    script = "import sys; print('{}.{}'.format(*sys.version_info))"
    for python in sys.executable, f"python{PYTHON_VERSION}", *map(str, pyenv.glob(f"{PYTHON_VERSION}.*/bin/python")):
        with contextlib.suppress(StepFailed):
            if run(python, "-c", script, capture=True).strip() == PYTHON_VERSION:
                return shutil.which(python)
    raise StepFailed(f"There is no Python {PYTHON_VERSION} on this machine: install it.")


def pipenv_works(*command):
    """Return whether this command starts a Pipenv that can install for the wanted Python."""
    with contextlib.suppress(StepFailed):
        version = run(*command, "--version", capture=True).split()[-1]
        # Pipenv resolves with the project's Python, and no longer runs on 3.9 since 2026.
        return PYTHON_VERSION != "3.9" or version < "2026"
    return False


@functools.cache
def own_pipenv():
    """Return the command that starts the user's Pipenv, or None where there is none that will do."""
    commands = ["pipenv"], [sys.executable, "-m", "pipenv"]
    return next((command for command in commands if pipenv_works(*command)), None)


def private_pipenv(python):
    """Return the command that starts a Pipenv which is made for this run."""
    folder = str(Path(ENVIRONMENT["TMPDIR"], "pipenv"))
    try:
        run(*([UV, "venv", "--no-config", "--python", python] if UV else [python, "-m", "venv"]), folder)
        python = venv_python(folder)
        try:
            install_pinned(python, with_dependencies({"pipenv"}))
        except StepFailed:
            pip_install(python, "pipenv")
    except StepFailed:
        raise StepFailed("There is no Pipenv for this Python here, and none could be installed.") from None
    return [python, "-m", "pipenv"]


def with_dependencies(names):
    """Return name -> version and so on of these packages and of all that they need."""
    found = set(names)
    while True:
        more = {name for name, package in VERSIONS.items() if found.intersection(package["via"])} - found
        if not more:
            return {name: VERSIONS[name] for name in sorted(found)}
        found |= more


def pip_install(python, *arguments):
    """Do what `pip install` does with these arguments in a virtualenv, with uv where there is one: it is quicker."""
    uv = [UV, "pip", "install", "--no-config", "--python", python]
    run(*(uv if UV else [python, "-m", "pip", "install"]), *arguments)


def install_pinned(python, packages):
    """Install exactly these packages, checked against their hashes, into a virtualenv."""
    path = Path(ENVIRONMENT["TMPDIR"], "requirements.txt")
    with path.open("w", encoding="utf-8") as file:
        for name, package in packages.items():
            hashes = " ".join(f"--hash={digest}" for digest in package["hashes"])
            markers = f" ; {package['markers']}" if "markers" in package else ""
            file.write(f"{name}{package['version']}{markers} {hashes}\n")
    pip_install(python, "--no-deps", "--require-hashes", "-r", str(path))


def write_env():
    """Copy .env.example to .env, with a secret key that no other project has."""
    env = Path(".env")
    if env.exists():
        return "kept"
    example = Path(".env.example").read_text(encoding="utf-8")
    write(env, example.replace("for-development-only", secrets.token_urlsafe(48)), mode=0o600)
    return "with a new secret key"


def configure_pipenv(*pythons):
    """
    Write pip's default index into the Pipfile, so that the lock does not depend on how a machine's pip is configured.

    Where this machine's pip has another index or certificates, Pipenv and uv use these during this run. Return what
    the Pipfile says, or None where none of these Pythons has a pip.
    """
    for python in pythons:
        with contextlib.suppress(StepFailed):
            default, index, certificates, pipfile = json.loads(run(python, "-c", PRINT_CONFIGURATION, capture=True))
            break
    else:
        return None
    if index != default:
        ENVIRONMENT.setdefault("PIPENV_PYPI_MIRROR", index)
        ENVIRONMENT.setdefault("UV_DEFAULT_INDEX", index)
    if certificates:
        ENVIRONMENT.setdefault("REQUESTS_CA_BUNDLE", certificates)
        ENVIRONMENT.setdefault("SSL_CERT_FILE", certificates)
    if "source" not in pipfile:
        source = {"name": "pypi", "url": default, "verify_ssl": True}
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in source.items())
        write(PIPFILE, f"[[source]]\n{lines}\n\n{PIPFILE.read_text(encoding='utf-8')}")
        pipfile["source"] = [source]
    return pipfile


def digest(pipfile):
    """Return the digest by which Pipenv knows that a lock is that of a Pipfile."""
    meta = {"sources": pipfile["source"], "requires": pipfile.get("requires", {})}
    hashed = {"_meta": meta, "default": pipfile.get("packages", {}), "develop": pipfile.get("dev-packages", {})}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def tested_lock(pipfile):
    """Return the text of Pipfile.lock with the versions that the template was tested with, or None without them."""
    if not {*pipfile["packages"], *pipfile["dev-packages"]} <= VERSIONS.keys():
        return None
    lock = {
        "_meta": {
            "hash": digest(pipfile),
            "pipfile-spec": 6,
            "requires": pipfile["requires"],
            "sources": pipfile["source"],
        }
    }
    for section, wanted in ("default", pipfile["packages"]), ("develop", pipfile["dev-packages"]):
        lock[section] = {
            name: {key: value for key, value in package.items() if key != "via"}
            for name, package in with_dependencies(wanted).items()
        }
        for name, version in wanted.items():
            lock[section][name]["index"] = "pypi"
            if "extras" in version:
                lock[section][name]["extras"] = version["extras"]
    return json.dumps(lock, indent=4, sort_keys=True) + "\n"


def write_tested_lock(pipfile):
    """Write Pipfile.lock if there is none; return its text if it has the tested versions, or else None."""
    text = tested_lock(pipfile) if pipfile else None
    if text and not LOCK.exists():
        write(LOCK, text)
    return text if text and LOCK.read_text(encoding="utf-8") == text else None


def locked_packages():
    """Return name -> version and so on of all packages in Pipfile.lock."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return {**lock["default"], **lock["develop"]}


def index_answers():
    """Return whether a package can be had from the index that pip is configured to use."""
    with contextlib.suppress(StepFailed):
        options = ["--dry-run", "--ignore-installed", "--no-deps", "--retries", "0"]
        run(PYTHON, "-m", "pip", "install", *options, "sqlparse")
        return True
    return False


def make_virtualenv(pipenv, python):
    """Make a virtualenv that says of itself that its packages are not all there."""
    run(*pipenv, "--python", python)
    INCOMPLETE.touch()


def reject_virtualenv():
    """Put the virtualenv out of the way; to remove it takes longer, and is done last."""
    folder = Path(tempfile.mkdtemp(prefix=".venv-rejected-", dir="."))
    RUBBISH.append(folder)
    VIRTUALENV.replace(folder)


def install_packages(pipenv, lock):
    """Install what Pipfile.lock says, if that is `lock`, or else what Pipenv resolves; return which it was."""
    try:
        run(*pipenv, "install", "--dev")
        return "as tested" if lock else "as Pipenv resolved them"
    except Killed:
        raise
    except StepFailed:
        if not index_answers():
            raise StepFailed("The package index does not answer.") from None
        if not lock:
            raise
    LOCK.unlink()
    try:
        run(*pipenv, "install", "--dev")
        return "as Pipenv resolved them, because a tested version cannot be had here"
    except BaseException:
        write(LOCK, lock)
        raise


def install():
    """Create the virtualenv, and install the packages into it."""
    if INCOMPLETE.exists():
        reject_virtualenv()
    pipfile = configure_pipenv(sys.executable, PYTHON)
    is_new = not VIRTUALENV.exists()
    if not is_new and pipfile and LOCK.exists() and json.loads(LOCK.read_text())["_meta"]["hash"] == digest(pipfile):
        return "already installed"
    lock = write_tested_lock(pipfile)
    try:
        python = find_python()
        lock = lock or write_tested_lock(configure_pipenv(python))
        pipenv = own_pipenv() or private_pipenv(python)
        if is_new:
            make_virtualenv(pipenv, python)
        lock = lock or write_tested_lock(configure_pipenv(PYTHON))
        if lock and is_new and UV:
            try:
                install_pinned(PYTHON, locked_packages())
            except StepFailed:
                # Pipenv would take half a package for a whole one.
                reject_virtualenv()
                make_virtualenv(pipenv, python)
        which = install_packages(pipenv, lock)
        INCOMPLETE.unlink(missing_ok=True)
        return f"{len(locked_packages())} packages, {which}"
    except BaseException:
        if is_new and VIRTUALENV.exists():
            reject_virtualenv()
        raise


def make_migrations():
    """Make the users' migrations first: the other apps then refer to them, and need one file instead of two."""
    wanted = [Path(app, "migrations", "0001_initial.py") for app in ("users", APP)]
    if all(path.exists() for path in wanted):
        return "kept"
    before = set(Path().glob("*/migrations/*.py"))
    try:
        for apps in ["users"], []:
            # The header holds the time; without it the same answers make the same file.
            manage("makemigrations", "--no-header", *apps)
    except BaseException:
        for path in set(Path().glob("*/migrations/*.py")) - before:
            path.unlink()
        raise
    return f"users and {APP}"


def migrate():
    """Make the tables of the embedded database; a server that .env names is left alone."""
    if re.search("^DATABASE_URL(_FILE)?=.", Path(".env").read_text(encoding="utf-8"), re.MULTILINE):
        return "left alone: .env names another one"
    return f"db.sqlite3, {manage('migrate').count(' OK')} migrations applied"


def describe_api():
    """Write the API's description anew, because it has to be that of the code; until it is whole the old one stays."""
    new = SCHEMA.with_name(f"{SCHEMA.name}.new")
    try:
        manage("spectacular", "--file", str(new))
        new.replace(SCHEMA)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return SCHEMA.name


def check():
    return manage("check").strip().rpartition("\n")[2]


def pipenv_by_hand():
    """Return the commands that install the packages with the user's Pipenv, or with one made for the purpose."""
    prefix = f"{'PIPENV_IGNORE_VIRTUALENVS=1 ' if 'VIRTUAL_ENV' in os.environ else ''}PIPENV_VENV_IN_PROJECT=1"
    python = f"python{PYTHON_VERSION}"
    with contextlib.suppress(StepFailed):
        # The virtualenv in which Cookiecutter runs may be gone by then.
        found = os.path.realpath(find_python())
        if os.path.realpath(shutil.which(python) or "") != found:
            python = shlex.quote(found)
    if own_pipenv():
        return [f"{prefix} {shlex.join(own_pipenv())} install --dev --python {python}"]
    folder = ".venv-of-pipenv"
    return [
        f"{python} -m venv {folder}",
        f"{folder}/bin/python -m pip install pipenv",
        f"{prefix} {folder}/bin/python -m pipenv install --dev --python {python}",
        f"rm -r {folder}",
    ]


def manage_by_hand(*commands):
    """Return a function that returns these commands of manage.py, as they are typed."""
    return lambda: [f"{PYTHON} manage.py {command}" for command in commands]


class Step:
    """A step of the set-up: what the user reads, the function that does it, one that returns how to do it by hand."""

    def __init__(self, name, function, by_hand):
        self.name = name
        self.function = function
        self.by_hand = by_hand
        self.result = {"step": name, "state": "not run", "seconds": 0.0, "result": ""}

    def run(self):
        """Do it, while showing that it is alive, and say how it went."""
        ended = threading.Event()
        started = time.monotonic()
        life = threading.Thread(target=self.show_life, args=(ended, started), daemon=True)
        life.start()
        try:
            what = self.function()
            self.result.update(state="done", result=what)
        except BaseException:
            self.result["state"] = "failed"
            raise
        finally:
            ended.set()
            life.join()
            self.result["seconds"] = round(time.monotonic() - started, 1)
            self.show(self.result["result"] or coloured("failed", RED), "\n")

    def show(self, what, end):
        """Write the line of this step, on a terminal over what it showed before."""
        seconds = f"{self.result['seconds']:6.1f} s"
        say(f"{CLEAR_LINE if IS_TERMINAL else ''}  {self.name:<32}{seconds}  {what}".rstrip(" "), end)

    def show_life(self, ended, started):
        """Until it has ended, show the seconds of a step on a terminal; elsewhere say once that it takes a while."""
        while not ended.wait(0.5 if IS_TERMINAL else 2):
            self.result["seconds"] = time.monotonic() - started
            if not IS_TERMINAL:
                self.show(f"so far; its output is in {as_typed(LOG)}", "\n")
                return
            self.show("...", "")


STEPS = [
    Step("development settings in .env", write_env, lambda: ["cp .env.example .env"]),
    Step("packages, with pipenv install", install, pipenv_by_hand),
    Step("migrations, with makemigrations", make_migrations, manage_by_hand("makemigrations users", "makemigrations")),
    Step("database, with migrate", migrate, manage_by_hand("migrate")),
    Step("API schema, with spectacular", describe_api, manage_by_hand(f"spectacular --file {SCHEMA}")),
    Step("check", check, manage_by_hand("check")),
]


def set_up():
    """Run the steps until one fails; return why it failed, or None."""
    for number in END_SIGNALS:
        signal.signal(number, interrupt)
    try:
        LOG.write_bytes(b"")
        # What an ended process leaves behind goes with this folder.
        ENVIRONMENT["TMPDIR"] = tempfile.mkdtemp()
        RUBBISH.append(ENVIRONMENT["TMPDIR"])
        for step in STEPS:
            step.run()
    except KeyboardInterrupt:
        return "It was interrupted."
    except Exception as error:
        lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines() if LOG.exists() else []
        say("\n".join(["", *(f"  | {line}" for line in lines[-20:]), ""]))
        return "The disk is full." if os.strerror(errno.ENOSPC) in "".join([str(error), *lines]) else str(error)
    finally:
        manager.close()
    return None


def change_directory():
    """Return the words that lead from the user's folder to the project, without what would mislead its commands."""
    words = [f"cd {as_typed('')}"]
    misleading = sorted(MISLEADING & os.environ.keys())
    return [*words, f"unset {' '.join(misleading)}"] if misleading else words


def say_how_to_start():
    # Inside an active virtualenv Pipenv would use that one instead of the project's.
    has_pipenv = own_pipenv() == ["pipenv"] and "VIRTUAL_ENV" not in os.environ
    manage_py = "pipenv run python manage.py" if has_pipenv else f"{PYTHON} manage.py"
    start = "pipenv run dev" if has_pipenv else f"{manage_py} runserver"
    say(f"\n{coloured('Ready:', GREEN)} {' && '.join([*change_directory(), start])}")
    say("Then open http://127.0.0.1:8000/ and sign up.")
    say(f"An account for its admin: {manage_py} createsuperuser")
    if not shutil.which("pipenv") and not own_pipenv():
        installer = "uv tool" if UV else "pipx" if shutil.which("pipx") else "python3 -m pip"
        say(f"Pipenv, which this machine lacks, manages its packages: {installer} install pipenv")


def say_how_it_ended(why):
    """Say how to go on: how to start the project, or why it is not finished and the commands that finish it."""
    remaining = [command for step in STEPS if step.result["state"] != "done" for command in step.by_hand()]
    if remaining:
        remaining = [*change_directory(), *remaining]
        say(f"{why} All output is in {as_typed(LOG)}.")
        say("\n  ".join([f"\n{coloured('Not finished:', YELLOW)}", *remaining]))
    else:
        say_how_to_start()
    if os.environ.get("SETUP_OUTPUT") == "json":
        state = "not finished" if remaining else "ready"
        steps = [step.result for step in STEPS]
        say(json.dumps({"state": state, "project": str(Path.cwd()), "steps": steps, "remaining": remaining}))


def main():
    # Cookiecutter leaves it in the temporary folder.
    Path(__file__).unlink()
    remove_unwanted_files()
    if os.environ.get("SKIP_SETUP") == "1" or is_rendered_to_compare():
        return
    say(f"Setting up {ANSWERS['project_slug']}:")
    try:
        say_how_it_ended(set_up())
    # Whatever it is: an exception would make Cookiecutter delete the project.
    except Exception as error:
        say(f"The set-up failed: {error!r}")
    for folder in RUBBISH:
        shutil.rmtree(folder, ignore_errors=True)


main()
