import os
import socket
import subprocess

import pytest

from template_code.questions import ROOT
from tests.support.machine import clean_environment
from tests.support.user import copy_template
from tools import demo
from tools.demo import problem_with, problem_with_port, template_digest, words

needs_make = pytest.mark.skipif(os.name == "nt", reason="make demo is for Linux and macOS")

TEXTS = [
    "Corner Shop",
    """It's a "shop" """,
    r"back\slash",
    "$HOME $(x) $$",
    "a=b",
    "#1; -x",
    "tab\there",
    "Gemüse",
    "",
]


def make(tmp_path, *typed):
    """Return what `make` passes on of these words."""
    makefile = tmp_path / "Makefile"
    makefile.write_text("demo:\n\t@printenv MAKEFLAGS\n", encoding="utf-8")
    command = ["make", "-s", "-f", str(makefile), "demo", *typed]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=clean_environment(), check=True)
    return words(done.stdout.rstrip("\n"))


@needs_make
@pytest.mark.parametrize("text", TEXTS)
def test_an_answer_arrives_as_it_was_typed(tmp_path, text):
    assert make(tmp_path, f"project_name={text}", "port=1") == {"project_name": text, "port": "1"}


@needs_make
def test_no_answers(tmp_path):
    assert make(tmp_path) == {}


@needs_make
def test_an_unknown_question_is_refused_in_one_sentence():
    done = subprocess.run(
        ["make", "demo", "interfase=WSGI"], cwd=ROOT, capture_output=True, encoding="utf-8", env=clean_environment()
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith(
        "make demo: there is no question 'interfase'; there are project_name,"
    )


def test_an_unknown_choice_is_refused():
    assert problem_with({"login": "phone"}) == "login is one of username, email, not 'phone'."
    assert problem_with({"login": "email", "project_name": "phone"}) is None


def test_a_private_variable_is_no_question():
    assert "there is no question '_django'" in problem_with({"_django": "x"})


@needs_make
def test_a_port_in_use_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "cannot be used" in problem_with_port(str(taken.getsockname()[1]))
    assert "not 'http'" in problem_with_port("http")
    assert "not '65536'" in problem_with_port("65536")


@pytest.mark.parametrize(
    "file",
    [
        "cookiecutter.json",
        "hooks/pre_gen_project.py",
        "template_code/files.py",
        "template_code/versions/3.12.txt",
        "{{cookiecutter.project_slug}}/Pipfile",
    ],
)
def test_the_demo_is_regenerated_when_the_template_has_changed(tmp_path, monkeypatch, file):
    template = copy_template(tmp_path / "template")
    monkeypatch.setattr(demo, "ROOT", template)
    before = template_digest()
    assert template_digest() == before
    with (template / file).open("a", encoding="utf-8") as changed:
        changed.write("\n")
    assert template_digest() != before
