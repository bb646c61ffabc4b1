"""The steps of the set-up, with stubs for Pipenv, uv and Python, which are fast and can fail on purpose."""

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from tests.support.changes import git
from tests.support.hooks import Terminal, descendants, remaining_commands
from tests.support.machine import clean_environment
from tests.support.project import Project, cookiecutter_command

ANSWERS = {"interface": "WSGI"}
READY = "\nReady: "
PIPENV = """\
#!/bin/sh
case $1 in
--version) echo 'pipenv, version 2026.1.1' ;;
--python) /bin/mkdir -p .venv/bin && /bin/cp {python} .venv/bin/python ;;
install) {install} ;;
esac
"""
# Writes its process id to `started`. Prints that each command of manage.py is done, and runs none.
PYTHON = """\
#!/bin/sh
echo $$ >> {started}
while read -r command; do
    case $command in spectacular*) {describe} ;; esac
    echo "$command is done" >&2
    echo
done
"""

EMPTY_LOCK = '{"default": {}, "develop": {}}'
# Fails after ten seconds.
WAIT_FOR_DJANGO = "n=0; until [ -e STARTED ] || [ $n = 1000 ]; do n=$((n + 1)); /bin/sleep 0.01; done; [ -e STARTED ]"


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Fakes:
    """Stubs of Pipenv, uv and Python; `install`, `uv` and `describe` are the shell commands that they run."""

    def __init__(self, folder, install="true", uv=None, describe=": > schema.yml.new"):
        self.folder = folder
        self.bin = folder / "bin"
        self.started = folder / "started"
        python = program(folder / "python", PYTHON.format(describe=describe, started=self.started))
        install = install.replace("STARTED", str(self.started))
        program(self.bin / "pipenv", PIPENV.format(python=python, install=install))
        if uv:
            program(self.bin / "uv", f"#!/bin/sh\n{uv}\n")
        (folder / "temporary").mkdir()
        # Nothing here depends on the git of this machine.
        self.config = folder / "gitconfig"
        self.config.write_text("[user]\nname = Ada\nemail = ada@example.com\n")
        self.environment = {"PATH": str(self.bin), "TMPDIR": str(folder / "temporary")}
        self.environment |= {"GIT_CONFIG_GLOBAL": str(self.config), "GIT_CONFIG_NOSYSTEM": "1"}

    def generate(self, **environment):
        """Run Cookiecutter, again if the project exists; return the project."""
        command = cookiecutter_command(self.folder / "made", ANSWERS, "--no-input", "--overwrite-if-exists")
        environment = clean_environment(**{**self.environment, **environment})
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return Project(self.folder / "made" / "my_project", ANSWERS, done.stdout)

    def terminal(self, **environment):
        (self.folder / "made").mkdir()
        environment = clean_environment(**{**self.environment, **environment})
        return Terminal(self.folder / "made", ANSWERS, environment, "--no-input")

    def is_left(self):
        """Return the files that the set-up left in the project and in the temporary folder."""
        project = self.folder / "made" / "my_project"
        left = [*project.glob(".venv*/*"), *project.glob("*.new"), *(self.folder / "temporary").iterdir()]
        return [path.name for path in left]

    def add_git(self, config=""):
        """Put git on PATH; `config` is added to the configuration of the user."""
        (self.bin / "git").symlink_to(shutil.which("git"))
        with self.config.open("a") as file:
            file.write(config)


def commands_done(project):
    """Return the commands of manage.py that the set-up ran."""
    return re.findall("^(.*) is done$", (project.path / "setup.log").read_text(), re.MULTILINE)


def test_the_steps_run_in_this_order(tmp_path):
    project = Fakes(tmp_path).generate()
    assert " packages, as tested\n" in project.output
    assert f"{READY}cd {project.path} && pipenv run dev\n" in project.output
    assert " s  left out: git is not installed\n" in project.output
    assert "A git repository for it" not in project.output
    # The migrations of users come first, and no migration has a header with the time.
    *makemigrations, migrate, spectacular, check = commands_done(project)
    assert makemigrations == ["makemigrations --no-header users", "makemigrations --no-header items"]
    assert (migrate, spectacular, check) == ("migrate", "spectacular --file schema.yml.new", "check")


def test_a_second_run_installs_nothing_and_regenerates_the_schema(tmp_path):
    fakes = Fakes(tmp_path, describe="echo $$ > schema.yml.new")
    before = (fakes.generate().path / "schema.yml").read_text()
    project = fakes.generate()
    assert re.search(r"^  packages, with pipenv install .* s  already installed$", project.output, re.MULTILINE)
    assert "pipenv install --dev" not in (project.path / "setup.log").read_text()
    assert (project.path / "schema.yml").read_text() != before


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_a_database_that_env_names_is_left_alone(tmp_path, variable):
    fakes = Fakes(tmp_path)
    with (fakes.generate().path / ".env").open("a") as env:
        env.write(f"\n{variable}=somewhere\n")
    project = fakes.generate()
    assert " s  left alone: .env names another one\n" in project.output
    assert "migrate" not in commands_done(project)
    assert READY in project.output


