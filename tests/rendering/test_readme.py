"""README.md is refreshed by `make docs`; these tests say when it has to be."""

import json
import re

import pytest

from template_code.questions import ROOT
from tools.docs import questions

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


def test_the_table_of_questions_is_that_of_cookiecutter_json():
    assert questions() in README


def test_the_transcript_asks_the_questions_of_cookiecutter_json():
    transcript = README.partition("```console\n")[2].partition("```")[0]
    asked = re.findall(r"^  \[\d+/\d+\] (.+?)(?: \([^()]*\):)?$", transcript, re.MULTILINE)
    prompts = [CONTEXT["__prompts__"][name] for name in CONTEXT if not name.startswith("_")]
    assert asked == [prompt if isinstance(prompt, str) else prompt["__prompt__"] for prompt in prompts]


@pytest.mark.parametrize("name", re.findall(r'(?:src|srcset)="([^"]+)"', README))
def test_the_pictures_are_there(name):
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|    )make ([a-z-]+)", README))))
def test_the_targets_are_in_the_makefile(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
