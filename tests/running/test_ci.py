"""Lint and run the project's CI, pre-commit hooks, .editorconfig and AGENTS.md."""

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time

import editorconfig
import pytest
import yaml

from tests.support.changes import commit, contents, edit, git
from tests.support.machine import clean_environment, python_of
from tests.support.rendering import CHOSEN, listing, name_of
from tests.support.user import PROGRAMS, User, checked, tracked

GITHUB = ".github/workflows/ci.yml"
CHECKS = ["code", "format", "templates", "types", "migrations", "safe-migrations", "deploy", "api", "tests"]
LINE = re.compile(r"^([a-z-]+) +[0-9.]+ s  (.*)$", re.MULTILINE)
# Django prints a line before it.
PRINT_REFERENCE = """
from django.core.management import get_commands, load_command_class
parser = load_command_class(get_commands()["startapp"], "startapp").create_parser("manage.py", "startapp")
print("REFERENCE", parser.epilog or "", sep="\\n", end="")
"""

# A change of a project, and the check that fails because of it.
FAULTS = {
    "a value of another type": ("items/models.py", "return self.name", "return 1", "types"),
    "a text that is run as code": (
        "items/apps.py",
        '    name = "items"\n',
        '    name = "items"\n\n    def run(self, text):\n        return eval(text)\n\n',
        "code",
    ),
    "a line that is not formatted": ("items/views.py", 'ordering = "-', 'ordering  = "-', "format"),
    "a tag that is not closed": ("items/templates/items/item_form.html", "</form>", "", "templates"),
    "a migration that is missing": (
        "items/models.py",
        '        ordering = ["-created_at", "-pk"]\n',
        '        ordering = ["-created_at", "-pk"]\n        verbose_name_plural = "things"\n',
        "migrations",
    ),
    "a test that fails": ("items/tests/test_pages.py", "“%(object)s” was created.", "“%(object)s” was lost.", "tests"),
    "a cookie that is sent without HTTPS": (
        "my_project/settings.py",
        "    SESSION_COOKIE_SECURE = True",
        "    SESSION_COOKIE_SECURE = False",
        "deploy",
    ),
}
FAILED = {check for *_, check in FAULTS.values()}


def lint(*command, cwd=None):
    """Run a linter of the tests' environment; return its output, or None if it finds nothing."""
    words = [PROGRAMS / command[0], *command[1:]]
    done = subprocess.run(words, cwd=cwd, env=clean_environment(), capture_output=True, text=True)
    return f"{done.stdout}{done.stderr}" if done.returncode else None


def lint_schema(kind, path):
    return lint("check-jsonschema", "--builtin-schema", f"vendor.{kind}", path)


def github_job(project):
    return yaml.safe_load((project.path / GITHUB).read_text())["jobs"]["ci"]


def github_commands(project):
    return [step["run"] for step in github_job(project)["steps"] if "run" in step]


def results(output):
    """Return name -> `ok`, or what to do, from the last lines that `pipenv run ci` prints."""
    return dict(LINE.findall(output))


def test_the_linters_accept_githubs_files(rendered):
    project = rendered(ci="GitHub")
    workflows = sorted((project.path / GITHUB).parent.iterdir())
    assert [lint_schema("github-workflows", path) for path in workflows] == [None] * 3
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


