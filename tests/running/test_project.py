"""Check a generated project with its own tools: its tests, Django's checks, ruff, and the Pipenv scripts."""

import json
import re

import pytest

from template_code.questions import QUESTIONS
from tests.support.machine import RUNNING_PYTHON, pythons_of_other_djangos
from tests.support.production import INTERFACES, Deployment
from tests.support.project import COVERAGE
from tests.support.rendering import all_pairs, name_of

SILENT = "System check identified no issues (0 silenced)."
CODE = {"interface": INTERFACES, "login": QUESTIONS["login"], "background_tasks": QUESTIONS["background_tasks"]}
# Each pair of answers that change the code. The matrix tests those with Celery, which take longer.
VARIANTS = [
    pytest.param(answers, marks=pytest.mark.matrix if answers["background_tasks"] == "Celery" else [])
    for answers in all_pairs(CODE)
]


@pytest.fixture(params=VARIANTS, ids=name_of)
def project(request, installed):
    return installed(**request.param)


def apps(project):
    return project.answers["__apps"].split()


def test_its_tests_pass_with_full_coverage_and_no_warnings(project, postgres):
    """With ASGI on PostgreSQL, with WSGI on SQLite."""
    asgi = project.answers["interface"] == "ASGI"
    database = postgres.database()
    done = project.call(*COVERAGE, env={"DATABASE_URL": database} if asgi else {})
    project.call("coverage", "report")
    assert "\nOK\n" in done.stderr
    assert (f"test_{database.rpartition('/')[2]}" if asgi else "memory") in done.stderr
    for module in ("items.tests.test_api", "my_project.api.tests.test_schema", "users.tests.test_pages"):
        assert f"({module}." in done.stderr
    assert ("(items.tests.test_live." in done.stderr) == asgi


@pytest.mark.matrix
def test_coverage_reports_code_and_a_branch_that_no_test_runs(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    (project.path / "new.py").write_text("print()\n")
    with (project.path / "users" / "urls.py").open("a") as urls:
        urls.write("\nif urlpatterns:\n    urlpatterns += []\n")
    done = project.call("pipenv", "run", "ci", "tests", check=False)
    assert done.returncode
    assert re.search(r"^new\.py .* 0% +1$", done.stdout, re.MULTILINE)
    assert re.search(r"^users/urls\.py .* \d\d% +\d+->exit$", done.stdout, re.MULTILINE)
    assert done.stdout.count("%") == 3


def test_djangos_checks_are_silent(project, postgres, tmp_path):
    assert project.run("check", "--fail-level", "WARNING").stdout.strip() == SILENT
    deployment = Deployment(project, tmp_path, postgres.database(), CELERY_BROKER_URL="redis://127.0.0.1")
    done = deployment.run("check", "--deploy", "--fail-level", "WARNING", "--database", "default")
    # Two warnings about HSTS are silenced.
    assert done.stdout.strip() == SILENT.replace("0", "2")


def test_the_migrations_match_the_models(project):
    assert "No changes detected" in project.run("makemigrations", "--check").stdout
    made = {str(path.relative_to(project.path)) for path in project.path.glob("*/migrations/0*.py")}
    assert made == {f"{app}/migrations/0001_initial.py" for app in apps(project)}


def test_the_schema_of_its_api_is_valid(project):
    schema = json.loads(project.run("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json").stdout)
    addresses = {"/api/v1/items/", "/api/v1/items/{id}/", "/api/v1/token/", "/api/v1/tokens/", "/api/v1/tokens/{id}/"}
    addresses |= {"/api/v1/users/me/", "/api/v1/users/me/data/", "/api/v1/users/me/delete/"}
    if "exports" in apps(project):
        addresses |= {"/api/v1/exports/", "/api/v1/exports/{id}/", "/api/v1/exports/{id}/file/"}
    assert set(schema["paths"]) == addresses


def test_pipenv_runs_its_tests(project):
    assert "\nOK\n" in project.call("pipenv", "run", "test", "users.tests.test_scripts").stderr


@pytest.mark.matrix
def test_pipenv_run_lint_finds_nothing(project):
    assert "failed" not in project.call("pipenv", "run", "lint").stdout


def test_pipenv_run_lint_fails_where_the_code_is_not_clean(installed, tmp_path):
    changed = installed("WSGI").copy(tmp_path)
    views = changed.path / "items" / "views.py"
    views.write_text(f"import os\n{views.read_text()}")
    assert changed.call("pipenv", "run", "lint", check=False).returncode != 0
    views.write_text(views.read_text().replace("import os\n", "", 1).replace(" = ", "  =  ", 1))
    assert changed.call("pipenv", "run", "lint", check=False).returncode != 0


@pytest.mark.parametrize(
    "python_version",
    [RUNNING_PYTHON, *(pytest.param(version, marks=pytest.mark.matrix) for version in pythons_of_other_djangos())],
)
def test_the_linter_reports_what_the_pages_policy_blocks(installed, tmp_path, python_version):
    changed = installed("WSGI", python_version).copy(tmp_path)
    page = changed.path / "items" / "templates" / "items" / "item_confirm_delete.html"
    text = page.read_text()
    for handler in ("onclick=\"return confirm('Sure?')\"", "OnClick = 'go()'", 'title="a > b"\n onsubmit=go()'):
        page.write_text(text.replace("<button ", f"<button {handler} "))
        assert page.read_text() != text
        assert "P001" in changed.call("djlint", ".", "--lint", "--quiet", check=False).stdout, handler
    for harmless in ("title='Set onclick=go()'", 'data-confirm="Sure?"', 'data-on-click="go"'):
        page.write_text(text.replace("<button ", f"<button {harmless} "))
        assert "P001" not in changed.call("djlint", ".", "--lint", "--quiet", check=False).stdout, harmless


@pytest.mark.matrix
def test_the_linter_reports_a_script_without_the_nonce(installed, tmp_path):
    changed = installed("WSGI").copy(tmp_path)
    page = changed.path / "items" / "templates" / "items" / "item_form.html"
    text = page.read_text()
    for tag, told in ("<script>", True), ("<style>", True), ('<script nonce="{{ csp_nonce }}">', False):
        page.write_text(f"{text}{tag}\n</{tag[1:].partition(' ')[0].rstrip('>')}>\n")
        assert ("P002" in changed.call("djlint", ".", "--lint", "--quiet", check=False).stdout) == told, tag


def test_a_change_of_the_api_that_schema_yml_lacks_is_reported(installed, tmp_path):
    changed = installed("WSGI").copy(tmp_path)
    views = changed.path / "items" / "views.py"
    text = views.read_text()
    views.write_text(text.replace('"created_at", "name"]', '"created_at"]').replace('"gte", "lt"]}', '"gte"]}'))
    assert views.read_text() != text
    done = changed.call("python", "manage.py", "test", "my_project.api.tests.test_schema", check=False)
    assert "FAIL: test_schema_yml_describes_the_api_as_it_is" in done.stderr
    assert "run: python manage.py spectacular --file schema.yml" in done.stderr
    changed.run("spectacular", "--file", "schema.yml")
    changed.run("test", "my_project.api.tests.test_schema")
