"""Any text that is not refused is shown as it was typed: on the pages and in the API's schema."""

import json
import subprocess

import pytest
import yaml

from template_code.questions import ROOT
from tests.support.rendering import listing, ruff
from tests.support.texts import PAYLOADS, TEXTS, texts_of


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


def check_pages(shown, name, description, author):
    assert [title.partition(" · ")[2] for title in texts_of(shown["login"], "title")] == [name]
    assert texts_of(shown["login"], "a", **{"class": "name"}) == [name]
    assert texts_of(shown["login"], "p")[-1] == description
    assert texts_of(shown["admin"], "title") == [f"Title | {name}"]
    assert texts_of(shown["admin"], "a", href="/admin/")[0] == name
    assert texts_of(shown["docs"], "title") == [f"API · {name}"]
    for schema in shown["schema"], yaml.safe_load(shown["yaml"]):
        information = schema["info"]
        assert (information["title"], information["description"]) == (name, description)
        assert information["contact"]["name"] == author


def test_the_pages_show_a_text_as_it_was_typed(rendered, visit, tmp_path):
    marker = tmp_path / "marker"
    texts = [text.replace("MARKER", str(marker)) for text in [*TEXTS, *PAYLOADS]]
    for turn in range(3):
        # Each text once in each place.
        name, description, author = (" ".join(texts[(turn + place) % 3 :: 3]) for place in range(3))
        project = rendered.typed(project_name=name, description=description, author_name=author)
        assert listing(project) == listing(rendered())
        check_pages(visit(project), name, description, author)
    assert not marker.exists()


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
