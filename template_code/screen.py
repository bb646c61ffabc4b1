"""What the user reads while a project is set up."""

import os
import shlex
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Optional

RED, GREEN, YELLOW = 31, 32, 33
CLEAR_LINE = "\r\033[K"


def is_terminal() -> bool:
    """Return whether the output goes to a terminal that can rewrite a line."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def say(text: str = "", end: str = "\n") -> None:
    """Print a text; the set-up goes on if nobody reads it."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def coloured(text: str, code: int) -> str:
    """Return a text in an ANSI colour, or as it is if colours are not shown or not wanted."""
    return f"\033[{code}m{text}\033[0m" if is_terminal() and not os.environ.get("NO_COLOR") else text


def as_typed(path: "os.PathLike[str] | str") -> str:
    """Return a path for the user's shell: relative if the project is in the user's current folder."""
    here = Path.cwd().parent == Path(os.environ.get("PWD", "")).resolve()
    return shlex.quote(str(Path(Path.cwd().name if here else Path.cwd(), path)))


class Progress:
    """The line of one step: its name, its seconds, and its result. It is rewritten on a terminal while the step runs.

    Elsewhere it is printed once when the step takes a while, and once at the end.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.result = coloured("failed", RED)
        self.seconds = 0.0

    def __enter__(self) -> "Progress":
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show_life, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._show(self.result, "\n")

    def _show(self, what: str, end: str) -> None:
        self.seconds = time.monotonic() - self._started
        clear = CLEAR_LINE if is_terminal() else ""
        say(f"{clear}  {self.name:<32}{self.seconds:6.1f} s  {what}".rstrip(" "), end)

    def _show_life(self) -> None:
        while not self._ended.wait(0.5 if is_terminal() else 2):
            if not is_terminal():
                self._show(f"so far; its output is in {as_typed(self.log)}", "\n")
                return
            self._show("...", "")