def test_uv_installs_if_it_is_found_and_pipenv_checks_the_result(tmp_path):
    fakes = Fakes(tmp_path, uv="exit 0")
    log = (fakes.generate().path / "setup.log").read_text()
    words = rf"\$ {fakes.bin}/uv pip install --no-config --python .venv/bin/python --no-deps --require-hashes -r "
    assert re.search(rf"^{words}.*?^\$ pipenv install --dev$", log, re.MULTILINE | re.DOTALL)


def test_django_starts_while_pipenv_checks_what_uv_has_installed(tmp_path):
    fakes = Fakes(tmp_path, uv="exit 0", install=WAIT_FOR_DJANGO)
    project = fakes.generate()
    assert READY in project.output
    assert len(fakes.started.read_text().split()) == 1


def test_django_starts_again_after_pipenv_has_changed_the_packages(tmp_path):
    install = f"{WAIT_FOR_DJANGO}; [ ! -e Pipfile.lock ] && echo '{EMPTY_LOCK}' > Pipfile.lock"
    project = Fakes(tmp_path, uv="exit 0", install=install).generate()
    assert READY in project.output
    log = (project.path / "setup.log").read_text()
    assert log.rindex("$ .venv/bin/python -c ") > log.rindex("$ pipenv install --dev")


def test_an_unfinished_installation_of_uv_is_removed(tmp_path):
    project = Fakes(tmp_path, install="[ ! -e .venv/half ]", uv=": > .venv/half; exit 1").generate()
    assert " packages, as tested\n" in project.output
    assert READY in project.output


def test_pipenv_resolves_a_version_that_is_not_available(tmp_path):
    install = f"[ ! -e Pipfile.lock ] && echo '{EMPTY_LOCK}' > Pipfile.lock"
    project = Fakes(tmp_path, install=install).generate()
    assert " 0 packages, as Pipenv resolved them, because a tested version is not available here\n" in project.output
    assert READY in project.output


def test_a_killed_pipenv_is_reported_and_the_lock_stays(tmp_path):
    fakes = Fakes(tmp_path, install="[ -e tried ] || { : > tried; kill -9 $$; }")
    project = fakes.generate()
    assert "\n`pipenv install --dev` was killed by signal 9. All output is in " in project.output
    assert "django" in json.loads((project.path / "Pipfile.lock").read_text())["default"]
    assert fakes.is_left() == []


def test_a_program_that_reports_a_full_disk_is_believed(tmp_path):
    install = f"echo '{os.strerror(errno.ENOSPC)}' >&2; exit 1"
    assert "\nThe disk is full. All output is in " in Fakes(tmp_path, install=install).generate().output


def wait_until_it_installs(terminal):
    terminal.wait_until(lambda: terminal.log_has("pipenv install --dev"))


def test_ctrl_c_leaves_the_project_and_nothing_unfinished(tmp_path):
    fakes = Fakes(tmp_path, install="exec /bin/sleep 60")
    terminal = fakes.terminal()
    wait_until_it_installs(terminal)
    terminal.press_ctrl_c()
    code, output = terminal.end()
    assert code == 1
    assert "\nIt was interrupted. All output is in my_project/setup.log.\n\nNot finished:\n" in output
    assert "Traceback" not in output
    assert fakes.is_left() == []


def test_sigterm_leaves_the_project_and_nothing_unfinished(tmp_path):
    fakes = Fakes(tmp_path, install="exec /bin/sleep 60")
    terminal = fakes.terminal()
    wait_until_it_installs(terminal)
    os.kill(descendants(terminal.pid)[0], signal.SIGTERM)
    code, output = terminal.end()
    assert code == 0
    assert "\nIt was interrupted. " in output
    assert fakes.is_left() == []


def test_a_failed_schema_command_leaves_the_old_schema(tmp_path):
    describe = "echo half > schema.yml.new; exit 1"
    project = Fakes(tmp_path, install="echo of before > schema.yml", describe=describe).generate()
    assert "\n`manage.py spectacular` failed. All output is in " in project.output
    assert (project.path / "schema.yml").read_text() == "of before\n"
    assert not (project.path / "schema.yml.new").exists()
    manage = "  .venv/bin/python manage.py"
    commands = remaining_commands(project.output).splitlines()
    assert commands[1:] == [f"{manage} spectacular --file schema.yml", f"{manage} check"]


def test_a_long_step_shows_its_seconds_on_a_terminal(tmp_path):
    terminal = Fakes(tmp_path, install="/bin/sleep 2").terminal()
    assert terminal.end()[0] == 0
    step = r"\r\x1b\[K  packages, with pipenv install +"
    assert len(set(re.findall(step + r"(\d+\.\d) s  \.\.\.", terminal.shown))) > 1
    assert re.search(r"\.\.\." + step + r"\d+\.\d s  \d+ packages, as tested\r\n", terminal.shown)
    assert "\n\x1b[32mReady:\x1b[0m cd my_project && pipenv run dev\r\n" in terminal.shown


