"""Answers that cannot become a project are refused in one sentence, and nothing is written."""

import ast
import json
import re
import subprocess

import pytest

from template_code import answers as answers_module
from template_code.answers import refusals
from template_code.names import problem_with_name
from template_code.questions import ROOT
from tests.support.machine import PYTHON_VERSIONS, python_of
from tests.support.rendering import run_cookiecutter, template_files

WORD = "it is a word of the Python language"
MODULE = "it is the name of a module of Python's standard library"
PACKAGE = "it is the name of a package that the project uses"
TAKEN = "the project, or Django, has something of that name"
FORM = "a name is at most 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
WINDOWS = "it is a reserved name on Windows"
UNSHOWABLE = "cannot contain line breaks or control characters"

NAMES = {
    "class": WORD,
    "async": WORD,
    "match": WORD,
    "type": WORD,
    "cgi": MODULE,
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
    "Con": FORM,
    "None": FORM,
    "__init__": FORM,
    "_": FORM,
    "a/b": FORM,
    "com\u00b9": FORM,
    "conin$": FORM,
    "new\nline": FORM,
    "nul\0": FORM,
    "aux": WINDOWS,
    "com0": WINDOWS,
    "com9": WINDOWS,
    "con": WINDOWS,
    "lpt0": WINDOWS,
    "lpt9": WINDOWS,
    "nul": WINDOWS,
    "prn": WINDOWS,
}

OTHERS = [
    ({"app_name": "zoo", "project_slug": "zoo"}, "app_name cannot be 'zoo', because the project's own package has"),
    (
        {"project_slug": "items"},
        "app_name cannot be 'items', because the project's own package has that name: 'items_app'",
    ),
    ({"app_name": ""}, "app_name cannot be '', because a name is at most 40"),
    ({"app_name": "../zoo"}, "app_name cannot be '../zoo', because a name is at most 40"),
    ({"email": ""}, "email cannot be '', because it is not an address"),
    ({"email": "ada"}, "email cannot be 'ada', because it is not an address"),
    ({"email": "Ada <ada@example.com>"}, "email cannot be 'Ada <ada@example.com>', because it is not an address"),
    ({"email": "a@b@c"}, "email cannot be 'a@b@c', because it is not an address"),
    (
        {"email": "Ada@example.com, b@example.com"},
        "email cannot be 'Ada@example.com, b@example.com', because it is not",
    ),
    ({"email": "a,b@example.com"}, "email cannot be 'a,b@example.com', because it is not an address"),
    ({"email": "ada@example..com"}, "email cannot be 'ada@example..com', because it is not an address"),
    ({"email": "ada@example.com."}, "email cannot be 'ada@example.com.', because it is not an address"),
    ({"email": f"ada@{'x' * 64}.com"}, "email cannot be 'ada@xxxxxx"),
    (
        {"email": "ada@example.com\nBcc: b@example.com"},
        "email cannot be 'ada@example.com\\nBcc: b@example.com', because",
    ),
    ({"email": "ada@example.com\n"}, "email cannot be 'ada@example.com\\n', because it is not an address"),
    ({"email": "ada@exa\0mple.com"}, "email cannot be 'ada@exa\\x00mple.com', because it is not an address"),
    ({"email": "\udcff@example.com"}, "email cannot be '\\udcff@example.com', because it is not an address"),
    ({"email": "b\xfcro@example.com"}, "email cannot be 'b\xfcro@example.com', because it is not an address"),
    ({"time_zone": ""}, "time_zone cannot be '', because that is not an IANA name: 'UTC'"),
    ({"time_zone": "CEST+1"}, "time_zone cannot be 'CEST+1', because that is not an IANA name"),
    (
        {"time_zone": "europe/berlin"},
        "time_zone cannot be 'europe/berlin', because that is not an IANA name: 'Europe/B",
    ),
    ({"time_zone": "../etc/passwd"}, "time_zone cannot be '../etc/passwd', because that is not an IANA name"),
    ({"time_zone": "UTC\n"}, "time_zone cannot be 'UTC\\n', because that is not an IANA name: 'UTC'"),
    ({"python_version": "2.7"}, "python_version cannot be '2.7', because it is not one of 3.9 to "),
    ({"python_version": "3.99"}, "python_version cannot be '3.99', because it is not one of 3.9 to "),
    ({"python_version": "3.12.1"}, "python_version cannot be '3.12.1', because it is not one of 3.9 to "),
    ({"python_version": ""}, "python_version cannot be '', because it is not one of 3.9 to "),
]

