"""Write files: all of them or none, and never over work that git has no copy of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.template import Context, Engine

# The pages contain tags of Django, so their templates use [[ ]] and [% %] for those of the generator.
SWAP = str.maketrans("{}[]", "[]{}")


# Beside the interpreter of the virtual environment, also where that is not active.
RUFF = str(Path(sys.executable).with_name("ruff"))


def run(*command: str, answers: str = "") -> None:
    """Run a program with these answers to its questions. Raise CommandError with its output if it fails."""
    words = [sys.executable if word == "python" else word for word in command]
    if not shutil.which(words[0]):
        raise CommandError(f"{words[0]} is not there, so nothing was written. Install it, or run: {' '.join(command)}")
    # Otherwise Pipenv installs into another virtual environment that is active.
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    done = subprocess.run(words, cwd=settings.BASE_DIR, env=environment, input=answers, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"This failed, so nothing was written: {' '.join(command)}\n{done.stdout}{done.stderr}")


def ruff(command: str, *words: str) -> bool:
    """Run ruff with the options of the project; return whether it found nothing, or fixed all."""
    config = str(settings.BASE_DIR / "pyproject.toml")
    words = (RUFF, command, "--config", config, "--no-cache", "--quiet", *words)
    return subprocess.run(words, cwd=settings.BASE_DIR, capture_output=True).returncode == 0


def tidy(*paths: str, rules: str) -> None:
    """Fix what these rules of ruff find, and format."""
    ruff("check", "--select", rules, "--fix", *paths)
    ruff("format", *paths)


def is_tidy(name: str) -> bool:
    """Return whether ruff leaves a module as it is. If so, it formats only what is added."""
    return ruff("check", "--select", "I", name) and ruff("format", "--check", name)


def render(template: Path, context: Mapping[str, Any]) -> str:
    """Return the content of a file of a template."""
    swap = SWAP if template.suffix == ".html-tpl" else {}
    text = template.read_text(encoding="utf-8").translate(swap)
    return Engine().from_string(text).render(Context(context, autoescape=False)).translate(swap)


def rendered(template: Path, context: Mapping[str, Any]) -> dict[str, str]:
    """Return a dict of path -> content for the files of a template."""
    with TemporaryDirectory() as folder:
        for source in template.rglob("*-tpl"):
            name = str(source.relative_to(template)).removesuffix("-tpl")
            name = name.replace("app_name", context["app"]).replace("model_name", context.get("name", ""))
            path = Path(folder, context["app"], name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(source, context), encoding="utf-8")
        # Also removes the imports that this resource does not use.
        tidy(folder, rules="F,I")
        paths = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}


def read(name: str) -> str:
    """Return the content of a file of the project, with its own line ends."""
    with (settings.BASE_DIR / name).open(encoding="utf-8", newline="") as file:
        return file.read()


def uncommitted(names: Iterable[str]) -> list[str]:
    """Return those of these files that git has another version of. Without git, there are none."""
    command = ["git", "status", "--porcelain", "--", *names]
    try:
        done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True)
    except FileNotFoundError:
        return []
    return [line[3:] for line in done.stdout.splitlines() if line[0] not in "?A"]


class Changes:
    """The files that a command writes. `undo` puts everything back as it was."""

    def __init__(self) -> None:
        self.old: dict[Path, bytes | None] = {}
        self.written: dict[str, str] = {}

    def keep(self, path: Path) -> None:
        """Remember a file as it is, or the uppermost folder of its path that does not exist."""
        if path.exists():
            self.old.setdefault(path, path.read_bytes())
        else:
            new = [parent for parent in (path, *path.parents) if not parent.exists()]
            self.old.setdefault(new[-1], None)

    def write(self, name: str, text: str) -> None:
        path = settings.BASE_DIR / name
        self.written[name] = "changed" if path.exists() else "wrote"
        self.keep(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)

    def run(self, *command: str, folder: str = "", answers: str = "") -> None:
        """Run a program, which may write new modules to a folder."""
        path = settings.BASE_DIR / folder
        before = set(path.glob("*.py"))
        try:
            run(*command, answers=answers)
        finally:
            for new in set(path.glob("*.py")) - before:
                self.old[new] = None
                self.written[str(new.relative_to(settings.BASE_DIR))] = "wrote"

    def undo(self) -> None:
        for path, content in self.old.items():
            if content is not None:
                path.write_bytes(content)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
