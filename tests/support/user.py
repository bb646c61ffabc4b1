"""A user with their own home folder, and the shell in which they run Cookiecutter."""

import contextlib
import functools
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from template_code.questions import ROOT
from tests.support.machine import clean_environment

PROGRAMS = Path(sys.executable).parent
MAKE = f"cookiecutter --no-input {shlex.quote(str(ROOT))} interface=WSGI"
# Folders of caches and other files that tools write. The last one appears when pip asks rustup for its Rust version.
CACHES = {".cache", ".cookiecutters", ".cookiecutter_replay", ".local/share/virtualenv", ".rustup"}
# All users share these. Otherwise each would download all packages, or not find the index.
SHARED = (".cache/pip", ".cache/uv", ".config/pip")


@functools.cache
def become_nobody():
    """Return the words before a command that run it as nobody.

    The program that setpriv starts keeps root's capabilities, so it starts `env`, which starts the command.
    """
    # Windows does not have this module.
    import pwd

    return ["setpriv", "--reuid=nobody", f"--regid={pwd.getpwnam('nobody').pw_gid}", "--clear-groups"]


class User:
    """A user; `tools` are programs of the tests' environment that are on this user's PATH."""

    # The words before a command that run it under another account.
    become = ()

    def __init__(self, folder, *tools):
        self.folder = Path(folder)
        self.home = self.folder / "home"
        self.bin = self.folder / "bin"
        self.work = self.folder / "work"
        for path in self.home, self.bin, self.work:
            path.mkdir()
        for tool in tools:
            (self.bin / tool).symlink_to(PROGRAMS / tool)
        self.borrow_caches()

    def borrow_caches(self):
        for name in SHARED:
            if (Path.home() / name).exists():
                (self.home / name).parent.mkdir(exist_ok=True)
                (self.home / name).symlink_to(Path.home() / name)

    def environment(self, **extra):
        path = f"{self.bin}{os.pathsep}{clean_environment()['PATH']}"
        return clean_environment(**{"HOME": self.home, "PATH": path, **extra})

    def words(self, script, folder=None, env=None):
        """Return the command that runs a script in this user's shell, by default in the folder of their work."""
        variables = [f"{name}={value}" for name, value in self.environment(**(env or {})).items()]
        script = f"cd {shlex.quote(str(folder or self.work))}\n{script}"
        return [*self.become, "env", "-i", *variables, "bash", "-c", script]

    def run(self, script, folder=None, env=None):
        """Run a script; return its output, both streams together."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(self.words(script, folder, env), timeout=600, **streams)
        return checked(script, done.returncode, done.stdout)

    def run_in_terminal(self, script, folder=None, env=None, typed=""):
        """Run a script in a terminal and type this text; return everything that the terminal shows."""
        import pty

        ours, theirs = pty.openpty()
        command = self.words(script, folder, {"TERM": "xterm", **(env or {})})
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        # Linux reports the end of a terminal's output as an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 4096):
                seen += chunk
        os.close(ours)
        return checked(script, process.wait(600), seen.replace(b"\r\n", b"\n"))

    def serve(self, project, folder=None, env=None):
        """Start the server with the exact command that the hooks printed; yield its Server."""
        return project.serve(*self.words(f"{ready(project)} 127.0.0.1:{{port}}", folder, env))


class Nobody(User):
    """The account nobody, with the programs of its own virtualenv; only root can switch to it."""

    def __init__(self, folder, python):
        super().__init__(folder)
        self.become = become_nobody()
        virtualenv(self.folder / "venv", python, "-r", ROOT / "tools" / "requirements.txt")
        for name in "cookiecutter", "pipenv":
            (self.bin / name).symlink_to(self.folder / "venv" / "bin" / name)
        shutil.copy(PROGRAMS / "uv", self.bin)
        for path in self.home, self.work:
            shutil.chown(path, "nobody")

    def borrow_caches(self):
        """Do nothing: nobody cannot read root's caches."""


def checked(script, code, printed):
    printed = printed.decode(errors="replace")
    assert code == 0, f"{script} exited {code}\n{printed}"
    return printed


def ready(project):
    """Return the command that starts the project, exactly as the hooks printed it."""
    (command,) = re.findall("^(?:\033.*?m)?Ready:(?:\033.*?m)? (.*)$", project.output, re.MULTILINE) or [None]
    assert command, project.output
    return command


def tracked(project):
    """Return path -> content of the files of a project that git does not ignore."""
    with tempfile.TemporaryDirectory() as repository:
        git = ["git", f"--git-dir={repository}", f"--work-tree={project.path}"]
        environment = clean_environment(GIT_CONFIG_GLOBAL=os.devnull)
        options = {"cwd": project.path, "env": environment, "check": True, "stdout": subprocess.PIPE}
        subprocess.run([*git, "init", "--quiet"], **options)
        listed = subprocess.run([*git, "ls-files", "-z", "--others", "--exclude-standard"], **options).stdout
    names = os.fsdecode(listed).split("\0")[:-1]
    return {name: (project.path / name).read_bytes() for name in names}


def snapshot(folder, ignored):
    """Return path -> mode, modification time and content of everything in a folder, without the ignored paths."""
    folder, found = Path(folder), {}
    for parent, folders, files in os.walk(folder):
        paths = {name: Path(parent, name).relative_to(folder) for name in [*folders, *files]}
        # Every run of Python writes bytecode.
        paths = {name: path for name, path in paths.items() if path not in ignored and name != "__pycache__"}
        folders[:] = [name for name in folders if name in paths]
        for path in paths.values():
            status = (folder / path).lstat()
            found[path.as_posix()] = [status.st_mode]
            if stat.S_ISREG(status.st_mode):
                found[path.as_posix()] += [status.st_mtime_ns, (folder / path).read_bytes()]
            elif stat.S_ISLNK(status.st_mode):
                found[path.as_posix()] += [os.readlink(folder / path)]
    return found


def virtualenv(folder, python, *packages):
    """Create a virtualenv of this Python with these packages; return its folder of programs."""
    for command in (
        ["venv", "--python", python, folder],
        ["pip", "install", "--system-certs", "--python", folder, *packages],
    ):
        subprocess.run([PROGRAMS / "uv", "--quiet", *command], check=True, env=clean_environment())
    return Path(folder) / ("Scripts" if os.name == "nt" else "bin")


def copy_template(folder):
    """Copy the template's files that git lists, committed or not, into a new folder; return the folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    for name in os.fsdecode(listed).split("\0")[:-1]:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder
