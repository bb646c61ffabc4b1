"""The pages that people read first are short, and what they name exists. `make docs` updates README.md."""

import json
import re

import pytest

from template_code.questions import ROOT
from tests.support.rendering import CHOSEN, name_of
from tools.docs import questions

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".github/CONTRIBUTING.md")}
README = PAGES["README.md"]
CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
PROMPTS = [CONTEXT["__prompts__"][name] for name in CONTEXT if not name.startswith("_")]
WIDTH = 120
DOCS = ["docs/libraries.md", "docs/monitoring.md", "docs/settings.md"]
LINES = {**dict.fromkeys(["README.md", *DOCS], 90), "AGENTS.md": 130, "docs/translations.md": 40}
LINES.update({"deploy/README.md": 120, "deploy/HOSTS.md": 120, "deploy/SCALING.md": 90, "docs/backups.md": 60})
OPTIONAL = {"deploy/kubernetes/README.md": 90, "docs/containers.md": 90}


def long_lines(text):
    return [line for line in text.splitlines() if len(line) > WIDTH]


def broken_links(text, folder):
    """Return the relative links and pictures that lead to no file, or to no heading of it."""
    broken = []
    for link in re.findall(r'(?:\]\(|src="|srcset=")(?!https?:)([^)"]+)', text):
        name, _, heading = link.partition("#")
        path = folder / name
        if name and not path.is_file():
            broken.append(link)
        elif heading:
            page = path.read_text(encoding="utf-8") if name else text
            titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
            if heading not in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}:
                broken.append(link)
    return broken


def test_the_table_of_questions_is_that_of_cookiecutter_json():
    assert questions() in README


def test_the_comparison_counts_the_questions():
    assert f"\n| Questions | {len(PROMPTS)} |" in README


def test_the_transcript_begins_with_the_first_question():
    transcript = README.partition("```console\n")[2].partition("```")[0]
    asked = re.findall(r"^  \[(\d+)/(\d+)\] (.+?) \([^()]*\):$", transcript, re.MULTILINE)
    assert asked == [("1", str(len(PROMPTS)), PROMPTS[0])]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES)
def test_no_line_is_long(page):
    assert long_lines(PAGES[page]) == []


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_to_a_file(page):
    assert broken_links(PAGES[page], (ROOT / page).parent) == []


@pytest.mark.parametrize("page", PAGES)
def test_each_make_target_is_in_the_makefile(page):
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", PAGES[page], re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("answers", CHOSEN, ids=name_of)
def test_the_pages_of_a_project_are_short_and_their_links_lead_to_files(rendered, answers):
    project = rendered(**answers)
    pages = {**LINES, **{name: most for name, most in OPTIONAL.items() if (project.path / name).exists()}}
    for name, most in pages.items():
        text = (project.path / name).read_text(encoding="utf-8")
        assert len(text.splitlines()) <= most, name
        assert long_lines(text) == [], name
        assert broken_links(text, (project.path / name).parent) == [], name


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[a](LICENSE) [b](https://example.com/none)", []),
        ("[a](none.md)", ["none.md"]),
        ('<img src="none.png">', ["none.png"]),
        ("[a](.github/CONTRIBUTING.md#none)", [".github/CONTRIBUTING.md#none"]),
        ("[a](.github/CONTRIBUTING.md#the-tests)", []),
        ("[a](#none)\n\n# One\n", ["#none"]),
        ("[a](#one)\n\n# One\n", []),
    ],
)
def test_a_broken_link_is_found(text, broken):
    assert broken_links(text, ROOT) == broken