def test_the_page_about_the_checks_lists_each_of_them(rendered):
    page = (rendered().path / "docs" / "checks.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert re.findall("`([a-z-]+)`", " ".join(rows)) == CHECKS


def test_gitlab_runs_what_github_runs(rendered):
    github, gitlab = rendered(ci="GitHub"), rendered(ci="GitLab")
    job = yaml.safe_load((gitlab.path / ".gitlab-ci.yml").read_text())
    assert job["image"] == f"python:{gitlab.answers['python_version']}"
    assert job["ci"]["services"] == [github_job(github)["services"]["postgres"]["image"]]
    commands = [*job["ci"]["before_script"], *job["ci"]["script"]]
    # GitHub's action fetches all branches.
    commands.remove('git fetch --quiet --depth 1 origin "+$CI_DEFAULT_BRANCH:refs/remotes/origin/HEAD"')
    assert commands == github_commands(github)
    assert commands[-1] == "pipenv run ci"


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
    for command in github_commands(project)[:-1]:
        done = runner.call(command)
        checked(command, done.returncode, (done.stdout + done.stderr).encode())
    return runner


@pytest.mark.matrix
def test_the_job_is_green_on_a_fresh_clone(runner):
    command = github_commands(runner.project)[-1]
    done = runner.call(command)
    checked(command, done.returncode, (done.stdout + done.stderr).encode())
    assert results(done.stdout) == dict.fromkeys(CHECKS, "ok")
    assert git(runner.work / "clone", "status", "--porcelain") == ""
    # Where an editor looks for it.
    assert (runner.work / "clone" / ".venv" / "bin" / "python").exists()


class Advisories(http.server.BaseHTTPRequestHandler):
    """Stands in for osv.dev: it knows one vulnerability, of Django."""

    def do_POST(self):
        package = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
        affected = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}
        found = {"id": "PYSEC-1", "modified": "2026-01-01T00:00:00Z", "summary": "A fault", "affected": [affected]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": [found]} if package["name"] == "django" else {}).encode())

    def log_message(self, *args):
        pass


@pytest.mark.matrix
def test_the_weekly_audit_reports_a_vulnerable_package(runner):
    workflow = (runner.project.path / ".github" / "workflows" / "audit.yml").read_text()
    *commands, audit = [step["run"] for step in yaml.safe_load(workflow)["jobs"]["audit"]["steps"] if "run" in step]
    for command in commands:
        done = runner.call(command)
        checked(command, done.returncode, (done.stdout + done.stderr).encode())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        done = runner.call(f"{audit} --vulnerability-service osv --osv-url {url}")
        server.shutdown()
    assert done.returncode == 1, done.stderr
    assert re.findall(r"^(\S+) +\S+ +PYSEC-1", done.stdout, re.MULTILINE) == ["django"]


@pytest.mark.matrix
def test_each_fault_makes_its_check_fail_and_the_other_checks_run(installed, tmp_path):
    project = installed("ASGI").copy(tmp_path)
    for name, old, new, _ in FAULTS.values():
        edit(project, name, old, new)
    done = project.call("pipenv", "run", "ci", check=False)
    assert done.returncode == 1
    assert {name for name, result in results(done.stdout).items() if result.startswith("failed: ")} == FAILED
    assert {name for name, result in results(done.stdout).items() if result == "ok"} == {*CHECKS} - FAILED


def change_column(project, old, new, name):
    edit(project, "items/models.py", old, new)
    project.run("makemigrations", "--noinput", "--name", name)


NAME = '    name = models.CharField(_("name"), max_length=200)\n'
SIZE = '    size = models.IntegerField(_("size"), null=True)\n'


@pytest.mark.matrix
def test_a_migration_that_breaks_the_running_version_fails_until_its_name_is_listed(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    change_column(project, NAME, NAME + SIZE, "add_size")
    assert project.call("pipenv", "run", "ci", "safe-migrations").returncode == 0
    change_column(project, SIZE, "", "drop_size")
    done = project.call("pipenv", "run", "ci", "safe-migrations", check=False)
    assert done.returncode == 1
    assert "DROPPING columns" in done.stdout
    (path,) = project.path.glob("items/migrations/*_drop_size.py")
    with (project.path / "pyproject.toml").open("a") as settings:
        settings.write(f'\n[tool.django_migration_linter]\nignore_name = ["{path.stem}"]\n')
    assert project.call("pipenv", "run", "ci", "safe-migrations").returncode == 0


@pytest.mark.matrix
def test_a_break_of_the_api_fails_until_it_has_a_new_version(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    git(project.path, "init", "--quiet", "--initial-branch", "main")
    commit(project.path)
    git(project.path, "checkout", "--quiet", "-b", "change")
    assert project.call("pipenv", "run", "ci", "api").returncode == 0
    edit(project, "items/serializers.py", '"description", ', "")
    project.run("spectacular", "--file", "schema.yml")
    done = project.call("pipenv", "run", "ci", "api", check=False)
    assert done.returncode == 1
    assert "GET /api/v1/items/{id}/, response, field description is gone." in done.stdout
    edit(project, "my_project/settings.py", '"VERSION": "1"', '"VERSION": "2"')
    project.run("spectacular", "--file", "schema.yml")
    assert project.call("pipenv", "run", "ci", "api").returncode == 0


@pytest.mark.matrix
def test_a_function_may_lack_types_unless_one_asks_for_strict(installed, tmp_path):
    project = installed("ASGI").copy(tmp_path)
    edit(project, "pyproject.toml", "\ncheck_untyped_defs = true", "\nstrict = true")
    project.call("mypy", ".")
    edit(project, "items/models.py", " -> str:", ":")
    assert "no-untyped-def" in project.call("mypy", ".", check=False).stdout
    edit(project, "pyproject.toml", "\nstrict = true", "\ncheck_untyped_defs = true")
    project.call("mypy", ".")


@pytest.mark.matrix
def test_pipenv_run_fix_repairs_and_leaves_a_fresh_project_as_it_is(installed, tmp_path):
    project = installed("ASGI").copy(tmp_path)
    before = contents(project)
    project.call("pipenv", "run", "fix")
    assert contents(project) == before
    edit(project, "items/views.py", 'ordering = "-', 'ordering  = "-')
    (project.path / "schema.yml").unlink()
    project.call("pipenv", "run", "fix")
    assert contents(project) == before


@pytest.mark.matrix
def test_ctrl_c_ends_all_checks(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    group = {"start_new_session": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    # A shell that runs these tests in the background makes them ignore this signal.
    words = ["env", "--default-signal=INT", *project.words(["python", "-m", "ci"])]
    with subprocess.Popen(words, cwd=project.path, env=project.environment(), **group) as process:
        time.sleep(3)
        # A terminal sends it to all of them, and this only to the first.
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    # The last command of the tests writes it.
    assert not (project.path / ".coverage").exists()
    # Processes of the tests end a little after the first one.
    with contextlib.suppress(ProcessLookupError):
        for _ in range(300):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
        pytest.fail("a check still runs")


@pytest.mark.matrix
def test_ctrl_c_before_a_command_starts_ends_it(installed):
    script = "from ci.__main__ import *; run = Run(Check(['sleep 300'], '')); run.stop(); assert not run.finish()"
    installed("WSGI").call("python", "-c", script, timeout=60)


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


def test_agents_md_has_the_reference_of_startapp(installed):
    project = installed("WSGI")
    reference = project.run("shell", "-c", PRINT_REFERENCE).stdout.partition("REFERENCE\n")[2]
    block = f"<!-- startapp -->\n```text\n{reference}```\n<!-- end of startapp -->\n"
    assert block in (project.path / "AGENTS.md").read_text(), f"AGENTS.md needs this block:\n{block}"


def test_git_ignores_secrets_and_generated_files(bake):
    project = bake()
    before = tracked(project)
    names = [
        ".coverage",
        ".coverage.x",
        ".env",
        ".mypy_cache/x",
        ".ruff_cache/x",
        ".venv/x",
        "db.sqlite3",
        "db.sqlite3-wal",
        "items/__pycache__/x",
    ]
    for name in [*names, "backups/x", "media/x", "setup.log", "staticfiles/x"]:
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
    for name, old, new, check in FAULTS.values():
        if check in ("format", "templates", "types"):
            edit(project, name, old, new)
    done = subprocess.run(user.words(script, project.path, ENVIRONMENT), capture_output=True, text=True)
    assert done.returncode == 1
    assert hook.findall(done.stdout) == [("ruff check", "Passed"), *((name, "Failed") for name in hooks[1:])]
