"""Any text that is not refused is shown as it was typed: on the pages, in the API's schema, in README.md."""

import ast
import contextlib
import html.parser
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from cookiecutter.exceptions import FailedHookException
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from markdown_it import MarkdownIt

from template_code.answers import refusals
from template_code.questions import QUESTIONS, ROOT
from tests.support.rendering import TEMPLATE, assigned, listing, render, ruff, run_cookiecutter

TITLES = "project_name", "description", "author_name"
FILES = ["README.md", "AGENTS.md", "{{cookiecutter.project_slug}}/settings.py"]
ANSWERS = {
    "project_name": "Zoo",
    "project_slug": "zoo",
    "app_name": "items",
    "description": "A zoo.",
    "author_name": "Ada",
}
ANSWERS |= {"email": "ada@example.com", "time_zone": "UTC", "python_version": "3.12"}

TEXTS = [
    "It's",
    '"',
    "'''",
    '"""',
    """It's "quoted" and 'quoted'""",
    """"a" "b" it's""",
    "“Quoted” «so» „or“ so",
    "\\",
    "C:\\new\\table\\",
    '\\"',
    "\\N{BULLET} \\u0041 \\x41 \\101",
    "{{ 7 * 7 }}",
    "{% raw %}{{ }}{% endraw %}",
    "{% if x %}",
    "{# comment #}",
    "#}",
    "{{ cookiecutter.email }}",
    "</script><script>alert(1)</script>",
    "</title></footer><!-- <![CDATA[ ]]> -->",
    "&lt; & &amp;amp; <b> &#65; &nbsp",
    "$(touch x) `touch x` $HOME ${HOME}",
    "%s %(name)s %% {name} {0}",
    "# noqa",
    "null",
    "None",
    "1e3",
    "- yes: no",
    "!!python/object:os.system x",
    "# heading ##",
    "C #",
    "#",
    "> quoted",
    "+ item",
    "* item * * *",
    "---",
    "===",
    "1. one",
    "1)",
    "_a_b_ __init__ a_b_c *a* **b** ~~c~~ ~d~",
    "``` `code` ~~~",
    "[link](x) ![image](x) [reference] <https://example.com>",
    "[reference]: https://example.com",
    "| a | b |",
    "<div>",
    "two  spaces",
    "日本語 Ünïcödé",
    "🐍 👩‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽",
    "שלום مرحبا",
    "abc \u202edef\u202c \u2066ghi\u2069 \u200f\u200e\u061c",
    "e\u0301 Z\u0351\u036b\u0343\u036a\u0302 \u0301",
    "non\xa0breaking\ufeff \u200bzero\u200d \xad \u3164 \u2060",
    "private \ue000 \U0010fffd unassigned \u0378 not a character \ufffe \uffff \U0001fffe",
    "tags \U000e0041\U000e007f variation \ufe0f",
    "x" * 300,
    "word " * 60 + "end",
    "x" * 98,
    "x" * 99,
    "x" * 106,
    "'\"" * 45,
    "日" * 50,
    "e\u0301" * 60,
    "🐍" * 150,
]

PAYLOADS = [
    """'\\"\\"\\"+__import__("os").system("touch MARKER")+'""",
    """"+__import__('os').system('touch MARKER')+\"""",
    """'+__import__("os").system("touch MARKER")+'""",
    """\"\"\"+__import__('os').system('touch MARKER')+\"\"\"""",
    """\\"+__import__('os').system('touch MARKER')#""",
    """''')\\n__import__('os').system('touch MARKER')#""",
    "$(touch MARKER)",
    "`touch MARKER`",
    "'; touch MARKER; '",
    "x; touch MARKER #",
    "{{ cycler.__init__.__globals__.os.system('touch MARKER') }}",
    "{% set x = cycler.__init__.__globals__.os.system('touch MARKER') %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cookiecutter|refuse_impossible_answers }}",
    "{% load static %}{% include 'base.html' %}{{ settings.SECRET_KEY }}{% debug %}",
    "<script>fetch('/MARKER')</script><img src=x onerror=alert(1)>",
    "!!python/object/apply:os.system ['touch MARKER']",
    "%(x)s {0.__class__} {settings.SECRET_KEY}",
]

CHARACTERS = "'\"\\`*_#<>&;[]()!~|{}%$@=+-.: \n\t\0\x1b\x85\u2028\u202e\u200d\ufeff\udcff🐍"
FRAGMENTS = ['"""', "'''", "{{", "}}", "{%", "%}", "{#", "#}", "\\N{", "\\u", "\\x", "</", "<!--", "-->", "&lt;", "&#"]
FRAGMENTS += ["1.", "---", "```", "👩‍🚀", "e\u0301"]

PIECES = st.one_of(st.sampled_from([*CHARACTERS, *FRAGMENTS]), st.text(st.characters(), max_size=8))
ANY_TEXT = st.lists(PIECES, max_size=8).map("".join)