def test_without_a_terminal_a_long_step_prints_once_that_it_is_running(tmp_path):
    project = Fakes(tmp_path, install="/bin/sleep 3").generate()
    where = f"so far; its output is in {project.path}/setup.log"
    assert len(re.findall(rf"^  packages, with pipenv install +2\.\d s  {where}$", project.output, re.MULTILINE)) == 1
    assert not re.search("[\r\x1b]", project.output)


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colours_can_be_turned_off(tmp_path, setting):
    terminal = Fakes(tmp_path, install="exit 1").terminal(**setting)
    terminal.end()
    assert "failed\r\n" in terminal.shown
    assert "\nNot finished:\r\n" in terminal.shown
    assert "\x1b[3" not in terminal.shown


def test_a_reader_who_closes_the_output_does_not_end_the_set_up(tmp_path):
    fakes = Fakes(tmp_path)
    command = shlex.join(cookiecutter_command(tmp_path / "made", ANSWERS, "--no-input"))
    environment = clean_environment(**{**fakes.environment, "PATH": f"{fakes.bin}:/usr/bin:/bin"})
    script = f"set -o pipefail; {command} | head -1"
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Setting up my_project:\n")
    assert "\ncheck is done\n" in (tmp_path / "made" / "my_project" / "setup.log").read_text()


def test_a_program_sees_nothing_of_another_project(tmp_path):
    names = ["DATABASE_URL", "DEBUG", "DJANGO_SETTINGS_MODULE", "PIPENV_DEFAULT_PYTHON_VERSION", "PIPENV_PIPFILE"]
    names += ["PIPENV_SKIP_LOCK", "PIP_TARGET", "PIP_USER", "PYTHONPATH", "PYTHONWARNINGS", "REDIS_URL_FILE"]
    names += ["SECRET_KEY", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV"]
    fakes = Fakes(tmp_path, install="/usr/bin/env")
    project = fakes.generate(**dict.fromkeys(names, "of-another-project"), PIPENV_TIMEOUT="900")
    log = (project.path / "setup.log").read_text()
    assert "of-another-project" not in log
    assert f"\nPIPENV_PIPFILE={project.path}/Pipfile\n" in log
    wanted = {"PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_NO_INHERIT": "1", "PIPENV_TIMEOUT": "900"}
    wanted |= {"PIPENV_VENV_IN_PROJECT": "1", "PIP_USER": "0"}
    for name, value in wanted.items():
        assert f"\n{name}={value}\n" in log


def result_of_git(project):
    (result,) = re.findall("^  repository, with git init +\\d+\\.\\d s  (.*)$", project.output, re.MULTILINE)
    return result


def test_the_first_commit_asks_nothing_and_a_second_run_commits_nothing(tmp_path):
    fakes = Fakes(tmp_path)
    hook = program(tmp_path / "hooks" / "prepare-commit-msg", "#!/bin/sh\nexit 1\n")
    fakes.add_git(f"[commit]\ngpgSign = true\n[core]\nhooksPath = {hook.parent}\n[init]\ndefaultBranch = trunk\n")
    program(fakes.bin / "pre-commit", "#!/bin/sh\n[ $1 = install ] && : > .git/installed\n")
    project = fakes.generate(GIT_DIR=tmp_path / "elsewhere")
    assert result_of_git(project) == "first commit on main; pre-commit checks the next ones"
    assert (project.path / ".git" / "installed").exists()
    assert git(project.path, "status", "--porcelain", "--branch") == "## main"
    (project.path / "own.txt").write_text("own\n")
    assert result_of_git(fakes.generate()) == "kept"
    assert git(project.path, "log", "--format=%an: %s") == "Ada: First commit"
    assert "?? own.txt" in git(project.path, "status", "--porcelain")


def test_a_repository_around_the_project_is_left_alone_unless_asked(tmp_path):
    fakes = Fakes(tmp_path)
    fakes.add_git()
    (tmp_path / ".git").mkdir()
    project = fakes.generate()
    assert result_of_git(project) == f"left out: inside the repository {tmp_path}"
    assert "A git repository for it" not in project.output
    assert result_of_git(fakes.generate(SETUP_GIT="0")) == "left out: SETUP_GIT is 0"
    assert not (project.path / ".git").exists()
    assert result_of_git(fakes.generate(SETUP_GIT="1")) == "first commit on main"


def test_a_git_that_refuses_leaves_a_finished_set_up_and_prints_the_commands(tmp_path):
    fakes = Fakes(tmp_path)
    fakes.add_git()
    for reason, config in (
        ("git config has no user.name or user.email", "[user]\nuseConfigOnly = true\n"),
        ("git failed, see setup.log", fakes.config.read_text() + "[commit]\ncleanup = nonsense\n"),
    ):
        fakes.config.write_text(config)
        project = fakes.generate()
        assert result_of_git(project) == f"left out: {reason}"
        commands = "git init && git add --all && git commit --message 'First commit'"
        assert f"{READY}cd {project.path} && pipenv run dev\n" in project.output
        assert f"\nA git repository for it: {commands}\n" in project.output
        assert not (project.path / ".git").exists()
