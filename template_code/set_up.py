"""What happens after Cookiecutter has rendered a project: sort its files, set it up, and say how to go on."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from template_code.files import optional_files, remove_unwanted_files
from template_code.packages import remove_rejected_virtualenvs
from template_code.processes import END_SIGNALS
from template_code.screen import GREEN, YELLOW, Progress, as_typed, coloured, say
from template_code.state import LOG, PYTHON, State
from template_code.steps import STEPS, Step


@dataclasses.dataclass
class Outcome:
    """How a step went: `state` is done, failed or not run."""

    step: str
    state: str = "not run"
    seconds: float = 0.0
    result: str = ""


def finish(answers: Mapping[str, Any]) -> None:
    """Finish the project in the current folder, whatever happens: an exception would make Cookiecutter delete it."""
    remove_unwanted_files(optional_files(answers))
    if os.environ.get("SKIP_SETUP") == "1" or is_rendered_to_compare(answers):
        return
    say(f"Setting up {answers['project_slug']}:")
    try:
        set_up(State(answers))
    except Exception as error:
        say(f"The set-up failed: {error!r}")


def is_rendered_to_compare(answers: Mapping[str, Any]) -> bool:
    """Return whether `cruft update` or `cruft diff` renders this project to compare it with another."""
    parent = Path.cwd().parent
    in_temporary_folder = parent.parent == Path(tempfile.gettempdir()).resolve() and parent.name.startswith("tmp")
    return "_output_dir" not in answers and in_temporary_folder


def set_up(state: State) -> None:
    """Run the steps, say how it ended, and clean up."""
    for number in END_SIGNALS:
        signal.signal(number, state.runner.interrupt)
    outcomes = [Outcome(step.name) for step in STEPS]
    try:
        failure = run_steps(state, outcomes)
        remaining = [step for step, outcome in zip(STEPS, outcomes) if outcome.state != "done"]
        commands = [command for step in remaining for command in step.by_hand(state)]
        if commands:
            commands = [*change_directory(state), *commands]
            say_what_remains(failure, commands)
        else:
            say_how_to_start(state)
        if os.environ.get("SETUP_OUTPUT") == "json":
            say(as_json(outcomes, commands))
    finally:
        remove_rejected_virtualenvs()
        if state.temporary:
            shutil.rmtree(state.temporary, ignore_errors=True)


def run_steps(state: State, outcomes: list[Outcome]) -> str:
    """Run the steps until one fails; return why it failed, or nothing."""
    try:
        LOG.write_bytes(b"")
        state.make_temporary_folder()
        for step, outcome in zip(STEPS, outcomes):
            run_step(state, step, outcome)
    except KeyboardInterrupt:
        return "It was interrupted."
    except Exception as error:
        lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines() if LOG.exists() else []
        say("\n".join(["", *(f"  | {line}" for line in lines[-20:]), ""]))
        disk_is_full = os.strerror(errno.ENOSPC) in "".join([str(error), *lines])
        return "The disk is full." if disk_is_full else str(error)
    finally:
        state.manager.close()
    return ""


def run_step(state: State, step: Step, outcome: Outcome) -> None:
    """Run a step and show its progress."""
    progress = Progress(step.name, LOG)
    try:
        with progress:
            progress.result = outcome.result = step.do(state)
        outcome.state = "done"
    except BaseException:
        outcome.state = "failed"
        raise
    finally:
        outcome.seconds = round(progress.seconds, 1)


def change_directory(state: State) -> list[str]:
    """Return the commands that go to the project and unset what would mislead its commands."""
    misleading = sorted(state.misleading & os.environ.keys())
    return [f"cd {as_typed('')}", *([f"unset {' '.join(misleading)}"] if misleading else [])]


def say_what_remains(failure: str, commands: list[str]) -> None:
    """Say why the set-up failed, and the commands that finish it."""
    say(f"{failure} All output is in {as_typed(LOG)}.")
    say("\n  ".join([f"\n{coloured('Not finished:', YELLOW)}", *commands]))


def say_how_to_start(state: State) -> None:
    """Say the commands that start the project and make an account, and how to install Pipenv if there is none."""
    # Inside an active virtualenv, Pipenv would use that one instead of the project's.
    has_pipenv = state.own_pipenv == ["pipenv"] and "VIRTUAL_ENV" not in os.environ
    manage_py = "pipenv run python manage.py" if has_pipenv else f"{PYTHON} manage.py"
    start = "pipenv run dev" if has_pipenv else f"{manage_py} runserver"
    say(f"\n{coloured('Ready:', GREEN)} {' && '.join([*change_directory(state), start])}")
    say("Then open http://127.0.0.1:8000/ and sign up.")
    say(f"An account for its admin: {manage_py} createsuperuser")
    if not shutil.which("pipenv") and not state.own_pipenv:
        installer = "uv tool" if state.uv else "pipx" if shutil.which("pipx") else "python3 -m pip"
        say(f"Pipenv, which this machine lacks, manages its packages: {installer} install pipenv")
    if state.first_commit:
        say(f"A git repository for it: {' && '.join(state.first_commit)}")


def as_json(outcomes: list[Outcome], commands: list[str]) -> str:
    """Return how the set-up ended as one JSON object, for scripts."""
    state = "not finished" if commands else "ready"
    steps = [dataclasses.asdict(outcome) for outcome in outcomes]
    return json.dumps({"state": state, "project": str(Path.cwd()), "steps": steps, "remaining": commands})
