"""Run the hooks as a user does: on a machine where a tool is missing, or in a terminal that interrupts them."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.support.machine import clean_environment
from tests.support.project import Project, cookiecutter_command

NOT_FINISHED = "\nNot finished:\n"


def path_of_tools(folder, *names):
    """Return a PATH with the machine's programs and only these of the tests' own tools."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).symlink_to(Path(sys.executable).parent / name)
    return f"{folder}{os.pathsep}{clean_environment()['PATH']}"


def path_of_programs(folder, *names):
    """Return a PATH with only these programs of the machine."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / Path(name).name).symlink_to(shutil.which(name))
    return str(folder)


def remaining_commands(output):
    """Return the commands after `Not finished:`, ready to paste into a shell."""
    _, found, commands = output.replace("\r", "").partition(NOT_FINISHED)
    assert found, output
    return "".join(re.findall("^  .*\n", commands, re.MULTILINE))


def finish(output, folder, environment):
    """Run the commands that the hook printed, in a shell in the user's folder; return the project."""
    commands = remaining_commands(output)
    subprocess.run(["bash", "-euxc", commands], env=environment, cwd=folder, check=True, timeout=600)
    return Project(Path(folder, re.match("  cd (.*)\n", commands)[1]), {}, output)


class Terminal:
    """Cookiecutter in its own terminal, started in the folder of a user."""

    def __init__(self, folder, answers, environment, *options):
        self.folder = folder
        command = [str(word) for word in cookiecutter_command(folder, answers, *options)]
        # Windows has no such module, and imports this one.
        import pty

        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            # A background job of a shell ignores SIGINT, and its children inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execve(
                command[0],
                command,
                {**environment, "TERM": environment.get("TERM", "xterm"), "COLUMNS": "200", "PWD": str(folder)},
            )
        self.shown = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.terminal, 4096):
                self.shown += data.decode(errors="replace")

    def wait_until(self, happened):
        """Wait until a function returns a true value; return that value."""
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            result = happened()
            if result:
                return result
            assert self.reader.is_alive(), self.shown
            time.sleep(0.002)
        raise AssertionError(self.shown)

    def log_has(self, text):
        """Return whether the log of the set-up contains this text."""
        return any(
            text in path.read_text(errors="replace", encoding="utf-8") for path in self.folder.glob("*/setup.log")
        )

    def press_ctrl_c(self):
        os.write(self.terminal, b"\x03")

    def end(self):
        """Return Cookiecutter's exit code and everything that the terminal showed, without colours."""
        _, status = os.waitpid(self.pid, 0)
        # The hook may still write after Cookiecutter exits.
        self.reader.join(120)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status), re.sub(r"\x1b\[[0-9;]*[mK]", "", self.shown).replace("\r\n", "\n")


def command_line(pid):
    """Return the command line of a process, or an empty text if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace", encoding="utf-8").replace("\0", " ")
    return ""


def descendants(pid):
    """Return the process ids of all descendants of a process, direct children first."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found[1:]