class Elements(html.parser.HTMLParser):
    """The texts of the elements with this tag and these attributes, in `texts`."""

    def __init__(self, source, tag, **attributes):
        super().__init__()
        self.wanted = tag, attributes
        self.inside = False
        self.texts = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        wanted, with_attributes = self.wanted
        if tag == wanted and with_attributes.items() <= dict(attributes).items():
            self.inside = True
            self.texts.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != self.wanted[0]

    def handle_data(self, data):
        if self.inside:
            self.texts[-1] += data


def texts_of(source, tag, **attributes):
    return Elements(source, tag, **attributes).texts


@pytest.fixture(scope="module")
def visit(installed):
    """Return what a project shows, as visits.py tells it: `visit(project)`."""
    command = [installed().python, "-I", "-B", "-W", "error", ROOT / "tests" / "support" / "visits.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def visit(project):
            print(json.dumps(str(project.path)), file=process.stdin, flush=True)
            shown = json.loads(process.stdout.readline())
            assert "error" not in shown, shown["error"]
            return shown

        yield visit


def shown(source):
    """Return the headings and the paragraphs of Markdown, as its readers see them."""
    page = MarkdownIt("commonmark").enable(["strikethrough", "table"]).render(source)
    return texts_of(page, "h1"), texts_of(page, "p")


def check_code(source, *texts):
    """The settings hold the texts, and show each character."""
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    assert set(texts) <= set(constants)
    assert [line for line in source.split("\n") if not line.isprintable()] == []


def check_pages(shown, name, description, author):
    assert texts_of(shown["login"], "title") == [f"Sign in · {name}"]
    assert texts_of(shown["login"], "a", **{"class": "name"}) == [name]
    assert texts_of(shown["login"], "p")[-1] == description
    assert texts_of(shown["admin"], "title") == [f"Log in | {name}"]
    assert texts_of(shown["admin"], "a", href="/admin/") == [name]
    assert texts_of(shown["docs"], "title") == [f"API · {name}"]
    for schema in shown["schema"], yaml.safe_load(shown["yaml"]):
        information = schema["info"]
        assert (information["title"], information["description"]) == (name, description)
        assert information["contact"]["name"] == author


def check(name, description, author):
    """The files in which a project has these texts, as typed, show them exactly; return the settings."""
    typed = {"project_name": name, "description": description, "author_name": author}
    readme, agents, code = (render(path, typed) for path in FILES)
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
        if path.is_file() and re.search(rf"cookiecutter\.({'|'.join(TITLES)})\b", path.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == sorted(FILES)


@pytest.mark.parametrize("text", [*TEXTS, *PAYLOADS], ids=lambda text: ascii(text[:24]))
def test_a_text_is_shown_as_it_was_typed(text):
    assert accepted("project_name", text) == text
    check(text, text, text)


def test_ruff_is_content_whatever_the_text(tmp_path):
    for number, text in enumerate([*TEXTS, *PAYLOADS]):
        folder = tmp_path / str(number) / "my_project"
        folder.mkdir(parents=True)
        # By its name ruff knows that this module is the project's own.
        (folder / "environment.py").touch()
        (folder / "settings.py").write_text(check(text, text, text))
        (folder.parent / "pyproject.toml").write_text((TEMPLATE / "pyproject.toml").read_text())
    assert ruff(tmp_path) == ""


@settings(max_examples=50, derandomize=True, deadline=None, phases=[Phase.generate])
@given(texts=st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT))
def test_each_text_is_shown_as_it_was_typed_or_refused_with_one_that_is(texts):
    check(*(accepted(*pair) for pair in zip(TITLES, texts)))


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


def test_the_pages_show_a_text_as_it_was_typed(rendered, visit, marker):
    texts = [text.replace("MARKER", str(marker)) for text in [*TEXTS, *PAYLOADS]]
    for turn in range(3):
        # Each text once in each place.
        name, description, author = (" ".join(texts[(turn + place) % 3 :: 3]) for place in range(3))
        project = rendered.typed(project_name=name, description=description, author_name=author)
        assert listing(project) == listing(rendered())
        check_pages(visit(project), name, description, author)
    assert not marker.exists()


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


@pytest.mark.parametrize(("project_slug", "app_name"), [("print", "none"), ("z" * 40, "a__"), ("object", "str")])
def test_a_name_that_is_not_refused_will_do(rendered, visit, project_slug, app_name):
    assert visit(rendered(project_slug=project_slug, app_name=app_name))["login"]


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("!#$%&*/=?^_`{|}~-+o'brien@example.com", "!#$%&*/=?^_`{|}~-+o'brien@example.com"),
        (f"{'a' * 64}@{'b' * 36}.bücher.example", f"{'a' * 64}@{'b' * 36}.xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_mail_comes_from_the_address(rendered, visit, address, sender):
    project = rendered.typed(email=address)
    assert ruff(project.path) == ""
    told = visit(project)
    assert told["sender"] == sender
    assert told["schema"]["info"]["contact"]["email"] == address
