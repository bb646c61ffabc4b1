import socket
import subprocess
from pathlib import Path

import pytest

import tools
from demo import ROOT, problem_with, problem_with_port, words
from tests.machine import clean_environment

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
    makefile.write_text("demo:\n\t@printenv MAKEFLAGS\n")
    command = ["make", "-s", "-f", str(makefile), "demo", *typed]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=True)
    return words(done.stdout.rstrip("\n"))


@pytest.mark.parametrize("text", TEXTS)
def test_an_answer_arrives_as_it_was_typed(tmp_path, text):
    assert make(tmp_path, f"project_name={text}", "port=1") == {"project_name": text, "port": "1"}


def test_no_answers(tmp_path):
    assert make(tmp_path) == {}


def test_an_unknown_question_is_refused_in_one_sentence():
    done = subprocess.run(
        ["make", "demo", "interfase=WSGI"], cwd=ROOT, capture_output=True, text=True, env=clean_environment()
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


def test_a_port_in_use_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "cannot be used" in problem_with_port(str(taken.getsockname()[1]))
    assert "not 'http'" in problem_with_port("http")
    assert "not '65536'" in problem_with_port("65536")


def test_a_python_without_venv_is_told_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else name)
    monkeypatch.setattr("tools.install_with_apt", lambda package: False)
    assert "sudo apt-get install python3." in tools.problem()


def test_the_venv_is_made_once(tmp_path, monkeypatch, capfd):
    (tmp_path / "none.txt").write_text("")
    monkeypatch.setattr(tools, "ROOT", tmp_path)
    monkeypatch.setattr(tools, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(tools, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    tools.install("none.txt")
    assert "Making .venv" in capfd.readouterr().out
    tools.install("none.txt")
    assert capfd.readouterr().out == ""
    (tmp_path / ".venv" / "made-by").write_text("another Python")
    tools.install("none.txt")
    assert "Making .venv" in capfd.readouterr().out
    assert Path(tools.PYTHON).exists()
