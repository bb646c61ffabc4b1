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

import template_filters
from demo import QUESTIONS, ROOT
from tests.rendering import assigned, listing, ruff, run_cookiecutter

TITLES = "project_name", "description", "author_name"

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
    command = [installed().python, "-I", "-B", "-W", "error", ROOT / "tests" / "visits.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def visit(project):
            print(json.dumps(str(project.path)), file=process.stdin, flush=True)
            shown = json.loads(process.stdout.readline())
            assert "error" not in shown, shown["error"]
            return shown

        yield visit


def check_readme(project, name, description, author):
    """The pages that show Markdown show the texts, and nothing but text."""
    source = (project.path / "README.md").read_text(encoding="utf-8")
    shown = MarkdownIt("commonmark").enable(["strikethrough", "table"]).render(source)
    assert texts_of(shown, "h1") == [name]
    paragraphs = texts_of(shown, "p")
    assert paragraphs[0] == description
    assert paragraphs[1].partition("\n")[2] == f"Maintained by {author} {project.answers['email']}."


def check_code(project, *texts):
    source = (project.path / "my_project" / "settings.py").read_text(encoding="utf-8")
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    assert set(texts) <= set(constants)
    assert [line for line in source.split("\n") if not line.isprintable()] == []
    assert ruff(project.path) == ""


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


def check(rendered, visit, name, description, author):
    """A project of these texts, as typed, is sound and shows them exactly."""
    project = rendered.typed(project_name=name, description=description, author_name=author)
    assert listing(project) == listing(rendered())
    check_code(project, name, description, author)
    check_readme(project, name, description, author)
    check_pages(visit(project), name, description, author)
    return project


def accepted(context, question, text):
    """Return the text or, where it is refused, the one that the sentence names."""
    sentences = template_filters.refusals({**context, question: text})
    if not sentences:
        return text
    (sentence,) = sentences
    problem, remedy = re.fullmatch(f"{question} cannot ([a-z ]+): ('.+'|\".+\") would do\\.", sentence).groups()
    assert problem in ("be empty", "begin or end with a space", "contain line breaks or control characters")
    return ast.literal_eval(remedy)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:24]))
def test_a_text_is_shown_as_it_was_typed(rendered, visit, text):
    assert accepted(rendered().answers, "project_name", text) == text
    check(rendered, visit, text, text, text)


@settings(max_examples=50, derandomize=True, deadline=None, phases=[Phase.generate])
@given(texts=st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT))
def test_each_text_is_shown_as_it_was_typed_or_refused_with_one_that_is(rendered, visit, texts):
    check(rendered, visit, *(accepted(rendered().answers, *pair) for pair in zip(TITLES, texts)))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload[:24]))
def test_no_text_runs_as_code(rendered, visit, tmp_path, payload):
    marker = tmp_path / "marker"
    text = payload.replace("MARKER", str(marker))
    check(rendered, visit, text, text, text)
    assert not marker.exists()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload[:24]))
def test_nothing_that_is_typed_at_the_prompt_runs_as_code(tmp_path, payload):
    marker = tmp_path / "marker"
    text = payload.replace("MARKER", str(marker))
    typed = {**dict.fromkeys(TITLES, text), "project_slug": "zoo"}
    done = run_cookiecutter(tmp_path, stdin="".join(f"{typed.get(question, '')}\n" for question in QUESTIONS))
    assert done.returncode == 0, done.stderr
    assert assigned(tmp_path / "made" / "zoo" / "zoo" / "settings.py")["PROJECT_DESCRIPTION"] == text
    assert not marker.exists()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload[:24]))
def test_no_answer_that_is_refused_runs_as_code(rendered, tmp_path, payload):
    marker = tmp_path / "marker"
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


@pytest.mark.parametrize(
    ("project_slug", "app_name"),
    [("print", "none"), ("a1", "b_"), ("a__b", "true"), ("z" * 40, "a" * 40), ("object", "str"), ("app", "api")],
)
def test_a_name_that_is_not_refused_will_do(rendered, visit, project_slug, app_name):
    assert visit(rendered(project_slug=project_slug, app_name=app_name))["login"]


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("o'brien+zoo@example.com", "o'brien+zoo@example.com"),
        ("!#$%&*/=?^_`{|}~-@example.com", "!#$%&*/=?^_`{|}~-@example.com"),
        ("root@localhost", "root@localhost"),
        (f"{'a' * 64}@{'b' * 36}.example", f"{'a' * 64}@{'b' * 36}.example"),
        ("buero@bücher.example", "buero@xn--bcher-kva.example"),
    ],
)
def test_mail_comes_from_the_address(rendered, visit, address, sender):
    project = rendered.typed(email=address)
    assert ruff(project.path) == ""
    shown = visit(project)
    assert shown["sender"] == sender
    assert shown["schema"]["info"]["contact"]["email"] == address
