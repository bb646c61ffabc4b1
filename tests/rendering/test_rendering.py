"""What the template renders: which files, for which answers, and that each of them is clean."""

import ast
import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest
import yaml

from template_code.files import optional_files
from template_code.questions import QUESTIONS
from tests.support.machine import clean_environment
from tests.support.project import cookiecutter_command
from tests.support.rendering import (
    CHOSEN,
    FLIPPED,
    TEMPLATE,
    VALUES,
    all_pairs,
    choices,
    given,
    listing,
    name_of,
    ruff,
    template_files,
)
from tests.support.user import copy_template

if sys.version_info >= (3, 11):
    import tomllib
else:
    # Pytest brings it.
    import tomli as tomllib

# question, answer, other answer -> the files that only the one has, and those that only the other has
DIFFERENCES = {
    ("interface", "ASGI", "WSGI"): (
        {
            "items/routing.py",
            "items/templates/items/item_list_live.html",
            "items/tests/test_live.py",
            "my_project/consumers.py",
            "deploy/apache-proxy.conf",
            "my_project/handlers.py",
            "my_project/layers.py",
            "my_project/server.py",
            "generator/resource_template/routing.py-tpl",
            "generator/resource_template/templates/app_name/model_name_list_live.html-tpl",
            "generator/resource_template/tests/test_live.py-tpl",
            "my_project/static/live.js",
            "my_project/tests/test_consumers.py",
            "my_project/tests/test_handlers.py",
            "my_project/tests/test_uvicorn.py",
        },
        {"deploy/apache-mod_wsgi.conf", "gunicorn.conf.py", "my_project/tests/test_gunicorn.py"},
    ),
    ("login", "username", "email"): (set(), set()),
    ("background_tasks", "Celery", "none"): (
        {
            "deploy/kubernetes/base/worker.yaml",
            "deploy/my_project-beat.service",
            "deploy/my_project-worker.service",
            "docs/tasks.md",
            "exports/__init__.py",
            "exports/admin.py",
            "exports/apps.py",
            "exports/locale/de/LC_MESSAGES/django.mo",
            "exports/locale/de/LC_MESSAGES/django.po",
            "exports/migrations/__init__.py",
            "exports/models.py",
            "exports/routing.py",
            "exports/serializers.py",
            "exports/tasks.py",
            "exports/templates/exports/export_list.html",
            "exports/templates/exports/export_list_live.html",
            "exports/tests/__init__.py",
            "exports/tests/test_api.py",
            "exports/tests/test_live.py",
            "exports/tests/test_pages.py",
            "exports/tests/test_tasks.py",
            "exports/urls.py",
            "exports/views.py",
            "my_project/celery.py",
            "my_project/task_telemetry.py",
            "my_project/tasks.py",
            "my_project/tests/test_celery.py",
            "my_project/tests/test_task_telemetry.py",
            "my_project/tests/test_tasks.py",
            "private/.gitignore",
        },
        {
            "deploy/kubernetes/base/cleanup.yaml",
            "deploy/my_project-cleanup.service",
            "deploy/my_project-cleanup.timer",
        },
    ),
    ("containers", "Docker", "none"): (
        {
            ".devcontainer/devcontainer.json",
            ".dockerignore",
            ".github/workflows/image.yml",
            "Dockerfile",
            "compose.override.yaml",
            "compose.production.yaml",
            "compose.yaml",
            "deploy/Caddyfile",
            "deploy/kubernetes/README.md",
            "deploy/kubernetes/base/backup.yaml",
            "deploy/kubernetes/base/cleanup.yaml",
            "deploy/kubernetes/base/kustomization.yaml",
            "deploy/kubernetes/base/migrate.yaml",
            "deploy/kubernetes/base/network-policies.yaml",
            "deploy/kubernetes/base/service-account.yaml",
            "deploy/kubernetes/base/web.yaml",
            "deploy/kubernetes/overlays/production/ingress.yaml",
            "deploy/kubernetes/overlays/production/kustomization.yaml",
            "docs/containers.md",
            "secrets/.gitignore",
        },
        set(),
    ),
    ("ci", "GitHub", "none"): (
        {
            ".github/dependabot.yml",
            ".github/workflows/audit.yml",
            ".github/workflows/ci.yml",
            ".github/workflows/image.yml",
        },
        set(),
    ),
    ("ci", "GitLab", "none"): ({".gitlab-ci.yml", "renovate.json"}, set()),
    # Newer Django has settings for what these do.
    ("python_version", "3.10", "3.9"): (set(), {"my_project/sqlite/__init__.py", "my_project/sqlite/base.py"}),
}

