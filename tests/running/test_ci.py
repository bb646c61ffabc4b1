"""Lint and run the project's CI, pre-commit hooks, .editorconfig and AGENTS.md."""

import json
import re
import subprocess
import sys

import editorconfig
import pytest
import yaml

from template_code.questions import QUESTIONS
from tests.support.changes import commit, edit, git
from tests.support.machine import clean_environment, python_of
from tests.support.rendering import CHOSEN, listing, name_of
from tests.support.user import PROGRAMS, User, checked, tracked

if sys.version_info >= (3, 11):
    import tomllib
else:
    # pytest depends on it.
    import tomli as tomllib

GITHUB = ".github/workflows/ci.yml"
SCRIPTS = ["lint", "migrations", "coverage"]

# A change of a project, and the job that fails because of it.
FAULTS = {
    "a call that lacks its type": ("items/models.py", " -> str:", ":", "lint"),
    "a line that is not formatted": ("items/views.py", 'ordering = "-', 'ordering  = "-', "lint"),
    "a tag that is not closed": ("items/templates/items/item_form.html", "</form>", "", "lint"),
    "a migration that is missing": (
        "items/models.py",
        '        ordering = ["-created_at", "-pk"]\n',
        '        ordering = ["-created_at", "-pk"]\n        verbose_name_plural = "things"\n',
        "migrations",
    ),
    "a test that fails": ("items/tests/test_pages.py", "“%(name)s” was created.", "“%(name)s” was lost.", "coverage"),
    "a test that is missing": ("items/tests/test_api.py", "def test_create(", "def not_tested(", "coverage"),
}


def lint(*command, cwd=None):
    """Run a linter of the tests' environment; return its output, or None if it finds nothing."""
    words = [PROGRAMS / command[0], *command[1:]]
    done = subprocess.run(words, cwd=cwd, env=clean_environment(), capture_output=True, text=True)
    return f"{done.stdout}{done.stderr}" if done.returncode else None


def lint_schema(kind, path):
    return lint("check-jsonschema", "--builtin-schema", f"vendor.{kind}", path)


def scripts(project):
    return tomllib.loads((project.path / "Pipfile").read_text())["scripts"]


def github_job(project):
    return yaml.safe_load((project.path / GITHUB).read_text())["jobs"]["ci"]


def github_commands(project, script):
    """Return the commands of the job that runs this script, as shell words."""
    commands = []
    for step in github_job(project)["steps"]:
        if "run" in step:
            assert step.get("env", {}) in ({}, {"SCRIPT": "${{ matrix.script }}"})
            commands.append(step["run"].replace('"$SCRIPT"', script))
    return commands


def test_the_linters_accept_githubs_files(rendered):
    project = rendered(ci="GitHub")
    workflows = sorted((project.path / GITHUB).parent.iterdir())
    assert [lint_schema("github-workflows", path) for path in workflows] == [None, None]
    assert lint_schema("dependabot", project.path / ".github" / "dependabot.yml") is None
    assert lint("zizmor", "--offline", "--persona", "regular", ".github", cwd=project.path) is None
    uses = [use for path in workflows for use in re.findall("uses: ([^ ]+)", path.read_text())]
    assert uses
    assert [action for action in uses if not re.fullmatch("[a-z-]+/[a-z-]+@[0-9a-f]{40}", action)] == []


def test_the_linters_accept_gitlabs_files(rendered):
    project = rendered(ci="GitLab")
    assert lint_schema("gitlab-ci", project.path / ".gitlab-ci.yml") is None
    assert lint_schema("renovate", project.path / "renovate.json") is None


def test_the_linters_report_faults(rendered, bake):
    project = bake(ci="GitHub")
    workflow = project.path / GITHUB
    text = workflow.read_text()
    workflow.write_text(re.sub("(checkout)@[0-9a-f]{40}", r"\1@v6", text))
    assert "unpinned-uses" in lint("zizmor", "--offline", "--persona", "regular", ".github", cwd=project.path)
    workflow.write_text(text.replace("runs-on:", "run-on:"))
    assert "runs-on" in lint_schema("github-workflows", workflow)
    wrong = project.path / "renovate.json"
    wrong.write_text(json.dumps({"extends": 1}))
    assert lint_schema("renovate", wrong)
    wrong.write_text("ci: {scripts: [a]}\n")
    assert lint_schema("gitlab-ci", wrong)


@pytest.mark.parametrize("interface", QUESTIONS["interface"])
def test_pipenv_run_ci_runs_what_the_jobs_run(rendered, interface):
    project = rendered(interface=interface)
    assert github_job(project)["strategy"]["matrix"] == {"script": SCRIPTS}
    commands = [re.sub("^sh -c '(.*)'$", r"\1", scripts(project)[name]) for name in [*SCRIPTS, "ci"]]
    assert " && ".join(commands[:-1]) == commands[-1]


def test_gitlab_runs_what_github_runs(rendered):
    github, gitlab = rendered(ci="GitHub"), rendered(ci="GitLab")
    job = yaml.safe_load((gitlab.path / ".gitlab-ci.yml").read_text())
    assert job["image"] == f"python:{gitlab.answers['python_version']}"
    assert job["ci"]["parallel"]["matrix"] == [{"SCRIPT": SCRIPTS}]
    assert job["ci"]["services"] == [github_job(github)["services"]["postgres"]["image"]]
    commands = [*job["ci"]["before_script"], *job["ci"]["script"]]
    assert [command.replace("$SCRIPT", "lint") for command in commands] == github_commands(github, "lint")


