"""A fork that follows the page on forks: its new question is asked, its dropped one is not, its file is there."""

import json

import pytest

from tests.support.fork import Fork, apply
from tests.support.project import cookiecutter
from tools.docs import REPOSITORY

pytestmark = pytest.mark.skipif(not REPOSITORY.startswith("org/"), reason="a fork has changed what the page changes")


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    fork = Fork(tmp_path_factory.mktemp("fork") / "starter")
    fork.follow(kinds=("diff", "json"))
    return fork


@pytest.mark.parametrize(("editor", "there"), [("none", False), ("VS Code", True)])
def test_the_file_of_a_new_answer_is_there_with_that_answer(fork, tmp_path, editor, there):
    done = cookiecutter(tmp_path / "made", {"editor": editor}, env={"SKIP_SETUP": "1"}, template=fork.path)
    assert (done.returncode, done.stdout) == (0, "")
    project = tmp_path / "made" / "my_project"
    assert (project / ".vscode" / "settings.json").exists() == there
    assert 'TIME_ZONE = "Europe/Berlin"' in (project / "my_project" / "settings.py").read_text(encoding="utf-8")
    assert "\nhumanize = " in (project / "Pipfile").read_text(encoding="utf-8")


def test_the_questions_are_those_of_the_page(fork):
    questions = json.loads((fork.path / "cookiecutter.json").read_text(encoding="utf-8"))
    assert questions["editor"] == ["none", "VS Code"]
    assert "ci" not in questions


def test_a_change_that_no_longer_applies_is_told():
    with pytest.raises(AssertionError, match="it is there 0 times"):
        apply('-  "time_zone": "UTC",\n+  "time_zone": "Europe/Berlin",\n', "{}\n")