NAMES = [
    ("zoo", "aardvark"),
    ("aardvark", "zoo"),
    ("p", "a"),
    ("z" * 40, "a" * 40),
    ("a" * 40, "z" * 40),
    ("a_" * 19 + "bc", "z_1" * 13 + "z"),
]


def is_python(path):
    return path.name.endswith((".py", ".py-tpl"))


def copied_verbatim(path):
    return "templates" in path.parts or path.name.endswith("-tpl") or "workflows" in path.parts


PARSERS = {
    ".json": json.loads,
    ".py": ast.parse,
    ".svg": xml.etree.ElementTree.fromstring,
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": yaml.safe_load,
    "Pipfile": tomllib.loads,
}


def faults(path, data):
    """Yield what is not clean about a file's text."""
    text = data.decode()
    if "\r" in text:
        yield "carriage return"
    if text and not text.endswith("\n"):
        yield "no newline at the end"
    if text.endswith("\n\n") or text == "\n":
        yield "blank line at the end"
    if text.startswith("\n"):
        yield "blank line at the start"
    if re.search(r"[ \t]$", text, re.MULTILINE):
        yield "white space at the end of a line"
    if "\n" * (4 if is_python(path) else 3) in text:
        yield "too many blank lines"
    if re.search("cookiecutter", text, re.IGNORECASE):
        yield "cookiecutter"
    if not copied_verbatim(path) and re.search(r"\{%|%\}|\{\{ | \}\}|\{#|#\}", text):
        yield "Jinja"
    if not text and path.name not in ("__init__.py", "__init__.py-tpl"):
        yield "empty"
    parse = PARSERS.get(path.name) or PARSERS.get(path.suffix)
    try:
        if parse:
            parse(text)
    except ValueError as error:
        yield str(error)
    except (SyntaxError, yaml.YAMLError, xml.etree.ElementTree.ParseError) as error:
        yield repr(error)


def test_all_pairs_leaves_out_none():
    rows = all_pairs(VALUES)
    for first, second in itertools.combinations(VALUES, 2):
        wanted = set(itertools.product(VALUES[first], VALUES[second]))
        assert {(row[first], row[second]) for row in rows} == wanted
    assert len(rows) < len(list(itertools.product(*VALUES.values()))) / 10


@pytest.mark.parametrize("answers", CHOSEN, ids=name_of)
def test_each_answer_has_the_files_of_the_table(rendered, answers):
    project = rendered(**answers)
    unwanted = {file for file, wanted in optional_files(project.answers).items() if not wanted}
    assert listing(project) == set(template_files(project.answers)) - unwanted


@pytest.mark.parametrize(("question", "answer", "other"), DIFFERENCES)
def test_each_answer_has_files_of_its_own(rendered, question, answer, other):
    one, two = listing(rendered(**{question: answer})), listing(rendered(**{question: other}))
    assert (one - two, two - one) == DIFFERENCES[question, answer, other]


@pytest.mark.matrix
def test_each_file_of_the_template_belongs_to_some_answer(rendered):
    # Some belong to a pair of answers.
    rows = all_pairs({question: choices(question) for question in QUESTIONS if choices(question)})
    made = set().union(*(listing(rendered(**answers)) for answers in rows))
    assert set(template_files(rendered().answers)) == made


def test_a_row_of_the_table_without_a_file_is_an_error(tmp_path):
    template = copy_template(tmp_path / "template")
    table = template / "template_code" / "files.py"
    text = table.read_text(encoding="utf-8")
    row = '        "gunicorn.conf.py": not asgi,\n'
    assert row in text
    table.write_text(text.replace(row, f'{row}        "users/gone.py": True,\n'), encoding="utf-8")
    command = cookiecutter_command(tmp_path / "made", {}, "--no-input", template=template)
    environment = clean_environment(SKIP_SETUP=1)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert "users/gone.py is no file of the template." in done.stderr
    assert not list((tmp_path / "made").iterdir())


RENDER_BOTH = """
import sys
from cookiecutter.main import cookiecutter
for folder in sys.argv[2:]:
    cookiecutter(folder + "/template", no_input=True, output_dir=folder, config_file=sys.argv[1])
"""