@pytest.mark.parametrize("answers", CHOSEN, ids=name_of)
def test_each_file_obeys_editorconfig(rendered, answers):
    project = rendered(**answers)
    for name in listing(project):
        path = project.path / name
        # These are binary.
        if path.suffix == ".mo":
            continue
        rules = editorconfig.get_properties(str(path))
        lines = path.read_bytes().decode(rules["charset"]).split("\n")
        assert (rules["end_of_line"], rules["indent_style"]) == ("lf", "space")
        assert [line for line in lines if line != line.rstrip() or line.startswith("\t")] == [], name
        assert lines[-1] == "", name
        indented = [len(line) - len(line.lstrip()) for line in lines if line.startswith(" ")]
        assert not indented or min(indented) % int(rules["indent_size"]) == 0, name


class Runner(User):
    """The machine of a CI job: a clone of a project in `work`/clone, a Python with only pip, and PostgreSQL."""

    def __init__(self, folder, project, database):
        super().__init__(folder)
        self.project = project
        self.database = database
        python = python_of(project.answers["python_version"])
        subprocess.run([python, "-m", "venv", self.folder / "python"], check=True, env=clean_environment())
        git(self.work, "clone", "--quiet", project.path, "clone")

    def environment(self, **extra):
        environment = super().environment(DATABASE_URL=self.database, **extra)
        return {**environment, "PATH": f"{self.folder / 'python' / 'bin'}:{environment['PATH']}"}

    def call(self, command):
        return subprocess.run(self.words(command, self.work / "clone"), capture_output=True, text=True)


@pytest.fixture(scope="module")
def runner(installed, postgres, tmp_path_factory):
    """A job that has done all its steps except the last one."""
    folder = tmp_path_factory.mktemp("runner")
    (folder / "runner").mkdir()
    project = installed("ASGI").copy(folder)
    commit(project.path)
    runner = Runner(folder / "runner", project, postgres.database())
    for command in github_commands(project, "")[:-1]:
        done = runner.call(command)
        checked(command, done.returncode, (done.stdout + done.stderr).encode())
    return runner


@pytest.mark.matrix
@pytest.mark.parametrize("script", SCRIPTS)
def test_each_job_is_green_on_a_fresh_clone(runner, script):
    command = github_commands(runner.project, script)[-1]
    done = runner.call(command)
    checked(command, done.returncode, (done.stdout + done.stderr).encode())
    if script == "coverage":
        assert "TOTAL" in done.stdout
        assert "\nOK\n" in done.stderr
    git(runner.work / "clone", "diff", "--exit-code")


@pytest.mark.matrix
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_makes_its_job_fail(installed, tmp_path, fault):
    name, old, new, script = FAULTS[fault]
    project = installed("ASGI").copy(tmp_path)
    edit(project, name, old, new)
    assert project.call("pipenv", "run", script, check=False).returncode != 0


@pytest.fixture
def user(tmp_path):
    (tmp_path / "user").mkdir()
    return User(tmp_path / "user", "pipenv", "pre-commit")


ENVIRONMENT = {"PIPENV_VENV_IN_PROJECT": "1"}


@pytest.mark.matrix
def test_the_commands_of_agents_md_work(user, installed):
    project = installed("ASGI").copy(user.work)
    blocks = re.findall("^```sh\n(.*?)^```$", (project.path / "AGENTS.md").read_text(), re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) > 10
    # What takes longest runs once, with the apps that other commands add.
    commands.remove("pipenv run test")
    commands.remove("pipenv run ci")
    for command in [*commands, "pipenv run ci"]:
        user.run(command, project.path, ENVIRONMENT)


def test_the_test_that_agents_md_names_exists(rendered):
    project = rendered()
    (label,) = re.findall(r"^pipenv run test (\S+)$", (project.path / "AGENTS.md").read_text(), re.MULTILINE)
    *module, case, function = label.split(".")
    source = project.path.joinpath(*module).with_suffix(".py").read_text()
    assert f"    def {function}(self)" in source.partition(f"\nclass {case}(")[2].partition("\nclass ")[0]


def test_git_ignores_secrets_and_generated_files(bake):
    project = bake()
    before = tracked(project)
    names = [".coverage", ".env", ".ruff_cache/x", ".venv/x", "db.sqlite3", "db.sqlite3-wal", "items/__pycache__/x"]
    for name in [*names, "media/x", "setup.log", "staticfiles/x"]:
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text("")
    assert tracked(project) == before


@pytest.mark.matrix
def test_pre_commit_passes_in_a_fresh_project_and_reports_faults(user, installed):
    project = installed("WSGI").copy(user.work)
    commit(project.path)
    script = "pre-commit run --all-files --color never"
    hook = re.compile(r"^(.+?)\.{3,}(Passed|Failed)$", re.MULTILINE)
    hooks = ("ruff check", "ruff format", "djlint", "mypy")
    assert hook.findall(user.run(script, project.path, ENVIRONMENT)) == [(name, "Passed") for name in hooks]
    for name, old, new, script_name in FAULTS.values():
        if script_name == "lint":
            edit(project, name, old, new)
    done = subprocess.run(user.words(script, project.path, ENVIRONMENT), capture_output=True, text=True)
    assert done.returncode == 1
    assert hook.findall(done.stdout) == [("ruff check", "Passed"), *((name, "Failed") for name in hooks[1:])]
