"""The suite of a fork that follows the page on forks, with its new question and without its dropped one."""

import pytest

from tests.support.changes import git
from tests.support.fork import Fork, blocks
from tools.docs import REPOSITORY

# Their tests are the same with other questions, and take the most time.
NOT_ABOUT_QUESTIONS = ["test_portability", "test_refusals", "test_text"]


@pytest.mark.matrix
@pytest.mark.skipif(not REPOSITORY.startswith("org/"), reason="a fork has changed what the page changes")
def test_the_suite_of_a_fork_passes_with_no_test_changed(tmp_path):
    fork = Fork(tmp_path / "starter")
    fork.follow()
    assert {kind for kind, *_ in blocks()} == {"diff", "json", "sh"}
    assert git(fork.path, "diff", "--name-only", fork.origin, "--", "tests") == ""
    assert git(fork.path, "diff", "--name-only", fork.origin, "--", "hooks", "template_code/files.py") != ""
    ignored = " ".join(f"--ignore tests/rendering/{name}.py" for name in NOT_ABOUT_QUESTIONS)
    options = f"--basetemp {tmp_path / 'pytest'} --tb=short -v {ignored}"
    shown = fork.run(f".venv/bin/python -m pytest tests/rendering {options}")
    assert "test_each_choice_makes_a_project_of_its_own[editor] PASSED" in shown
    assert "VS Code" in shown
