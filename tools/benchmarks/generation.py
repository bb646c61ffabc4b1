"""Time from the command to the first page: `.venv/bin/python -m tools.benchmarks.generation [N]`.

Each way is timed N times in turn, with warm caches; a line has the median in seconds, and its ratio to the plain way:
the same project and pins with `python -m venv`, `pip install`, `manage.py migrate` and `runserver`.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.support.hooks import path_of_tools
from tests.support.machine import clean_environment, free_port
from tests.support.project import cookiecutter_command

PLAIN = """
{cookiecutter}
cd my_project
cp .env.example .env
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r {pins}
.venv/bin/python manage.py makemigrations users
.venv/bin/python manage.py makemigrations
.venv/bin/python manage.py migrate
exec .venv/bin/python manage.py runserver {port}
"""
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


def main(rounds):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with_uv = clean_environment(PATH=path_of_tools(folder / "with_uv", "pipenv", "uv"))
        without_uv = clean_environment(PATH=path_of_tools(folder / "without_uv", "pipenv"))
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {rounds} rounds")
        for interface in "ASGI", "WSGI":
            pins = pins_of(folder / f"pins-{interface}", with_uv, interface)
            ways = {"plain": (PLAIN, without_uv), "without uv": (OURS, without_uv), "with uv": (OURS, with_uv)}
            seconds = {way: [] for way in ways}
            for number in range(rounds):
                for way, (text, environment) in ways.items():
                    made = folder / f"{interface}-{way}-{number}".replace(" ", "-")
                    skip = "env SKIP_SETUP=1 " if way == "plain" else ""
                    command = cookiecutter_command(made, {"interface": interface}, "--no-input")
                    script = {"text": text, "port": free_port(), "pins": pins}
                    script["cookiecutter"] = skip + " ".join(f"'{word}'" for word in command)
                    seconds[way].append(first_answer(script, environment, made))
            for way, times in seconds.items():
                ratio = statistics.median(times) / statistics.median(seconds["plain"])
                print(f"{interface}  {way:<12}{statistics.median(times):6.1f} s {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
