"""Projects as the template renders them: nothing is installed, and each is made once for all tests."""

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

# Another answer than the default for each question that takes any text.
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
    """Return the answers from which the user chooses, or None where any text will do."""
    if question == "python_version":
        return PYTHON_VERSIONS
    return QUESTIONS[question] if isinstance(QUESTIONS[question], list) else None


# What the tests answer to each question that takes any text; None is its default.
TEXTS = {question: OTHER_TEXTS.get(question, "Another text") for question in QUESTIONS if not choices(question)}
VALUES = {question: choices(question) or [None, TEXTS[question]] for question in QUESTIONS}

CHOSEN = [{question: value} for question in QUESTIONS for value in choices(question) or []]

FLIPPED = [{}, *CHOSEN, *({question: text} for question, text in TEXTS.items())]

# The answers that tests name, and that a fork may drop: the tests of a dropped answer are then skipped.
DROPPABLE = {"ci": ["GitHub", "GitLab", "none"]}


def check_answers(answers):
    """Raise ValueError for answers that cookiecutter.json does not allow, or skip the test if a fork dropped them."""
    for question, value in answers.items():
        if value in DROPPABLE.get(question, []) and problem_with({question: value}):
            pytest.skip(f"cookiecutter.json does not have the answer {question}={value}")
    problem = problem_with(answers)
    if problem:
        raise ValueError(problem)


def pairs(row):
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def all_pairs(values):
    """Return rows of answers in which each two answers to two different questions stand together at least once.

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
    """Return the answers of a row without those that are left to their default."""
    return {question: value for question, value in row.items() if value is not None}


def name_of(answers):
    """Return a test's name for these answers."""
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
        # YAML reads JSON.
        places = {"cookiecutters_dir": str(folder / "templates"), "replay_dir": str(folder / "replay")}
        self.config.write_text(json.dumps(places))

    def __call__(self, **answers):
        """Return the project of these answers, which no test may change."""
        check_answers(answers)
        key = tuple(sorted(answers.items()))
        if key not in self.made:
            self.made[key] = self.make(no_input=True, extra_context=answers)
        return self.made[key]

    def typed(self, **answers):
        """Return the project of answers as they come from the prompt: Jinja in them is text like any other."""
        assert not problem_with(answers)
        replay = self.new_folder() / "answers.json"
        replay.write_text(json.dumps({"cookiecutter": {**self().answers, **answers}}), encoding="utf-8")
        return self.make(replay=str(replay))

    def make(self, template=ROOT, **options):
        """Run Cookiecutter; SystemExit and its own exceptions come through."""
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
    """Return the text of one file of the template, as a project of these answers has it.

    What is `typed` is taken as it is, as from the prompt, where Jinja in a text is text like any other.
    """
    context = generate_context(str(ROOT / "cookiecutter.json"), extra_context=answers)
    context["cookiecutter"] = {**prompt_for_config(context, no_input=True), **(typed or {})}
    environment = create_env_with_context(context)
    environment.keep_trailing_newline = True
    return environment.from_string((TEMPLATE / path).read_text(encoding="utf-8")).render(**context)


def run_cookiecutter(folder, *options, python=sys.executable, stdin="", **environment):
    """Run the `cookiecutter` command and type `stdin`; return its CompletedProcess. It makes `folder`/made/*."""
    made = folder / "made"
    made.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    # YAML reads JSON.
    config.write_text(json.dumps({"cookiecutters_dir": str(folder), "replay_dir": str(folder / "replay")}))
    command = [python, "-m", "cookiecutter", "--config-file", config, "--output-dir", made, ROOT, *options]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=clean_environment(SKIP_SETUP=1, COLUMNS=500, **environment),
    )


def ruff(path):
    """Return what ruff, with the project's own settings, says about its files: nothing, where all is well."""
    told = ""
    for command in (["check", "--output-format", "concise", "--quiet"], ["format", "--diff", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told += done.stdout
        assert bool(done.returncode) == bool(done.stdout), done
    return told


def listing(project):
    """Return the paths of a project's files."""
    return {path.relative_to(project.path).as_posix() for path in project.path.rglob("*") if not path.is_dir()}


def template_files(answers):
    """Return path in the project -> file in the template, for all that the template has."""

    def rendered(path):
        name = path.relative_to(TEMPLATE).as_posix()
        for question in QUESTIONS:
            name = name.replace("{{cookiecutter.%s}}" % question, answers[question])
        return name

    return {rendered(path): path for path in TEMPLATE.rglob("*") if path.is_file()}


def assigned(path):
    """Return name -> value of the literals that a Python file assigns at its top level."""
    values = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                values[node.targets[0].id] = ast.literal_eval(node.value)
    return values