TEXTS = {
    "": "cannot be empty",
    "   ": "cannot be empty",
    "\u3000": "cannot be empty",
    " before": "cannot begin or end with a space: 'before' would do.",
    "after ": "cannot begin or end with a space: 'after' would do.",
    "after\xa0": "cannot begin or end with a space: 'after' would do.",
    "two\nlines": f"{UNSHOWABLE}: 'two lines' would do.",
    "It's\ntwo": f'{UNSHOWABLE}: "It\'s two" would do.',
    "carriage\rreturn": f"{UNSHOWABLE}: 'carriage return' would do.",
    "next\x85line": f"{UNSHOWABLE}: 'next line' would do.",
    "line\u2028separator": f"{UNSHOWABLE}: 'line separator' would do.",
    "paragraph\u2029separator": f"{UNSHOWABLE}: 'paragraph separator' would do.",
    "at the end\n": f"{UNSHOWABLE}: 'at the end' would do.",
    "ta\tb": f"{UNSHOWABLE}: 'ta b' would do.",
    "nul\0": f"{UNSHOWABLE}: 'nul' would do.",
    "\a": UNSHOWABLE,
    "\x1b[31mred": f"{UNSHOWABLE}: '[31mred' would do.",
    "\x7f\x9f": UNSHOWABLE,
    "byte \udcff": f"{UNSHOWABLE}: 'byte' would do.",
    "\ud83d\udc0d": UNSHOWABLE,
}

REFUSED = [
    *(({"app_name": name}, f"app_name cannot be {name!r}, because {problem}") for name, problem in NAMES.items()),
    *(
        ({"project_slug": name}, f"project_slug cannot be {name!r}, because {problem}")
        for name, problem in NAMES.items()
    ),
    *(({"project_name": text}, f"project_name {problem}") for text, problem in TEXTS.items()),
    *(({"description": text}, f"description {problem}") for text, problem in TEXTS.items()),
    *(({"author_name": text}, f"author_name {problem}") for text, problem in TEXTS.items()),
    *OTHERS,
]

SENTENCE = r"""(\w+) cannot .+: ('.+'|".+") would do\."""


def name_of(answers):
    return ascii(answers)[:40]


def told(answers):
    """Return what is said about these answers, sentence by sentence."""
    return refusals(answers)


@pytest.mark.parametrize(("answers", "start"), REFUSED, ids=lambda value: ascii(value)[:60])
def test_is_refused_in_one_sentence_whose_remedy_is_accepted(rendered, answers, start):
    context = {**rendered().answers, **answers}
    (sentence,) = told(context)
    assert sentence.startswith(start)
    question, remedy = re.fullmatch(SENTENCE, sentence).groups()
    assert told({**context, question: ast.literal_eval(remedy)}) == []


def test_each_refused_answer_has_its_sentence(rendered):
    wrong = dict.fromkeys(("project_name", "description", "author_name"), "\n")
    wrong.update(project_slug="class", app_name="class", email="ada", time_zone="x", python_version="2.7")
    sentences = told({**rendered().answers, **wrong})
    assert [re.fullmatch(SENTENCE, sentence)[1] for sentence in sentences] == list(wrong)


@pytest.mark.parametrize(
    "answers",
    [
        {"project_slug": "z" * 40, "app_name": "a" * 40},
        {"app_name": "blog"},
        {"project_slug": "app", "app_name": "api"},
        {"project_slug": "a1", "app_name": "b_"},
        {"project_slug": "print", "app_name": "none"},
        {"email": "ada+zoo@sub.example.org"},
        {"email": "o'brien@example.org"},
        {"email": "root@localhost"},
        {"email": "buero@b\xfccher.example"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"time_zone": "Etc/GMT+5"},
        *({"python_version": version} for version in PYTHON_VERSIONS),
    ],
    ids=str,
)
def test_is_accepted(rendered, answers):
    assert told({**rendered().answers, **answers}) == []


def test_the_name_of_all_that_is_at_the_top_of_a_project_is_refused(rendered):
    answers = rendered().answers
    top = {file.partition("/")[0].lower() for file in template_files(answers)}
    top |= {line.strip("/") for line in (rendered().path / ".gitignore").read_text(encoding="utf-8").splitlines()}
    names = {name.removesuffix(".py") for name in top} - {answers["project_slug"], answers["app_name"]}
    free = [name for name in names if re.fullmatch("[a-z]+", name) and not problem_with_name(name)]
    assert free == []


@pytest.mark.parametrize(
    "answers",
    [
        {"project_slug": "a/b"},
        {"project_slug": "/tmp/zoo"},
        {"app_name": "class"},
        {"project_name": ""},
        {"description": "two\nlines"},
        {"author_name": "byte \udcff"},
        {"email": "ada"},
        {"time_zone": "Moon/Crater"},
        {"python_version": "2.7"},
    ],
    ids=name_of,
)
def test_the_user_is_told_one_sentence_and_nothing_else(refused, answers):
    (line,) = refused(**answers).splitlines()
    assert re.fullmatch(SENTENCE, line)[1] in answers