def test_two_versions_of_the_template_in_one_process_have_each_their_own_filters(rendered, tmp_path):
    for version in "old", "new":
        copy_template(tmp_path / version / "template")
    texts = tmp_path / "new" / "template" / "template_code" / "texts.py"
    text = texts.read_text(encoding="utf-8")
    line = "def markdown(text: str) -> str:\n"
    assert line in text
    texts.write_text(text.replace(line, f"{line}    return text.upper()\n\n"), encoding="utf-8")
    command = [sys.executable, "-I", "-c", RENDER_BOTH, rendered.config, tmp_path / "old", tmp_path / "new"]
    subprocess.run(command, cwd=tmp_path, env=clean_environment(SKIP_SETUP=1), check=True)
    for version, title in ("old", "# My Project\n"), ("new", "# MY PROJECT\n"):
        assert (tmp_path / version / "my_project" / "README.md").read_text(encoding="utf-8").startswith(title)


def check_all(project):
    assert [path for path in project.path.rglob("*") if path.is_dir() and not any(path.iterdir())] == []
    dirty = {
        path.relative_to(project.path).as_posix(): found
        for path in project.path.rglob("*")
        # These are binary.
        if path.is_file() and path.suffix != ".mo"
        for found in [list(faults(path.relative_to(project.path), path.read_bytes()))]
        if found
    }
    assert dirty == {}
    assert ruff(project.path) == ""


@pytest.mark.parametrize("answers", FLIPPED, ids=name_of)
def test_each_answer_renders_clean_files(rendered, answers):
    check_all(rendered(**answers))


@pytest.mark.parametrize("row", all_pairs(VALUES), ids=lambda row: name_of(given(row)))
def test_each_pair_of_answers_renders_clean_files(rendered, row):
    project = rendered(**given(row))
    check_all(project)
    for question, value in given(row).items():
        assert project.answers[question] == value


@pytest.mark.parametrize(
    ("project_slug", "app_name", "interface"),
    [(*names, interface) for names, interface in zip(NAMES, itertools.cycle(QUESTIONS["interface"]))],
)
def test_ruff_is_content_whatever_the_names(rendered, project_slug, app_name, interface):
    project = rendered(project_slug=project_slug, app_name=app_name, interface=interface)
    assert ruff(project.path) == ""
    assert project.path.name == project_slug


def test_the_names_stand_in_for_the_default_ones_everywhere(rendered):
    def renamed(file):
        return re.sub(r"\bmy_project\b", "zoo", re.sub(r"\bitems/", "aardvark/", file))

    assert listing(rendered(project_slug="zoo", app_name="aardvark")) == set(map(renamed, listing(rendered())))


@pytest.mark.parametrize("answers", CHOSEN, ids=name_of)
def test_djangos_templates_and_translations_are_those_of_the_template(rendered, answers):
    project = rendered(**answers)
    sources = template_files(project.answers)
    copied = [
        file for file in listing(project) if file.endswith((".html", "-tpl", ".mo", ".po")) or "/templates/" in file
    ]
    assert copied
    for file in copied:
        assert (project.path / file).read_bytes() == sources[file].read_bytes(), file


def test_no_template_file_is_compiled_or_has_a_name_that_tools_refuse():
    for path in TEMPLATE.rglob("*"):
        assert path.suffix != ".pyc", path
        assert not set(path.name) & set('"|*?<>:\\'), path
    names = [str(path.relative_to(TEMPLATE)).lower() for path in TEMPLATE.rglob("*")]
    assert len(set(names)) == len(names), "two names are one where case does not count"


def test_ruff_would_tell(tmp_path):
    (tmp_path / "a.py").write_text("import os\nx = 'a'\n", encoding="utf-8")
    assert "F401" in ruff(tmp_path)
    assert '+x = "a"' in ruff(tmp_path)


DIRT = {
    b"a\r\n": "carriage return",
    b"a": "no newline",
    b"a\n\n": "blank line at the end",
    b"\na\n": "blank line at the start",
    b"a \nb\n": "white space",
    b"a\n\n\n\nb\n": "too many",
    b"# {{cookiecutter.x}}\n": "cookiecutter",
    b"# {% if x %}\n": "Jinja",
    b"": "empty",
    b"def\n": "SyntaxError",
}


@pytest.mark.parametrize("data", DIRT)
def test_dirt_is_found(data):
    assert any(fault.startswith(DIRT[data]) for fault in faults(TEMPLATE / "a.py", data))


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.toml", b"a\n"), ("Pipfile", b"a\n"), ("a.json", b"{\n"), ("a.yml", b"[\n"), ("a.svg", b"<a>\n")],
)
def test_a_file_that_does_not_parse_is_found(name, data):
    assert list(faults(TEMPLATE / name, data))
