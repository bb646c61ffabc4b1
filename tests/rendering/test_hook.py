"""With SKIP_SETUP=1 the post-generation hook sorts the files, and does nothing else."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cookiecutter.utils import create_env_with_context

from template_code.questions import ROOT
from template_code.state import State
from tests.support.machine import clean_environment, free_port
from tests.support.project import cookiecutter
from tests.support.rendering import listing, template_files
from tests.support.user import copy_template

MADE_BY_THE_SETUP = (".env", ".venv", "Pipfile.lock", "db.sqlite3", "schema.yml", "users/migrations/0001_initial.py")

# Ends the hook, as soon as it starts a program or opens a connection.
GUARD = """
import sys
import tempfile
from pathlib import Path
def guard(event, arguments):
    if event.startswith(("socket", "subprocess", "os.exec", "os.fork", "os.posix_spawn", "os.system")):
        sys.exit(f"guarded: {event}")
sys.addaudithook(guard)
"""


@pytest.fixture
def run_hook(rendered, tmp_path):
    """Run the hook, under the guard, on a project that still has the files of all answers."""

    def run_hook(within=tmp_path, **environment):
        project = rendered()
        folder = within / "my_project"
        for file, source in template_files(project.answers).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / file)
        answers = {
            name: answer for name, answer in project.answers.items() if within == tmp_path or name != "_output_dir"
        }
        context = {"cookiecutter": answers}
        hook = create_env_with_context(context).from_string(
            (ROOT / "hooks" / "post_gen_project.py").read_text(encoding="utf-8")
        )
        script = tmp_path / "hook.py"
        script.write_text(GUARD + hook.render(**context), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, script],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=clean_environment(**environment),
        )
        return done, folder

    return run_hook


def test_skip_setup_starts_no_program_and_opens_no_connection(run_hook, rendered):
    done, folder = run_hook(SKIP_SETUP=1)
    assert (done.returncode, done.stdout) == (0, "")
    assert [name for name in MADE_BY_THE_SETUP if (folder / name).exists()] == []
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == listing(rendered())


def test_what_cruft_renders_to_compare_is_not_set_up(run_hook):
    with tempfile.TemporaryDirectory() as folder:
        done, _ = run_hook(within=Path(folder))
        assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("value", ["", "0"])
def test_the_guard_sees_a_setup_that_is_not_skipped(run_hook, value):
    done, _ = run_hook(SKIP_SETUP=value)
    assert "guarded: subprocess.Popen" in done.stdout
    assert done.returncode != 0


def test_the_command_leaves_nothing_but_the_files(rendered, tmp_path):
    done = cookiecutter(tmp_path / "made", {}, env={"SKIP_SETUP": "1"})
    assert (done.returncode, done.stdout) == (0, "")
    (folder,) = (tmp_path / "made").iterdir()
    assert [name for name in MADE_BY_THE_SETUP if (folder / name).exists()] == []
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == listing(rendered())


def test_no_variable_of_the_settings_is_taken_from_another_project(rendered, monkeypatch):
    project = rendered()
    package = "".join(path.read_text(encoding="utf-8") for path in (project.path / project.path.name).glob("*.py"))
    monkeypatch.chdir(project.path)
    misleading = State(project.answers).misleading
    read = set(re.findall(r'\b(?:env(?:\.\w+)?|Variable)\(\s*"([A-Z_]+)"', package))
    assert {"DATABASE_URL", "SECRET_KEY"} <= read
    assert read | {f"{name}_FILE" for name in read} <= misleading


def test_generating_again_follows_the_new_answer_and_keeps_what_the_user_made(rendered, tmp_path):
    rendered.make(no_input=True, output_dir=tmp_path)
    folder = tmp_path / "my_project"
    (folder / ".env").write_text("SECRET_KEY=own\n", encoding="utf-8")
    (folder / "items" / "own.py").write_text("own = 1\n", encoding="utf-8")
    answers = {"interface": "WSGI", "login": "email"}
    project = rendered.make(no_input=True, output_dir=tmp_path, overwrite_if_exists=True, extra_context=answers)
    assert listing(project) == listing(rendered(**answers)) | {".env", "items/own.py"}
    assert (folder / ".env").read_text(encoding="utf-8") == "SECRET_KEY=own\n"


def test_generating_again_keeps_a_file_of_the_users_where_the_template_has_one_for_another_answer(rendered, tmp_path):
    answers = {"interface": "ASGI"}
    project = rendered.make(no_input=True, output_dir=tmp_path, extra_context=answers)
    own = project.path / "gunicorn.conf.py"
    own.write_text("own = 1\n", encoding="utf-8")
    rendered.make(no_input=True, output_dir=tmp_path, overwrite_if_exists=True, extra_context=answers)
    assert own.read_text(encoding="utf-8") == "own = 1\n"
    assert listing(project) == listing(rendered(**answers)) | {"gunicorn.conf.py"}


def test_rendering_leaves_nothing_in_the_temporary_folder(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    # So that a set-up which is not skipped ends soon.
    index = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple"}
    done = cookiecutter(tmp_path / "made", {}, env={"SKIP_SETUP": "1", "TMPDIR": str(folder), **index})
    assert (done.returncode, done.stdout) == (0, "")
    assert list(folder.iterdir()) == []


def test_rendering_leaves_nothing_in_the_template(tmp_path):
    template = copy_template(tmp_path / "template")
    before = sorted(template.rglob("*"))
    done = cookiecutter(tmp_path / "made", {}, env={"SKIP_SETUP": "1"}, template=template)
    assert (done.returncode, done.stdout) == (0, "")
    assert sorted(template.rglob("*")) == before
