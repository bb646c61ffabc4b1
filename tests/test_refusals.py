"""Answers that cannot become a project are refused in one sentence, and nothing is written."""

import ast
import json
import re
import subprocess

import pytest
from cookiecutter.exceptions import FailedHookException

from demo import ROOT
from tests.machine import PYTHON_VERSIONS, python_of

HOOK = (ROOT / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")

WORD = "it is a word of the Python language"
MODULE = "it is the name of a module of Python's standard library"
PACKAGE = "it is the name of a package that the project uses"
TAKEN = "the project, or Django, has something of that name"
FORM = "a name is at most 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
WINDOWS = "it is a reserved name on Windows"

NAMES = {
    "class": WORD,
    "async": WORD,
    "match": WORD,
    "type": WORD,
    "calendar": MODULE,
    "compression": MODULE,
    "email": MODULE,
    "json": MODULE,
    "math": MODULE,
    "tomllib": MODULE,
    "channels": PACKAGE,
    "django": PACKAGE,
    "environ": PACKAGE,
    "markdown": PACKAGE,
    "psycopg": PACKAGE,
    "rest_framework": PACKAGE,
    "admin": TAKEN,
    "auth": TAKEN,
    "manage": TAKEN,
    "scripts": TAKEN,
    "site": TAKEN,
    "test": TAKEN,
    "tests": TAKEN,
    "users": TAKEN,
    "1st": FORM,
    "_private": FORM,
    "a.b": FORM,
    "my project": FORM,
    "my-project": FORM,
    "MyProject": FORM,
    "straße": FORM,
    "x" * 41: FORM,
    "\uff5aoo": FORM,
    "com1": WINDOWS,
    "con": WINDOWS,
    "nul": WINDOWS,
}

OTHERS = [
    ({"project_name": " ", "project_slug": "zoo"}, "project_name cannot be empty: 'My Project' would do."),
    ({"app_name": "zoo", "project_slug": "zoo"}, "app_name cannot be 'zoo', because the project's own package has"),
    (
        {"project_slug": "items"},
        "app_name cannot be 'items', because the project's own package has that name: 'things'",
    ),
    ({"app_name": ""}, "app_name cannot be '', because a name is at most 40"),
    ({"app_name": "../zoo"}, "app_name cannot be '../zoo', because a name is at most 40"),
    ({"email": ""}, "email cannot be '', because it is not an address"),
    ({"email": "ada"}, "email cannot be 'ada', because it is not an address"),
    ({"email": "Ada <ada@example.com>"}, "email cannot be 'Ada <ada@example.com>', because it is not an address"),
    ({"email": "a@b@c"}, "email cannot be 'a@b@c', because it is not an address"),
    ({"time_zone": ""}, "time_zone cannot be '', because that is not an IANA name: 'UTC'"),
    ({"time_zone": "CEST+1"}, "time_zone cannot be 'CEST+1', because that is not an IANA name"),
    (
        {"time_zone": "europe/berlin"},
        "time_zone cannot be 'europe/berlin', because that is not an IANA name: 'Europe/B",
    ),
    ({"time_zone": "../etc/passwd"}, "time_zone cannot be '../etc/passwd', because that is not an IANA name"),
    ({"python_version": "2.7"}, "python_version cannot be '2.7', because it is not one of 3.9 to "),
    ({"python_version": "3.99"}, "python_version cannot be '3.99', because it is not one of 3.9 to "),
    ({"python_version": "3.12.1"}, "python_version cannot be '3.12.1', because it is not one of 3.9 to "),
    ({"python_version": ""}, "python_version cannot be '', because it is not one of 3.9 to "),
]

REFUSED = [
    ({key: name}, f"{key} cannot be {name!r}, because {NAMES[name]}") for name in NAMES for key in ("app_name",)
]
REFUSED += [({"project_slug": name}, f"project_slug cannot be {name!r}, because {NAMES[name]}") for name in NAMES]
REFUSED += OTHERS

SENTENCE = r"(\w+) cannot be .*: '([^']+)' would do\."


def hook(answers):
    return HOOK.replace("{{ cookiecutter | tojson }}", json.dumps(answers))


def told(answers):
    """Return what the hook says about these answers, line by line."""
    try:
        exec(hook(answers), {})
    except SystemExit as refusal:
        return refusal.code.strip("\n").split("\n")
    return []


@pytest.mark.parametrize(("answers", "start"), REFUSED, ids=lambda value: str(value)[:40] if value else "")
def test_is_refused_in_one_sentence_whose_remedy_is_accepted(rendered, answers, start):
    context = {**rendered().answers, **answers}
    (sentence,) = told(context)
    assert sentence.startswith(start)
    question, remedy = re.fullmatch(SENTENCE, sentence).groups()
    assert told({**context, question: remedy}) == []


@pytest.mark.parametrize(
    ("answers", "start"), [*OTHERS[2:4], *OTHERS[7::5], *REFUSED[:3]], ids=lambda value: str(value)[:30]
)
def test_nothing_is_written(rendered, tmp_path, capfd, answers, start):
    with pytest.raises(FailedHookException):
        rendered.make(no_input=True, extra_context=answers, output_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert f"\n{start}" in capfd.readouterr().err


def test_the_sentence_comes_first_and_stands_alone(refused):
    lines = refused(app_name="class").splitlines()
    assert lines[0] == ""
    assert re.fullmatch(SENTENCE, lines[1])
    assert lines[2] == ""


def test_each_refused_answer_has_its_sentence(rendered):
    wrong = {"project_slug": "class", "app_name": "class", "email": "ada", "time_zone": "x", "python_version": "2.7"}
    sentences = told({**rendered().answers, **wrong, "project_name": ""})
    assert [re.fullmatch(SENTENCE, sentence)[1] for sentence in sentences] == ["project_name", *wrong]


@pytest.mark.parametrize(
    "answers",
    [
        {"project_slug": "z" * 40, "app_name": "a" * 40},
        {"app_name": "blog"},
        {"project_slug": "app", "app_name": "api"},
        {"project_slug": "a1", "app_name": "b_"},
        {"email": "ada+zoo@sub.example.org"},
        {"email": "büro@bücher.example"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"time_zone": "Etc/GMT+5"},
        *({"python_version": version} for version in PYTHON_VERSIONS),
    ],
    ids=str,
)
def test_is_accepted(rendered, answers):
    assert told({**rendered().answers, **answers}) == []


@pytest.mark.parametrize("version", PYTHON_VERSIONS)
def test_the_hook_refuses_the_same_on_each_python(rendered, version):
    python = python_of(version)
    if not python:
        pytest.skip(f"there is no Python {version} on this machine")
    names = [*NAMES, "blog", "zoo"]
    script = f"{hook(rendered().answers)}\nprint([problem_with_package('app_name', name) for name in {names!a}])"
    done = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [*NAMES.values(), None, None]


def test_without_a_time_zone_database_any_time_zone_is_taken(rendered, monkeypatch):
    context = {**rendered().answers, "time_zone": "Moon/Crater"}
    assert told(context)
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert told(context) == []
