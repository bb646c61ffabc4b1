"""Make a release of the template: what `make release` runs.

It writes the version, which is the day in UTC, into CHANGELOG.md and cookiecutter.json, commits both and tags the
commit. It pushes nothing.
"""

import json
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FILES = ("CHANGELOG.md", "cookiecutter.json")
UNRELEASED = "## [Unreleased]\n"
HEADING = re.compile(r"^## \[(\d{4}\.\d\d\.\d\d(?:\.\d+)?)\] - (\d{4}-\d\d-\d\d) \(([0-9a-f]{7,40})\)$", re.MULTILINE)


class Refused(Exception):
    """Why there is no release, in one sentence."""


class Release(NamedTuple):
    """A version of CHANGELOG.md, its day, and the commit whose template was released."""

    version: str
    day: str
    commit: str


def releases(changelog: str) -> list[Release]:
    """Return the releases that the text of CHANGELOG.md has, the newest first."""
    return [Release(*found) for found in HEADING.findall(changelog)]


def next_version(today: str, taken: list[str]) -> str:
    """Return the version of a release on this day.

    >>> next_version("2026-11-26", ["2026.11.26", "2026.11.26.1"])
    '2026.11.26.2'
    """
    version, number = today.replace("-", "."), 0
    while (f"{version}.{number}" if number else version) in taken:
        number += 1
    return f"{version}.{number}" if number else version


def unreleased(changelog: str) -> str:
    """Return what the section Unreleased says."""
    _, found, rest = changelog.partition(UNRELEASED)
    if not found:
        raise Refused("CHANGELOG.md has no section [Unreleased].")
    entries = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not re.search(r"^[-*] ", entries, re.MULTILINE):
        raise Refused("The section [Unreleased] of CHANGELOG.md is empty: write what has changed first.")
    return entries


def git(folder: Path, *words: str) -> str:
    """Run git; return what it printed, or raise Refused with what git says is wrong."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        told = done.stderr.split("\n") + done.stdout.split("\n") + [f"exit code {done.returncode}"]
        reason = next(filter(None, [*(line for line in told if line.startswith(("fatal: ", "error: "))), *told]))
        raise Refused(f"`git {words[0]}` failed: {reason.strip().rstrip('.')}.")
    return done.stdout.strip()


def check(folder: Path) -> tuple[str, str]:
    """Return the remote and the branch, or raise Refused where it cannot be released."""
    if git(folder, "status", "--porcelain"):
        raise Refused("There are changes that are not committed: commit or stash them first.")
    branch = git(folder, "rev-parse", "--abbrev-ref", "HEAD")
    if branch == "HEAD":
        raise Refused("No branch is checked out: check one out first.")
    remote = git(folder, "for-each-ref", "--format=%(upstream:remotename)", f"refs/heads/{branch}")
    if remote:
        git(folder, "fetch", "--quiet", "--tags", remote)
        if git(folder, "rev-list", "--max-count", "1", "HEAD..@{upstream}"):
            raise Refused(f"The branch {branch} lacks commits that {remote} has: run `git pull` first.")
    return remote or "origin", branch


def release(folder: Path, today: str) -> str:
    """Make a release on this day; return the commands that publish it."""
    remote, branch = check(folder)
    changelog, settings = (folder / name for name in FILES)
    text = changelog.read_text(encoding="utf-8")
    entries = unreleased(text)
    commit = git(folder, "rev-parse", "--short=7", "HEAD")
    taken = [found.version for found in releases(text)] + git(folder, "tag").split()
    version = next_version(today, taken)
    heading = f"{UNRELEASED}\n## [{version}] - {today} ({commit})\n"
    before = json.loads(settings.read_text(encoding="utf-8"))["_version"]
    written = settings.read_text(encoding="utf-8").replace(f'"_version": "{before}"', f'"_version": "{version}"', 1)
    if json.loads(written)["_version"] != version:
        raise Refused('cookiecutter.json has no line `"_version": "..."` that can be replaced.')
    for path, content in (changelog, text.replace(UNRELEASED, heading, 1)), (settings, written):
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(content)
    try:
        git(folder, "commit", "--quiet", "--message", f"Release {version}", "--", *FILES)
    except Refused:
        git(folder, "checkout", "--quiet", "HEAD", "--", *FILES)
        raise
    try:
        # Otherwise git takes headings for comments.
        message = ["--cleanup", "whitespace", "--message", version, "--message", entries]
        git(folder, "tag", "--annotate", *message, version)
    except Refused:
        git(folder, "reset", "--quiet", "--hard", "HEAD^")
        raise
    return f"Release {version} is committed and tagged. To publish it: git push --atomic {remote} {branch} {version}"


def main() -> None:
    try:
        print(release(ROOT, datetime.now(timezone.utc).date().isoformat()))
    except (OSError, Refused) as problem:
        sys.exit(f"make release: {problem}")


if __name__ == "__main__":
    main()
