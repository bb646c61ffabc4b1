"""A fork of the template that follows the section on forks in CONTRIBUTING.md."""

import re
import subprocess
from pathlib import Path

from template_code.questions import ROOT
from tests.support.changes import PERSON, git
from tests.support.machine import clean_environment
from tests.support.user import copy_template

PAGE = ROOT / ".github" / "CONTRIBUTING.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks():
    """Yield the kind, file and text of each block of the section; the file is the last one named above it."""
    page = PAGE.read_text(encoding="utf-8")
    section = re.search(r"^## Fork and customise\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)[1]
    file, end = None, 0
    for match in BLOCK.finditer(section):
        named = re.findall(r"(?:In|New file) `([^`]+)`:\n", section[end : match.start()])
        file = named[-1] if named else file
        end = match.end()
        yield match[1], file, match[2]


def apply(diff, text):
    """Replace the old lines of a diff, which must occur once in the text, with the new ones; return the result."""
    old = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in " -")
    new = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in " +")
    assert text.count(old) == 1, f"it is there {text.count(old)} times:\n{old}"
    return text.replace(old, new)


class Fork:
    """A clone of this repository with its present files committed; it borrows the virtual environment."""

    def __init__(self, path):
        self.path = Path(path)
        git(self.path.parent, "clone", "--quiet", ROOT, self.path)
        git(self.path, "rm", "-r", "--quiet", ".")
        copy_template(self.path)
        if (ROOT / ".venv").exists():
            (self.path / ".venv").symlink_to(ROOT / ".venv")
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--allow-empty", "--message", "The present files")
        self.origin = git(self.path, "rev-parse", "HEAD")

    def run(self, script):
        """Run shell commands; make targets install nothing."""
        environment = clean_environment(**PERSON, MAKEFLAGS="TOOLS=true")
        done = subprocess.run(
            ["bash", "-euxc", script],
            cwd=self.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def follow(self, kinds=("diff", "json", "sh")):
        """Apply the changes of the page and run its commands; `kinds` selects the kinds of blocks."""
        for kind, file, text in blocks():
            if kind not in kinds:
                continue
            if kind == "sh":
                self.run(text)
                continue
            path = self.path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            new = apply(text, path.read_text(encoding="utf-8")) if kind == "diff" else text
            path.write_text(new, encoding="utf-8")