def test_the_user_is_told_of_all_answers_at_once(refused):
    lines = refused(project_slug="class", app_name="class", email="ada").splitlines()
    assert [re.fullmatch(SENTENCE, line)[1] for line in lines] == ["project_slug", "app_name", "email"]


def test_the_hooks_are_not_needed(refused):
    assert re.fullmatch(SENTENCE, refused("--no-input", "--accept-hooks=no", app_name="class").strip())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_sentence_is_told_whatever_the_terminal_can_show(refused, encoding):
    shown = refused(environment={"PYTHONIOENCODING": encoding}, description="日本\n🐍")
    assert re.fullmatch(SENTENCE, shown.strip())


@pytest.fixture
def saved(rendered, tmp_path):
    """Save answers as Cookiecutter does, and return the options that replay them; None leaves one out."""

    def saved(**answers):
        answers = {**rendered().answers, **answers}
        path = tmp_path / "saved.json"
        kept = {question: answer for question, answer in answers.items() if answer is not None}
        path.write_text(json.dumps({"cookiecutter": kept}), encoding="utf-8")
        return "--replay-file", path

    return saved


@pytest.mark.parametrize(
    "answers",
    [{"app_name": "class"}, {"description": "\ud83d\n'"}, {"email": "{{ 7 * 7 }}"}],
    ids=name_of,
)
def test_a_replayed_answer_is_refused_too(refused, saved, answers):
    shown = refused(*saved(**answers))
    assert [match[1] for match in re.finditer(f"^\n{SENTENCE}\n$", shown, re.MULTILINE)] == list(answers)


def test_only_an_answer_that_was_not_saved_is_asked_for(saved, tmp_path):
    done = run_cookiecutter(tmp_path, *saved(author_name=None), stdin="Ada\n")
    assert done.returncode == 0, done.stderr
    assert "Maintained by Ada <" in (tmp_path / "made" / "my_project" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("replayed", [False, True])
def test_a_project_that_is_there_stays_as_it_is(saved, tmp_path, replayed):
    own = tmp_path / "made" / "my_project" / "own.py"
    own.parent.mkdir(parents=True)
    own.write_text("own = 1\n", encoding="utf-8")
    options = saved(email="ada") if replayed else ["--no-input", "email=ada"]
    assert run_cookiecutter(tmp_path, "--overwrite-if-exists", *options).returncode == 1
    assert list((tmp_path / "made").rglob("*")) == [own.parent, own]


def test_nothing_is_left_of_the_check_in_the_answers(rendered):
    assert rendered().answers["__refusals"] == ""


# Another Python has none of the packages that this needs, and what is wrong with a name can be told without them.
PROBLEMS = f"""
import json, sys, types
sys.modules["slugify"] = types.SimpleNamespace(slugify=None)
sys.path.insert(0, {str(ROOT)!r})
from template_code.names import problem_with_name
print(json.dumps([problem_with_name(name) for name in json.load(sys.stdin)]))
"""

MODULES = """
import json, pkgutil, sys, sysconfig
try:
    names = sys.stdlib_module_names
except AttributeError:
    names = [module.name for module in pkgutil.iter_modules([sysconfig.get_path("stdlib")])]
print(json.dumps(list(names)))
"""


def run_script(python, script, data=None):
    done = subprocess.run(
        [python, "-I", "-B", "-c", script], input=json.dumps(data), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def modules():
    """The names of the modules that come with the Pythons of this machine."""
    pythons = filter(None, map(python_of, PYTHON_VERSIONS))
    names = {name for python in pythons for name in run_script(python, MODULES)}
    return sorted(name for name in names if re.fullmatch("[a-z][a-z0-9_]*", name))


@pytest.mark.parametrize("version", PYTHON_VERSIONS)
def test_each_python_refuses_the_same_names(modules, version):
    python = python_of(version)
    if not python:
        pytest.skip(f"there is no Python {version} on this machine")
    assert run_script(python, PROBLEMS, [*NAMES, "blog", "zoo"]) == [*NAMES.values(), None, None]
    problems = run_script(python, PROBLEMS, modules)
    assert [name for name, problem in zip(modules, problems) if not problem] == []


def test_without_a_time_zone_database_any_time_zone_is_taken(rendered, monkeypatch):
    context = {**rendered().answers, "time_zone": "Moon/Crater"}
    assert told(context)
    monkeypatch.setattr(answers_module, "available_timezones", set)
    assert told(context) == []
