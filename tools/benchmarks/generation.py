"""Time from the command to the first page, into README.md: `.venv/bin/python -m tools.benchmarks.generation [ROUNDS]`.

Each way is timed in turn, with warm caches; a row has the medians in seconds, and their ratio. The plain way renders
the project without a set-up, installs the same pins, with uv or with `python -m venv` and pip, and runs
`makemigrations`, `migrate` and `runserver`.

Then come the rendering alone beside that of an empty template of as many files, and the table of start.py.
"""

import os
import resource
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from template_code.questions import ROOT
from tests.support.hooks import path_of_tools
from tests.support.machine import clean_environment, free_port
from tests.support.project import cookiecutter_command
from tools.benchmarks import results, start

PLAIN = """
{cookiecutter}
cd my_project
cp .env.example .env
{install}
.venv/bin/python manage.py makemigrations users
.venv/bin/python manage.py makemigrations
.venv/bin/python manage.py migrate
exec .venv/bin/python manage.py runserver {port}
"""
WITH_UV = """uv venv --quiet .venv
uv pip sync --quiet --python .venv/bin/python --require-hashes {pins}"""
WITH_PIP = """python3 -m venv .venv
.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r {pins}"""
OURS = """
{cookiecutter}
cd my_project
exec pipenv run dev {port}
"""


def first_answer(script, environment, folder):
    """Return the seconds until the server that a shell script starts has answered 200."""
    started = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-euc", script["text"].format(**script)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{script['port']}/livez", timeout=5):
                    return time.monotonic() - started
            except OSError:
                assert process.poll() is None, "the script ended"
                time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pins_of(folder, environment, interface):
    """Make a project; return the file with the pins, and hashes, of all that it installed."""
    subprocess.run(cookiecutter_command(folder, {"interface": interface}, "--no-input"), env=environment, check=True)
    command = ["pipenv", "requirements", "--dev", "--hash"]
    done = subprocess.run(command, env=environment, cwd=folder / "my_project", stdout=subprocess.PIPE, check=True)
    pins = folder / "pins.txt"
    pins.write_bytes(done.stdout)
    return pins


def row(*names, ours, other):
    """Print and return the row of two medians of seconds."""
    cells = [*names, f"{ours:.2f}", f"{other:.2f}", f"{ours / other:.2f}"]
    print(*cells, flush=True)
    return cells


def compare_ways(folder, interface, rounds):
    """Return rows that say how long each way takes from the command to the first page."""
    with_uv = clean_environment(PATH=path_of_tools(folder / f"with-uv-{interface}", "pipenv", "uv"))
    without_uv = clean_environment(PATH=path_of_tools(folder / f"without-uv-{interface}", "pipenv"))
    pins = pins_of(folder / f"pins-{interface}", with_uv, interface)
    tools = {"with uv": (with_uv, WITH_UV), "without uv": (without_uv, WITH_PIP)}
    seconds = {}
    for number in range(rounds):
        for name, (environment, install) in tools.items():
            for way, text in ("plain", PLAIN), ("ours", OURS):
                made = folder / f"{interface}-{name}-{way}-{number}".replace(" ", "-")
                command = cookiecutter_command(made, {"interface": interface}, "--no-input")
                script = {"text": text, "port": free_port(), "install": install.format(pins=pins)}
                script["cookiecutter"] = ("env SKIP_SETUP=1 " if way == "plain" else "") + shlex.join(command)
                seconds.setdefault((name, way), []).append(first_answer(script, environment, made))
    medians = {key: statistics.median(times) for key, times in seconds.items()}
    return [
        row(interface, f"The first page, {name}, s", ours=medians[name, "ours"], other=medians[name, "plain"])
        for name in tools
    ]


def empty_template(folder):
    """Make a template of empty files that have the names of ours, and without hooks; return its folder."""
    folder.mkdir()
    (folder / "cookiecutter.json").write_text('{"project_slug": "my_project", "app_name": "items"}')
    for path in (ROOT / "{{cookiecutter.project_slug}}").rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.touch()
    return folder


def compare_rendering(folder, rounds):
    """Return the row of the CPU time that Cookiecutter needs for our template's files alone, and for an empty one."""
    templates = {"empty": empty_template(folder / "empty"), "ours": ROOT}
    seconds = {name: [] for name in templates}
    for number in range(rounds):
        for name, template in templates.items():
            command = cookiecutter_command(folder / f"{name}-{number}", {}, "--no-input", template=template)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, env=clean_environment(SKIP_SETUP=1), check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return row("ASGI", "Rendering alone, s", ours=medians["ours"], other=medians["empty"])


def main(rounds=5):
    conditions = [
        *results.machine(),
        ("Versions", f"Python {sys.version.split()[0]}"),
        ("Rounds", f"{rounds}; {2 * rounds} for the rendering"),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*compare_ways(folder, "ASGI", rounds), *compare_ways(folder, "WSGI", rounds)]
        rows.append(compare_rendering(folder, 2 * rounds))
    results.write(
        results.table(["Measured", "on or with"], conditions),
        results.table(["Interface", "Measured", "Ours:", "Plain way, or empty template:", "Ratio:"], rows),
        start.table(rounds),
        name="first page",
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
