"""Projects as the template renders them: nothing is installed, and each is generated once for all tests."""

import ast
import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cookiecutter.generate import generate_context
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import prompt_for_config
from cookiecutter.utils import create_env_with_context

from template_code.questions import QUESTIONS, ROOT
from tests.support.machine import PYTHON_VERSIONS, clean_environment
from tests.support.project import Project
from tools.demo import problem_with

TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
SETTINGS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))

# A non-default answer for each question that accepts any text.
OTHER_TEXTS = {
    "project_name": "The 'Zoo' & Co.",
    "project_slug": "zoo",
    "app_name": "aardvark",
    "description": 'It\'s <b>all</b> about "animals".',
    "author_name": 'Ada "the first" {x}',
    "email": "ada@example.org",
    "time_zone": "Europe/Berlin",
}


def choices(question):
    """Return the choices of a question, or None if it accepts any text."""
    if question == "python_version":
        return PYTHON_VERSIONS
    return QUESTIONS[question] if isinstance(QUESTIONS[question], list) else None


# The tests' answer to each question that accepts any text; None is the default.
TEXTS = {question: OTHER_TEXTS.get(question, "Another text") for question in QUESTIONS if not choices(question)}
VALUES = {question: choices(question) or [None, TEXTS[question]] for question in QUESTIONS}

CHOSEN = [{question: value} for question in QUESTIONS for value in choices(question) or []]

FLIPPED = [{}, *CHOSEN, *({question: text} for question, text in TEXTS.items())]

# Answers that tests use and that a fork may remove. Tests that use a removed answer are skipped.
DROPPABLE = {"ci": ["GitHub", "GitLab", "none"]}


def check_answers(answers):
    """Raise ValueError for answers that cookiecutter.json does not allow; skip the test if a fork removed them."""
    for question, value in answers.items():
        if value in DROPPABLE.get(question, []) and problem_with({question: value}):
            pytest.skip(f"cookiecutter.json does not have the answer {question}={value}")
    problem = problem_with(answers)
    if problem:
        raise ValueError(problem)


def pairs(row):
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def all_pairs(values):
    """Return rows of answers in which each pair of answers to two questions occurs at least once.

    >>> len(all_pairs({"a": [1, 2], "b": [1, 2], "c": [1, 2]}))
    4
    """
    left = {
        frozenset([(first, one), (second, other)])
        for first, second in itertools.combinations(values, 2)
        for one in values[first]
        for other in values[second]
    }
    rows = []
    while left:
        row = dict(min(left, key=lambda pair: sorted(map(repr, pair))))
        for question in values:
            if question not in row:
                longer = [{**row, question: value} for value in values[question]]
                row = max(longer, key=lambda row: len(left & pairs(row)))
        left -= pairs(row)
        rows.append({question: row[question] for question in values})
    return rows


def given(row):
    """Return the answers of a row without those that use the default."""
    return {question: value for question, value in row.items() if value is not None}


def name_of(answers):
    """Return the id of a test with these answers."""
    return ",".join(map(str, answers.values())) or "default"


@contextlib.contextmanager
def skipping_setup():
    before = os.environ.get("SKIP_SETUP")
    os.environ["SKIP_SETUP"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SKIP_SETUP"]
        else:
            os.environ["SKIP_SETUP"] = before


class Renderer:
    def __init__(self, folder):
        self.folder = folder
        self.made = {}
        self.config = folder / "config.yaml"
        # JSON is valid YAML.
        places = {"cookiecutters_dir": str(folder / "templates"), "replay_dir": str(folder / "replay")}
        self.config.write_text(json.dumps(places), encoding="utf-8")

    def __call__(self, **answers):
        """Return the project of these answers; tests must not change it."""
        check_answers(answers)
        key = tuple(sorted(answers.items()))
        if key not in self.made:
            self.made[key] = self.make(no_input=True, extra_context=answers)
        return self.made[key]

    def typed(self, **answers):
        """Return the project of answers as typed at the prompt, where Jinja is ordinary text."""
        assert not problem_with(answers)
        replay = self.new_folder() / "answers.json"
        replay.write_text(json.dumps({"cookiecutter": {**self().answers, **answers}}), encoding="utf-8")
        return self.make(replay=str(replay))

    def make(self, template=ROOT, **options):
        """Run Cookiecutter; SystemExit and its own exceptions are not caught."""
        with skipping_setup():
            folder = options.pop("output_dir", None) or self.new_folder()
            path = cookiecutter(str(template), output_dir=str(folder), config_file=str(self.config), **options)
        replay = self.folder / "replay" / f"{Path(template).name}.json"
        if options.get("replay"):
            replay = Path(options["replay"])
        return Project(path, json.loads(replay.read_text(encoding="utf-8"))["cookiecutter"])

    def new_folder(self):
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        return folder


def render(path, typed=None, **answers):
    """Return the text of one file of the template, rendered with these answers.

    The `typed` answers are used as typed at the prompt, where Jinja is ordinary text.
    """
    context = generate_context(str(ROOT / "cookiecutter.json"), extra_context=answers)
    context["cookiecutter"] = {**prompt_for_config(context, no_input=True), **(typed or {})}
    environment = create_env_with_context(context)
    environment.keep_trailing_newline = True
    return environment.from_string((TEMPLATE / path).read_text(encoding="utf-8")).render(**context)


def run_cookiecutter(folder, *options, python=sys.executable, stdin="", **environment):
    """Run the `cookiecutter` command with this input; return its CompletedProcess. Projects are in `folder`/made."""
    made = folder / "made"
    made.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    # JSON is valid YAML.
    config.write_text(
        json.dumps({"cookiecutters_dir": str(folder), "replay_dir": str(folder / "replay")}), encoding="utf-8"
    )
    command = [python, "-m", "cookiecutter", "--config-file", config, "--output-dir", made, ROOT, *options]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        # As it is in a UTF-8 locale, also on Windows.
        env=clean_environment(
            **{"SKIP_SETUP": 1, "COLUMNS": 500, "PYTHONIOENCODING": "utf-8:surrogateescape", **environment}
        ),
    )


def ruff(path):
    """Return what ruff reports about the project's files with the project's settings, or an empty text."""
    told = ""
    for command in (["check", "--output-format", "concise", "--quiet"], ["format", "--diff", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        told += done.stdout
        assert bool(done.returncode) == bool(done.stdout), done
    return told


def listing(project):
    """Return the paths of a project's files."""
    return {path.relative_to(project.path).as_posix() for path in project.path.rglob("*") if not path.is_dir()}


def template_files(answers):
    """Return path in the project -> file in the template, for all files of the template."""

    def rendered(path):
        name = path.relative_to(TEMPLATE).as_posix()
        for question in QUESTIONS:
            name = name.replace("{{cookiecutter.%s}}" % question, answers[question])
        return name

    return {rendered(path): path for path in TEMPLATE.rglob("*") if path.is_file()}


def assigned(path):
    """Return name -> value of the literals that a Python file assigns at module level."""
    values = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                values[node.targets[0].id] = ast.literal_eval(node.value)
    return values
