"""Failures during the set-up: the project stays, and the printed commands finish it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support.hooks import (
    Terminal,
    command_line,
    descendants,
    finish,
    path_of_programs,
    path_of_tools,
    remaining_commands,
)
from tests.support.machine import PYTHON_VERSIONS, RUNNING_PYTHON, clean_environment, python_of
from tests.support.packages import OFFLINE, lock, locked, pins
from tests.support.project import cookiecutter, cookiecutter_command, generate
from tests.support.user import virtualenv

WSGI = {"interface": "WSGI"}


def namespace(*options):
    """Return the words before a command that run it in its own namespaces; skip the test if that is not allowed."""
    command = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), *options]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    pytest.skip(f"`{' '.join(command)}` does not work on this machine")


@pytest.fixture
def path(tmp_path):
    """A PATH with Pipenv on it."""
    return path_of_tools(tmp_path / "bin", "pipenv")


@pytest.fixture
def path_with_uv(tmp_path):
    """A PATH with Pipenv and uv on it."""
    return path_of_tools(tmp_path / "bin", "pipenv", "uv")


def assert_whole(folder, plain):
    """Check that no file that Cookiecutter wrote is missing or changed; only the Pipfile may have a source added."""
    for file in plain.path.rglob("*"):
        if file.is_file():
            assert (folder / file.relative_to(plain.path)).read_bytes().endswith(file.read_bytes()), file
    left = {path.name for path in folder.iterdir()} - {path.name for path in plain.path.iterdir()}
    assert left <= {".env", ".venv", "Pipfile.lock", "db.sqlite3", "setup.log"}


def assert_finished(project):
    project.run("migrate", "--check")
    assert "No changes detected" in project.run("makemigrations", "--check").stdout
    project.call("pipenv", "verify")
    assert (project.path / "schema.yml").read_text() == project.run("spectacular").stdout
    with project.serve() as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


def fails(tmp_path, rendered, path, sentence, wrapper=(), **environment):
    """Generate a project whose installation fails with this sentence; return the project."""
    project = generate(tmp_path / "made", WSGI, {"PATH": path, **environment}, wrapper)
    assert f"\n{sentence} All output is in {project.path}/setup.log.\n\nNot finished:\n" in project.output
    assert "Ready:" not in project.output
    log = (project.path / "setup.log").read_text().splitlines()
    assert "".join(f"  | {line}\n" for line in log[-20:]) in project.output
    assert_whole(project.path, rendered(**WSGI))
    return project


@pytest.mark.matrix
def test_with_a_dead_index(tmp_path, rendered, path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        index = {**OFFLINE, "PIP_INDEX_URL": f"http://127.0.0.1:{taken.getsockname()[1]}/simple"}
        project = fails(tmp_path, rendered, path, "The package index does not answer.", **index)
    assert_tested_versions(project)
    folder, install, *_, check, init, add, commit = remaining_commands(project.output).splitlines()
    assert folder == f"  cd {project.path}"
    assert install.startswith("  PIPENV_VENV_IN_PROJECT=1 pipenv install --dev --python ")
    assert check == "  .venv/bin/python manage.py check"
    assert [init, add, commit] == ["  git init", "  git add --all", "  git commit --message 'First commit'"]


@pytest.mark.matrix
def test_without_a_network(tmp_path, rendered, path_with_uv):
    cache = {"UV_CACHE_DIR": str(tmp_path / "uv"), "PIP_NO_CACHE_DIR": "1", **OFFLINE}
    sentence = "The package index does not answer."
    project = fails(tmp_path, rendered, path_with_uv, sentence, namespace("--net"), **cache)
    # The tested versions were locked before their download failed.
    assert_tested_versions(project)
    finish(project.output, tmp_path, clean_environment(PATH=path_with_uv))
    assert_finished(project)


@pytest.mark.matrix
def test_with_an_index_that_never_answers(tmp_path, rendered, path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        index = {**OFFLINE, "PIP_INDEX_URL": address, "PIP_DEFAULT_TIMEOUT": "1"}
        fails(tmp_path, rendered, path, "The package index does not answer.", **index)


def assert_tested_versions(project):
    shipped = pins(lock(project)["_meta"]["requires"]["python_version"])
    for name, package in locked(project).items():
        assert package["version"] == str(shipped[name].specifier)


@pytest.mark.matrix
def test_without_pipenv_and_with_a_dead_index(tmp_path, rendered):
    programs = virtualenv(tmp_path / "venv", sys.executable, "cookiecutter")
    _, *command = cookiecutter_command(tmp_path / "made", WSGI, "--no-input")
    environment = clean_environment()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        index = {**OFFLINE, "PIP_INDEX_URL": f"http://127.0.0.1:{taken.getsockname()[1]}/simple"}
        done = subprocess.run(
            [programs / "python", *command], env={**environment, **index}, capture_output=True, text=True
        )
    sentence = "There is no Pipenv for this Python here, and none could be installed."
    assert f"\n{sentence} All output is in {tmp_path}/made/my_project/setup.log.\n\nNot finished:\n" in done.stdout
    assert_whole(tmp_path / "made" / "my_project", rendered(**WSGI))
    project = finish(done.stdout, tmp_path, environment)
    assert not (project.path / ".venv-of-pipenv").exists()
    assert_finished(project)


FULL_DISK = """
mount -t tmpfs -o size={size} tmpfs "$1"
cd "$1"
shift
"$@" > ../output
mount -o remount,size=1g .
sed -n '/^Not finished:/,$ s/^  //p' ../output > ../commands
bash -eux ../commands
cd my_project
cat Pipfile > ../../Pipfile
.venv/bin/python manage.py migrate --check
"""


@pytest.mark.matrix
@pytest.mark.parametrize("size", ["2100k", "40m"])
def test_on_a_full_disk(tmp_path, rendered, path_with_uv, size):
    folder = tmp_path / "made"
    command = cookiecutter_command(folder, WSGI, "--no-input")
    script = ["bash", "-euc", FULL_DISK.format(size=size), "bash", folder]
    done = subprocess.run(
        [*namespace("--mount"), *script, *command],
        env=clean_environment(PATH=path_with_uv),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = (tmp_path / "output").read_text()
    assert "\nThe disk is full. All output is in my_project/setup.log.\n\nNot finished:\n" in output
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "Pipfile").read_text().endswith((rendered(**WSGI).path / "Pipfile").read_text())


FULL_AT_ONCE = 'mount -t tmpfs -o size=2000k tmpfs "$1"; cd "$1"; shift; "$@" || { ls; exit 1; }'


def test_on_a_full_disk_no_project_is_created(tmp_path):
    folder = tmp_path / "made"
    command = cookiecutter_command(folder, WSGI, "--no-input")
    script = ["bash", "-euc", FULL_AT_ONCE, "bash", folder]
    done = subprocess.run([*namespace("--mount"), *script, *command], capture_output=True, text=True)
    assert done.returncode == 1
    sentence = f"The disk of the folder {folder} is full: make room, or choose another one with --output-dir.\n"
    assert (done.stdout, done.stderr) == ("", sentence)


def test_on_a_file_system_that_reports_no_size(tmp_path, rendered):
    folder = tmp_path / "made"
    command = cookiecutter_command(folder, WSGI, "--no-input")
    script = ["bash", "-euc", 'mount -t ramfs ramfs "$1"; "${@:2}"; cp -a "$1/my_project" "$1/.."', "bash", folder]
    subprocess.run([*namespace("--mount"), *script, *command], env=clean_environment(SKIP_SETUP=1), check=True)
    assert_whole(tmp_path / "my_project", rendered(**WSGI))


def test_in_a_read_only_folder_no_project_is_created(tmp_path):
    folder = tmp_path / "made"
    command = cookiecutter_command(folder, WSGI, "--no-input")
    script = ["bash", "-euc", 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; shift; "$@"', "bash", folder]
    done = subprocess.run([*namespace("--mount"), *script, *command], capture_output=True, text=True)
    assert done.returncode == 1
    sentence = f"Nothing can be written to the folder {folder}: choose another one with --output-dir.\n"
    assert (done.stdout, done.stderr) == ("", sentence)
    assert list(folder.iterdir()) == []


@pytest.mark.matrix
def test_neither_git_nor_a_compiler_is_needed(tmp_path):
    python = Path(python_of(RUNNING_PYTHON))
    path = path_of_programs(tmp_path / "bin", str(python), "sh", "env")
    for tool in "pipenv", "uv":
        (tmp_path / "bin" / tool).symlink_to(Path(sys.executable).parent / tool)
    project = generate(tmp_path / "made", WSGI, {"PATH": path})
    assert f"\nReady: cd {project.path} && pipenv run dev\n" in project.output
    assert_finished(project)


@pytest.mark.matrix
def test_without_the_chosen_python(tmp_path, rendered):
    others = [version for version in PYTHON_VERSIONS[1:] if version != RUNNING_PYTHON and python_of(version)]
    if not others:
        pytest.skip("there is one Python on this machine")
    path = path_of_tools(tmp_path / "bin", "pipenv")
    hidden = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path)}
    answers = {**WSGI, "python_version": others[-1]}
    done = cookiecutter(tmp_path / "made", answers, hidden)
    sentence = f"There is no Python {others[-1]} on this machine: install it."
    assert f"\n{sentence} All output is in {tmp_path}/made/my_project/setup.log.\n\nNot finished:\n" in done.stdout
    assert_whole(tmp_path / "made" / "my_project", rendered(**answers))

    installed = f"{Path(python_of(others[-1])).parent}{os.pathsep}{path}"
    assert_finished(finish(done.stdout, tmp_path, clean_environment(PATH=installed)))


def interrupted(tmp_path, rendered, environment, moment):
    """Press Ctrl-C when the log of the set-up has this text; return what the terminal shows."""
    terminal = Terminal(tmp_path, WSGI, environment, "--no-input")
    terminal.wait_until(lambda: terminal.log_has(moment))
    terminal.press_ctrl_c()
    code, output = terminal.end()
    assert code == 1
    assert "\nAborted!\n" in output
    assert "\nIt was interrupted. All output is in my_project/setup.log.\n\nNot finished:\n" in output
    assert "Traceback" not in output
    assert not (tmp_path / "my_project" / ".venv" / "incomplete").exists()
    assert_whole(tmp_path / "my_project", rendered(**WSGI))
    return output


@pytest.mark.parametrize("moment", ["uv pip install", pytest.param("my_project.settings", marks=pytest.mark.matrix)])
def test_when_it_is_interrupted(tmp_path, rendered, path_with_uv, moment):
    interrupted(tmp_path, rendered, clean_environment(PATH=path_with_uv), moment)


@pytest.mark.matrix
def test_when_it_is_interrupted_the_commands_finish_it(tmp_path, rendered, path_with_uv):
    environment = clean_environment(PATH=path_with_uv)
    output = interrupted(tmp_path, rendered, environment, "pipenv install --dev")
    assert_finished(finish(output, tmp_path, environment))


@pytest.mark.matrix
def test_when_a_program_is_killed(tmp_path, rendered, path_with_uv):
    terminal = Terminal(tmp_path, WSGI, clean_environment(PATH=path_with_uv), "--no-input")

    def running():
        return [pid for pid in descendants(terminal.pid) if "my_project.settings" in command_line(pid)]

    for pid in terminal.wait_until(running):
        os.kill(pid, signal.SIGKILL)
    code, output = terminal.end()
    assert code == 0
    assert "\n`manage.py makemigrations` failed. All output is in " in output
    assert "\nNot finished:\n" in output
    assert_whole(tmp_path / "my_project", rendered(**WSGI))


@pytest.mark.matrix
def test_a_pipenv_that_does_not_work_is_skipped(tmp_path):
    folder = tmp_path / "bin"
    path = path_of_tools(folder, "uv")
    (folder / "pipenv").write_text("#!/bin/sh\nexit 1\n")
    (folder / "pipenv").chmod(0o755)
    project = generate(tmp_path / "made", WSGI, {"PATH": path})
    assert f"\nReady: cd {project.path} && .venv/bin/python manage.py runserver\n" in project.output
    assert_finished(project)


HALF_A_PACKAGE = """\
#!/bin/sh
folder=.venv/lib/python{python}/site-packages/django-{django}.dist-info
mkdir $folder
printf 'Metadata-Version: 2.1\\nName: Django\\nVersion: {django}\\n' > $folder/METADATA
exit 1
"""


@pytest.mark.matrix
def test_an_unfinished_installation_of_uv_is_repeated(tmp_path):
    path = path_of_tools(tmp_path / "bin", "pipenv")
    uv = tmp_path / "bin" / "uv"
    (django,) = pins(RUNNING_PYTHON)["django"].specifier
    uv.write_text(HALF_A_PACKAGE.format(python=RUNNING_PYTHON, django=django.version))
    uv.chmod(0o755)
    project = generate(tmp_path / "made", WSGI, {"PATH": path})
    assert " packages, as tested\n" in project.output
    assert f"\nReady: cd {project.path} && pipenv run dev\n" in project.output
    assert_finished(project)
