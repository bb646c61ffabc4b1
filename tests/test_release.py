"""`make release`, and CHANGELOG.md, which it writes."""

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from template_code.questions import ROOT
from tests.support.changes import PERSON, git
from tests.support.machine import clean_environment
from tests.support.updates import commit_of
from tools import release as tool
from tools.release import Refused, next_version, releases

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
VERSION = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_version"]
ENTRIES = "### Added\n\n- Something new.\n\n### Removed\n\n- Something old."
TODAY = datetime.now(timezone.utc).date().isoformat()


def test_the_version_is_that_of_the_newest_release(rendered):
    assert releases(CHANGELOG)[0].version == VERSION
    pyproject = (rendered().path / "pyproject.toml").read_text(encoding="utf-8")
    assert pyproject.endswith(f'[tool.template]\nversion = "{VERSION}"\n')


def test_each_heading_is_a_version_with_its_day_and_commit_or_unreleased():
    first, *others = re.findall("^## .*$", CHANGELOG, re.MULTILINE)
    assert first == "## [Unreleased]"
    assert len(others) == len(releases(CHANGELOG)) >= 3
    kinds = set(re.findall("^### (.*)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "After the update"}


def test_the_releases_are_commits_of_the_history_the_newest_first():
    found = releases(CHANGELOG)
    keys = [[int(part) for part in release.version.split(".")] for release in found]
    assert keys == sorted(keys, reverse=True)
    history = git(ROOT, "rev-list", "HEAD").split()
    places = [history.index(commit_of(release)) for release in found]
    assert places == sorted(set(places))
    for release in found:
        assert release.version.startswith(release.day.replace("-", "."))
        assert git(ROOT, "log", "-1", "--format=%cs", release.commit) <= release.day


@pytest.mark.parametrize(
    ("taken", "version"),
    [
        ([], "2026.11.26"),
        (["2026.11.25", "2026.11.25.1"], "2026.11.26"),
        (["2026.11.26"], "2026.11.26.1"),
        (["2026.11.26.1", "2026.11.26"], "2026.11.26.2"),
    ],
)
def test_a_version_is_the_day_and_a_number_from_the_second_on(taken, version):
    assert next_version("2026-11-26", taken) == version


class Clone:
    """A clone of a repository that has what `make release` reads, and an entry that is not released."""

    def __init__(self, folder):
        self.path, self.remote = folder / "clone", folder / "remote"

    def make(self):
        for options in ["--bare", self.remote], [self.path]:
            git(self.path.parent, "init", "--quiet", "--initial-branch", "main", *options)
        git(self.path, "remote", "add", "origin", "../remote")
        for name in "CHANGELOG.md", "Makefile", "cookiecutter.json", "tools/__init__.py", "tools/release.py":
            (self.path / name).parent.mkdir(exist_ok=True)
            (self.path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
        self.write(ENTRIES)
        self.commit()
        git(self.path, "push", "--quiet", "--set-upstream", "origin", "main")

    def write(self, entries):
        """Make this the section Unreleased."""
        changelog = self.path / "CHANGELOG.md"
        before, _, rest = changelog.read_text(encoding="utf-8").partition("## [Unreleased]\n")
        released = rest[rest.index("\n## [") :]
        changelog.write_text(f"{before}## [Unreleased]\n\n{entries}\n{released}", encoding="utf-8")

    def commit(self):
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--message", "A change")

    def release(self):
        command = ["make", "--silent", "release", f"PYTHON={sys.executable}"]
        environment = clean_environment(PYTHONDONTWRITEBYTECODE=1, GIT_CONFIG_GLOBAL="/dev/null", **PERSON)
        return subprocess.run(command, cwd=self.path, env=environment, capture_output=True, text=True)

    def state(self):
        """Return all that a release would change."""
        files = [(self.path / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "cookiecutter.json")]
        return [*files, git(self.path, "status", "--porcelain"), git(self.path, "for-each-ref")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    Clone(folder).make()
    return folder


@pytest.fixture
def clone(made, tmp_path):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Clone(tmp_path)


def test_a_release_is_a_version_a_commit_and_a_tag(clone):
    before = git(clone.path, "rev-parse", "HEAD")
    version = next_version(TODAY, [release.version for release in releases(CHANGELOG)])
    done = clone.release()
    assert (done.returncode, done.stderr) == (0, "")
    text = (clone.path / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [Unreleased]\n\n## [{version}] - {TODAY} ({before[:7]})\n\n{ENTRIES}\n\n## [" in text
    settings = (ROOT / "cookiecutter.json").read_text(encoding="utf-8").replace(f'"{VERSION}"', f'"{version}"')
    assert (clone.path / "cookiecutter.json").read_text(encoding="utf-8") == settings
    assert git(clone.path, "status", "--porcelain") == ""
    assert git(clone.path, "log", "--format=%s", f"{before}..HEAD") == f"Release {version}"
    assert git(clone.path, "cat-file", "-t", version) == "tag"
    assert git(clone.path, "rev-parse", f"{version}^{{commit}}") == git(clone.path, "rev-parse", "HEAD")
    assert git(clone.path, "tag", "--list", "--format=%(contents)", version) == f"{version}\n\n{ENTRIES}"
    # It pushes nothing, and the command that it prints does.
    assert git(clone.remote, "rev-parse", "main") == before
    _, _, command = done.stdout.strip().partition("To publish it: git ")
    git(clone.path, *command.split())
    assert git(clone.remote, "rev-parse", "main") == git(clone.path, "rev-parse", "HEAD")
    assert git(clone.remote, "tag") == version


def test_the_second_release_of_a_day_has_a_number_and_names_its_own_commit(clone):
    assert clone.release().returncode == 0
    clone.write(ENTRIES)
    clone.commit()
    commit = git(clone.path, "rev-parse", "HEAD")
    assert clone.release().returncode == 0
    second, *others = releases((clone.path / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert second == (next_version(TODAY, [release.version for release in others]), TODAY, commit[:7])
    assert others[0].day == TODAY


def is_dirty(clone):
    (clone.path / "Makefile").write_text((clone.path / "Makefile").read_text(encoding="utf-8") + "\n")
    return "There are changes that are not committed: commit or stash them first."


def has_a_new_file(clone):
    (clone.path / "new").touch()
    return "There are changes that are not committed: commit or stash them first."


def is_behind(clone):
    git(clone.path, "commit", "--quiet", "--allow-empty", "--message", "Another one's change")
    git(clone.path, "push", "--quiet")
    git(clone.path, "reset", "--quiet", "--hard", "HEAD^")
    # What another one pushes is not known here yet.
    git(clone.path, "update-ref", "refs/remotes/origin/main", "HEAD")
    return "The branch main lacks commits that origin has: run `git pull` first."


def has_no_remote(clone):
    clone.remote.rename(clone.remote.with_name("gone"))
    return "`git fetch` failed: "


def has_no_branch(clone):
    git(clone.path, "checkout", "--quiet", "--detach")
    return "No branch is checked out: check one out first."


def has_no_entries(clone):
    clone.write("### Added\n")
    clone.commit()
    return "The section [Unreleased] of CHANGELOG.md is empty: write what has changed first."


def has_no_section(clone):
    path = clone.path / "CHANGELOG.md"
    path.write_text(path.read_text(encoding="utf-8").replace("## [Unreleased]\n", ""))
    clone.commit()
    return "CHANGELOG.md has no section [Unreleased]."


def has_no_version(clone):
    path = clone.path / "cookiecutter.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"_version": ', '"_version":'))
    clone.commit()
    return 'cookiecutter.json has no line `"_version": "..."` that can be replaced.'


def cannot_commit(clone):
    hook = clone.path / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho Not today >&2\nexit 1\n")
    hook.chmod(0o755)
    return "`git commit` failed: Not today."


def cannot_tag(clone):
    version = next_version(TODAY, [release.version for release in releases(CHANGELOG)])
    git(clone.path, "tag", f"{version}/x")
    return "`git tag` failed: "


FAILURES = [
    *[is_dirty, has_a_new_file, is_behind, has_no_remote, has_no_branch, has_no_entries, has_no_section],
    *[has_no_version, cannot_commit, cannot_tag],
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
def test_a_release_that_cannot_be_made_says_why_in_a_sentence_and_changes_nothing(clone, failure):
    told = failure(clone)
    before = clone.state()
    done = clone.release()
    assert (done.returncode, done.stdout) == (2, "")
    sentence, *others = done.stderr.splitlines()
    assert re.fullmatch(r"make release: .*[^.]\.", sentence)
    assert sentence.startswith(f"make release: {told}")
    assert [line for line in others if not line.startswith("make: ***")] == []
    after = clone.state()
    if failure is is_behind:
        # It has fetched.
        assert before.pop() != after.pop()
    assert after == before


def test_a_clone_that_lacks_the_commit_of_a_release_is_told_the_remedy():
    with pytest.raises(AssertionError, match=r"^2020\.01\.01: this clone lacks 0{40}; run `git fetch --unshallow`"):
        commit_of(tool.Release("2020.01.01", "2020-01-01", "0" * 40))


def test_what_git_refuses_is_a_sentence(tmp_path):
    with pytest.raises(Refused, match=r"^`git status` failed: .*not a git repository.*\.$"):
        tool.git(tmp_path, "status")
