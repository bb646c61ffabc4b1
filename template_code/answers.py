"""The answers to the questions: which are refused, and what would do instead."""

import difflib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import click

from template_code.names import problem_with_name, usable_name
from template_code.questions import DEFAULTS
from template_code.texts import is_address, problem_with_text, showable

# In bytes: about three times the size of the rendered files.
ROOM_FOR_FILES = 2 * 2**20


def running_python(supported: Iterable[str]) -> str:
    """Return the version of the running Python, or the newest supported one if the running one is not supported."""
    running = "{}.{}".format(*sys.version_info)
    return running if running in supported else list(supported)[-1]


def problems(answers: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield a question, what its answer cannot do or be, and a valid answer, for each answer that is refused."""
    for question in "project_name", "description", "author_name":
        text = answers[question]
        problem = problem_with_text(text)
        if problem:
            yield question, problem, showable(text) or DEFAULTS[question]
    slug, app = answers["project_slug"], answers["app_name"]
    problem = problem_with_name(slug)
    if problem:
        yield "project_slug", f"be {slug!r}, because {problem}", usable_name(slug, "project", app)
    problem = problem_with_name(app)
    if app == slug:
        problem = problem or "the project's own package has that name"
    if problem:
        yield "app_name", f"be {app!r}, because {problem}", usable_name(app, "app", slug)
    email = answers["email"]
    if not is_address(email):
        yield "email", f"be {email!r}, because it is not an address", DEFAULTS["email"]
    zone, zones = answers["time_zone"], available_timezones()
    if zones and zone not in zones:
        remedy = next(iter(difflib.get_close_matches(zone, sorted(zones), 1)), "UTC")
        yield "time_zone", f"be {zone!r}, because that is not an IANA name", remedy
    version, versions = answers["python_version"], list(DEFAULTS["_django"])
    if version not in versions:
        supported = f"{versions[0]} to {versions[-1]}"
        yield "python_version", f"be {version!r}, because it is not one of {supported}", running_python(versions)


def refusals(answers: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each answer that is refused."""
    return [f"{name} cannot {problem}: {remedy!r} would do." for name, problem, remedy in problems(answers)]


def refuse_impossible_answers(answers: Mapping[str, Any]) -> str:
    """Exit with a sentence about each refused answer, or about the folder, before Cookiecutter writes anything.

    Return nothing to render otherwise.
    """
    # For an old answer file, Cookiecutter renders the new variables without the other answers.
    if "project_name" in answers and refusals(answers):
        sys.exit("\n".join(refusals(answers)))
    command_line = click.get_current_context(silent=True)
    if command_line:
        folder = Path(command_line.params.get("output_dir") or ".").resolve()
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK):
            sys.exit(f"Nothing can be written to the folder {folder}: choose another one with --output-dir.")
        # On a full disk Cookiecutter leaves half a project and a traceback. Some file systems report no size.
        disk = shutil.disk_usage(existing)
        if disk.total and disk.free < ROOM_FOR_FILES:
            sys.exit(f"The disk of the folder {folder} is full: make room, or choose another one with --output-dir.")
    return ""
