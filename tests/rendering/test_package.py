"""The modules of template_code, tested directly: nothing is generated or installed."""

import json
import os
import subprocess
import sys

import pytest

from template_code import files, pipfile, processes, screen, versions
from template_code.processes import Killed, Manager, Runner, StepFailed
from template_code.questions import ROOT
from template_code.screen import Progress
from template_code.state import State

PACKAGES = {
    "django": {"version": "==5.2", "hashes": ["sha256:a", "sha256:b"], "via": []},
    "asgiref": {"version": "==3.9", "hashes": ["sha256:c"], "via": ["django"]},
    "tzdata": {"version": "==1", "hashes": ["sha256:d"], "via": ["django"], "markers": "sys_platform == 'win32'"},
    "colorama": {"version": "==2", "hashes": ["sha256:e"], "via": ["other"]},
    "typing": {"version": "==4", "hashes": ["sha256:f"], "via": ["asgiref"]},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def runner(folder):
    (folder / "log").touch()
    return Runner(os.environ, folder / "log")


@pytest.fixture
def state(rendered, monkeypatch):
    project = rendered()
    monkeypatch.chdir(project.path)
    return State(project.answers)


def test_a_package_brings_what_it_needs():
    assert list(versions.with_dependencies(["django"], PACKAGES)) == ["asgiref", "django", "typing", "tzdata"]


def test_requirements_have_hashes_and_markers():
    assert versions.requirements({name: PACKAGES[name] for name in ("django", "tzdata")}) == (
        "django==5.2 --hash=sha256:a --hash=sha256:b\ntzdata==1 ; sys_platform == 'win32' --hash=sha256:d\n"
    )


@pytest.mark.parametrize("version", json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_django"])
def test_each_known_version_has_hashes_and_packages_that_need_it(version):
    packages = versions.known_versions(version)
    assert {"django", "pipenv", "psycopg2-binary"} <= packages.keys()
    assert all(package["hashes"] for package in packages.values())
    assert {name for package in packages.values() for name in package["via"]} <= packages.keys()


def test_a_file_is_written_whole_or_not_at_all(folder):
    path = folder / "file"
    files.write(path, "old\n", mode=0o600)
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "new\n\udcff")
    assert path.read_text(encoding="utf-8") == "old\n"
    assert list(folder.iterdir()) == [path]


def test_the_log_has_the_command_and_what_it_prints(runner):
    runner.run(sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)")
    assert runner.output(sys.executable, "-c", "print('returned')") == "returned\n"
    log = runner.log.read_text(encoding="utf-8")
    assert log.startswith(f"\n$ {sys.executable} -c ")
    assert "out\n" in log
    assert "err\n" in log
    assert "\nreturned\n" not in log


def test_a_failure_names_the_program(runner):
    with pytest.raises(StepFailed, match=r"^`.*python.* -c 'raise SystemExit\(3\)'` failed\.$"):
        runner.run(sys.executable, "-c", "raise SystemExit(3)")
    with pytest.raises(StepFailed, match=r"^no-such-program cannot be started: "):
        runner.run("no-such-program")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals that end a program")
def test_a_signal_is_told_from_a_failure(runner):
    with pytest.raises(Killed, match=r"was killed by signal 9\.$"):
        runner.run(sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")


def test_an_interrupt_ends_what_runs(runner):
    process = runner.start(sys.executable, "-c", "input()", stdin=subprocess.PIPE)
    assert process.poll() is None
    process.stdin.close()
    processes.kill(process)
    assert process.wait(30) != 0


def test_a_manager_that_ends_early_is_a_failure(runner):
    manager = Manager(runner, sys.executable, "no_settings")
    with pytest.raises(StepFailed, match=r"^`manage.py check` failed\.$"):
        manager.run("check")
    manager.close()
    assert "Error" in runner.log.read_text(encoding="utf-8")


def test_programs_see_nothing_of_another_project(state, monkeypatch):
    for name in "DATABASE_URL", "SECRET_KEY_FILE", "PYTHONPATH", "VIRTUAL_ENV", "PIPENV_PYTHON":
        monkeypatch.setenv(name, "other")
    monkeypatch.setenv("PIPENV_TIMEOUT", "7")
    environment = State(state.answers).runner.environment
    assert "other" not in environment.values()
    assert environment["PIPENV_TIMEOUT"] == "7"


def test_the_running_python_is_found(state):
    state.python_version = "{}.{}".format(*sys.version_info)
    assert state.python == sys.executable


def test_a_python_that_is_absent_is_told(state, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", os.devnull)
    state.python_version = "2.6"
    with pytest.raises(StepFailed, match=r"^There is no Python 2\.6 on this machine: install it\.$"):
        _ = state.python


def test_the_lock_is_that_of_the_pipfile(state):
    tables = {
        "source": [{"name": "pypi"}],
        "packages": {"django": "*", "uvicorn": {"extras": ["standard"], "version": "*"}},
        "dev-packages": {"ruff": "*"},
        "telemetry": {"opentelemetry-sdk": "*"},
        "requires": {"python_version": state.python_version},
    }
    lock = json.loads(pipfile.tested_lock(state, tables))
    assert lock["_meta"]["hash"] == pipfile.digest(tables)
    assert {"asgiref", "django", "sqlparse", "uvicorn"} <= lock["default"].keys()
    assert lock["default"]["uvicorn"]["extras"] == ["standard"]
    assert "index" not in lock["default"]["asgiref"]
    assert "ruff" in lock["develop"]
    assert {"opentelemetry-api", "opentelemetry-sdk"} <= lock["telemetry"].keys()
    tables["packages"]["no-such-package"] = "*"
    assert pipfile.tested_lock(state, tables) is None


def test_a_path_is_short_where_the_user_is(folder, monkeypatch):
    project = folder / "my project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("PWD", str(folder))
    assert screen.as_typed("setup.log").strip("'") == os.path.join("my project", "setup.log")
    monkeypatch.setenv("PWD", str(folder.parent))
    assert screen.as_typed("setup.log").strip("'") == str(project / "setup.log")


def test_a_step_is_one_line_with_its_seconds_and_result(capsys, folder):
    with Progress("packages", folder / "setup.log") as progress:
        progress.result = "kept"
    with pytest.raises(StepFailed), Progress("check", folder / "setup.log"):
        raise StepFailed("It failed.")
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["packages", "0.0", "s", "kept"],
        ["check", "0.0", "s", "failed"],
    ]
