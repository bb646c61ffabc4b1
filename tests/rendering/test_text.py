"""Any text that is not refused stands in the files as it was typed; tests/running/test_texts.py looks at the pages."""

import ast
import contextlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from markdown_it import MarkdownIt

from template_code.answers import refusals
from template_code.questions import QUESTIONS
from tests.support.rendering import TEMPLATE, assigned, render, ruff, run_cookiecutter
from tests.support.texts import PAYLOADS, TEXTS, texts_of

TITLES = "project_name", "description", "author_name"
FILES = ["README.md", "AGENTS.md", "{{cookiecutter.project_slug}}/settings.py", "Dockerfile"]
ANSWERS = {
    "project_name": "Zoo",
    "project_slug": "zoo",
    "app_name": "items",
    "description": "A zoo.",
    "author_name": "Ada",
}
ANSWERS |= {"email": "ada@example.com", "time_zone": "UTC", "python_version": "3.12"}

CHARACTERS = "'\"\\`*_#<>&;[]()!~|{}%$@=+-.: \n\t\0\x1b\x85\u2028\u202e\u200d\ufeff\udcff🐍"
FRAGMENTS = ['"""', "'''", "{{", "}}", "{%", "%}", "{#", "#}", "\\N{", "\\u", "\\x", "</", "<!--", "-->", "&lt;", "&#"]
FRAGMENTS += ["1.", "---", "```", "👩‍🚀", "e\u0301"]

PIECES = st.one_of(st.sampled_from([*CHARACTERS, *FRAGMENTS]), st.text(st.characters(), max_size=8))
ANY_TEXT = st.lists(PIECES, max_size=8).map("".join)


def shown(source):
    """Return the headings and the paragraphs of Markdown, as its readers see them."""
    page = MarkdownIt("commonmark").enable(["strikethrough", "table"]).render(source)
    return texts_of(page, "h1"), texts_of(page, "p")


def check_code(source, *texts):
    """The settings hold the texts, and show each character."""
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    assert set(texts) <= set(constants)
    assert [line for line in source.split("\n") if not line.isprintable()] == []


def labels(dockerfile):
    """Return the labels of an image, as Docker reads them; tests/deployed/test_image.py builds such labels."""
    pattern = r'^LABEL org\.opencontainers\.image\.(\w+)="((?:[^"\\$]|\\["\\$])*)"$'
    return {name: re.sub(r"\\(.)", r"\1", text) for name, text in re.findall(pattern, dockerfile, re.MULTILINE)}


def check(name, description, author):
    """The files in which a project has these texts, as typed, show them exactly; return the settings."""
    typed = {"project_name": name, "description": description, "author_name": author}
    readme, agents, code, dockerfile = (render(path, typed) for path in FILES)
    assert labels(dockerfile) == {"title": name, "description": description}
    assert shown(agents)[0] == [f"Working on {name}"]
    headings, paragraphs = shown(readme)
    assert (headings, paragraphs[0]) == ([name], description)
    assert paragraphs[1].partition("\n")[2] == f"Maintained by {author} you@example.com."
    check_code(code, name, description, author)
    return code


def accepted(question, text):
    """Return the text or, where it is refused, the one that the sentence names."""
    sentences = refusals({**ANSWERS, question: text})
    if not sentences:
        return text
    (sentence,) = sentences
    problem, remedy = re.fullmatch(f"{question} cannot ([a-z ]+): ('.+'|\".+\") would do\\.", sentence).groups()
    assert problem in ("be empty", "begin or end with a space", "contain line breaks or control characters")
    return ast.literal_eval(remedy)


def test_no_other_file_has_these_texts():
    found = [
        path.relative_to(TEMPLATE).as_posix()
        for path in TEMPLATE.rglob("*")
        if path.is_file() and re.search(rf"cookiecutter\.({'|'.join(TITLES)})\b".encode(), path.read_bytes())
    ]
    assert sorted(found) == sorted(FILES)


@pytest.mark.parametrize("text", [*TEXTS, *PAYLOADS], ids=lambda text: ascii(text[:24]))
def test_a_text_is_shown_as_it_was_typed(text):
    assert accepted("project_name", text) == text
    check(text, text, text)


@pytest.mark.matrix
def test_ruff_is_content_whatever_the_text(tmp_path):
    for number, text in enumerate([*TEXTS, *PAYLOADS]):
        folder = tmp_path / str(number) / "my_project"
        folder.mkdir(parents=True)
        # By its name ruff knows that this module is the project's own.
        (folder / "environment.py").touch()
        (folder / "settings.py").write_text(check(text, text, text), encoding="utf-8")
        (folder.parent / "pyproject.toml").write_text(
            (TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8"
        )
    assert ruff(tmp_path) == ""


@settings(max_examples=50, derandomize=True, deadline=None, phases=[Phase.generate])
@given(texts=st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT))
def test_each_text_is_shown_as_it_was_typed_or_refused_with_one_that_is(texts):
    check(*(accepted(*pair) for pair in zip(TITLES, texts)))


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


def test_nothing_that_is_typed_at_the_prompt_runs_as_code(tmp_path, marker):
    text = " ".join(PAYLOADS).replace("MARKER", str(marker))
    typed = {**dict.fromkeys(TITLES, text), "project_slug": "zoo"}
    done = run_cookiecutter(tmp_path, stdin="".join(f"{typed.get(question, '')}\n" for question in QUESTIONS))
    assert done.returncode == 0, done.stderr
    assert assigned(tmp_path / "made" / "zoo" / "zoo" / "settings.py")["PROJECT_DESCRIPTION"] == text
    assert not marker.exists()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload[:24]))
def test_no_answer_that_is_refused_runs_as_code(rendered, marker, payload):
    text = payload.replace("MARKER", str(marker))
    replayed = dict.fromkeys(("app_name", "email", "time_zone", "python_version"), text)
    with pytest.raises(FailedHookException):
        rendered.typed(**replayed)
    assert not marker.exists()


@pytest.mark.skipif(os.name == "nt", reason="the payloads call touch")
def test_the_payloads_would_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    marker = Path("MARKER")
    with contextlib.suppress(TypeError):
        eval(f'"{PAYLOADS[1]}"')
    marker.unlink()
    subprocess.run(["sh", "-c", f"echo {PAYLOADS[6]}"], check=True)
    marker.unlink()
    Environment().from_string(PAYLOADS[10]).render()
    marker.unlink()
