"""The questions: each is asked in a human sentence, and each answer makes a difference."""

import keyword
import re
import sys

import pytest

from template_code import names
from template_code.answers import running_python
from template_code.names import problem_with_name
from template_code.questions import QUESTIONS
from template_code.versions import known_versions
from tests.support.machine import PYTHON_VERSIONS
from tests.support.rendering import FLIPPED, SETTINGS, TEXTS, choices, listing, name_of, run_cookiecutter

PROMPTS = SETTINGS["__prompts__"]


def contents(project):
    return {file: (project.path / file).read_bytes() for file in listing(project)}


@pytest.fixture
def ask(tmp_path):
    """Run Cookiecutter as in a terminal and type these lines; return all that it shows and the project's folder."""

    def ask(*lines):
        done = run_cookiecutter(tmp_path, stdin="".join(f"{line}\n" for line in lines))
        assert done.returncode == 0, done.stdout + done.stderr
        (folder,) = (tmp_path / "made").iterdir()
        return done.stdout, folder

    return ask


def test_each_question_has_a_sentence_and_no_other_name_has():
    assert list(PROMPTS) == list(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_sentence_is_for_people(question):
    prompt = PROMPTS[question]
    sentences = [prompt]
    if isinstance(QUESTIONS[question], list):
        assert set(prompt) == {"__prompt__", *QUESTIONS[question]}
        sentences = prompt.values()
    for sentence in sentences:
        assert " " in sentence
        assert not re.search(r"[a-z]_[a-z]|\{", sentence), "a name for programs"


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_are_strings(question):
    values = QUESTIONS[question] if isinstance(QUESTIONS[question], list) else [QUESTIONS[question]]
    assert all(isinstance(value, str) for value in values)
    assert len(set(values)) == len(values)


def test_enter_to_each_question_makes_the_default_project(ask, rendered):
    shown, folder = ask(*[""] * len(QUESTIONS))
    found = [shown.find(prompt if isinstance(prompt, str) else prompt["__prompt__"]) for prompt in PROMPTS.values()]
    assert -1 not in found
    assert found == sorted(found)
    assert shown.count(f"/{len(QUESTIONS)}] ") == len(QUESTIONS)
    default = rendered()
    assert folder.name == default.path.name
    made = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert made == contents(default)


def test_typed_answers_make_the_project_of_these_answers(ask, rendered):
    answers = {question: (choices(question) or [TEXTS.get(question)])[-1] for question in QUESTIONS}
    answers["python_version"] = PYTHON_VERSIONS[0]
    numbers = {q: str(QUESTIONS[q].index(a) + 1) for q, a in answers.items() if isinstance(QUESTIONS[q], list)}
    _, folder = ask(*({**answers, **numbers}[question] for question in QUESTIONS))
    made = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert made == contents(rendered(**answers))


@pytest.mark.parametrize("answers", FLIPPED, ids=name_of)
def test_each_answer_changes_what_is_made(rendered, answers):
    default = rendered()
    changed = {question for question, value in answers.items() if value != default.answers[question]}
    assert bool(changed) == (contents(rendered(**answers)) != contents(default))


@pytest.mark.parametrize("question", [question for question in QUESTIONS if choices(question)])
def test_each_choice_makes_a_project_of_its_own(rendered, question):
    made = [contents(rendered(**{question: value})) for value in choices(question)]
    assert all(one not in made[:place] for place, one in enumerate(made))


@pytest.mark.parametrize("version", PYTHON_VERSIONS)
def test_each_python_has_its_django(rendered, version):
    wanted = {"3.9": "4.2", "3.10": "5.2", "3.11": "5.2"}.get(version, "6.1")
    pipfile = (rendered(python_version=version).path / "Pipfile").read_text(encoding="utf-8")
    assert f'\ndjango = "~={wanted}.0"\n' in pipfile
    assert f'\npython_version = "{version}"\n' in pipfile


@pytest.mark.parametrize(
    ("running", "default"),
    [((3, 9, 0), "3.9"), ((3, 10, 1), "3.10"), ((3, 13, 7), "3.13"), ((3, 99, 0), PYTHON_VERSIONS[-1])],
)
def test_the_default_python_is_the_running_one_or_the_newest(monkeypatch, running, default):
    monkeypatch.setattr(sys, "version_info", running)
    assert running_python(SETTINGS["_django"]) == default


def test_the_prompt_names_the_supported_pythons():
    assert re.findall(r"3\.\d+", PROMPTS["python_version"]) == [PYTHON_VERSIONS[0], PYTHON_VERSIONS[-1]]


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("Corner Shop", "corner_shop"),
        ("The 'Zoo' & Co.", "the_zoo_co"),
        ("404 Pages", "pages"),
        ("Café Übersicht", "cafe_ubersicht"),
        ("my-project", "my_project"),
        ("日本", "ri_ben"),
        ("!!!", "my_project"),
        ("2024", "my_project"),
        ("x" * 300, "x" * 32),
        ("a" * 31 + " b", "a" * 31),
        ("Calendar", "calendar_project"),
        ("Test", "test_project"),
        ("Items", "items_project"),
        ("Django", "django_project"),
        ("None", "none"),
        ("AT&amp;T &#99999999999;", "at_amp_t_99999999999"),
        ("\udcff", "my_project"),
    ],
)
def test_the_package_that_follows_from_the_name(name, package):
    assert names.package_name(name) == package


def test_no_name_of_a_project_makes_a_package_that_is_refused():
    refused = {
        *names.IMPORTED,
        *(package.replace("-", "_") for version in PYTHON_VERSIONS for package in known_versions(version)),
        *names.TAKEN,
        *names.SOFT_KEYWORDS,
        *names.OTHER_MODULES,
        *names.standard_library(),
        *keyword.kwlist,
        *(f"{device}{number}" for device in ("com", "lpt") for number in range(10)),
        *("aux", "con", "nul", "prn"),
        SETTINGS["app_name"],
    }
    packages = {name: names.package_name(name.title()) for name in refused}
    assert {name: package for name, package in packages.items() if problem_with_name(package)} == {}
    assert SETTINGS["app_name"] not in packages.values()


def test_one_word_is_enough_for_a_project(rendered):
    assert rendered(project_name="Calendar").path.name == "calendar_project"


def test_an_app_of_two_words_has_a_class_in_camel_case(rendered):
    apps = (rendered(app_name="box_offers").path / "box_offers" / "apps.py").read_text(encoding="utf-8")
    assert "\nclass BoxOffersConfig(AppConfig):\n" in apps


@pytest.mark.parametrize(("interface", "server"), [("ASGI", "Uvicorn"), ("WSGI", "gunicorn")])
def test_the_readme_names_the_server_of_the_interface(rendered, interface, server):
    readme = (rendered(interface=interface).path / "README.md").read_text(encoding="utf-8")
    assert f"| starts the production server, {server}, on 127.0.0.1:8000, " in readme
