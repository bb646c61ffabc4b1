"""Break the template in small ways, one at a time, and check that a test fails: `make mutations` runs this.

tests/mutations.yaml lists the mutations by topic. Each replaces the text `old` with `new` in the file `in`, which is
a file of this repository or of the default project. `old` occurs once, or more often with `count: all`. `red` names
tests, and at least one of them must fail. They are test functions of this repository, or dotted labels for `manage.py
test` in the generated project. `answers` are the answers for that project.

    .venv/bin/python -m tests.mutations [--list] [--jobs N] [words that the topic or `what` contains]
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import yaml

from template_code.questions import ROOT
from tests.support.machine import RUNNING_PYTHON, clean_environment
from tests.support.packages import environment_of
from tests.support.project import RUN_ALL, Project, cookiecutter_command
from tests.support.rendering import TEMPLATE
from tests.support.user import copy_template

MUTATIONS = ROOT / "tests" / "mutations.yaml"
FEWEST = 80
# Seconds that a test may take, with its fixtures.
LIMIT = 600
# Which file each test of the template is in.
TESTS = {
    name: path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
}
# These tests use ports 80 and 443, so they run one at a time.
ON_A_MACHINE = "tests/deployed/test_deploy.py"
machine = threading.Lock()


@dataclass
class Row:
    topic: str
    what: str
    path: str
    old: str
    new: str
    red: list[str]
    answers: dict[str, str] = field(default_factory=dict)
    count: str = "1"

    def __str__(self) -> str:
        return f"{self.topic}: {self.what}"

    def file(self, template: Path) -> Path:
        """Return the file of this template that the row changes."""
        if (template / self.path).exists():
            return template / self.path
        slug, app = "{{cookiecutter.project_slug}}", "{{cookiecutter.app_name}}"
        parts = [app if part == "items" else part.replace("my_project", slug) for part in Path(self.path).parts]
        return template / TEMPLATE.name / Path(*parts)

    def problem(self) -> Optional[str]:
        file = self.file(ROOT)
        places = file.read_text(encoding="utf-8").count(self.old) if file.is_file() else 0
        if not places or (places > 1 and self.count != "all"):
            return f"{self.path} has {self.old!r} {places} times"
        unknown = [name for name in self.red if not is_label(name) and base(name) not in TESTS]
        return f"there is no {unknown[0]}" if unknown else None if self.red else "it names no test"

    def apply(self, template: Path) -> None:
        file = self.file(template)
        file.write_text(file.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")


@dataclass
class Outcome:
    """The result of a run; `state` is green, red or error, `what` is the red test or the end of the output."""

    state: str
    what: str


def read_rows() -> list[Row]:
    text = MUTATIONS.read_text(encoding="utf-8")
    table = yaml.safe_load(text)
    if len(table) != len(re.findall(r"^[^\s#].*:$", text, re.MULTILINE)):
        sys.exit(f"{MUTATIONS.name} has a topic twice.")
    rows = [
        Row(topic, path=row.pop("in"), count=str(row.pop("count", 1)), **row)
        for topic in table
        for row in table[topic]
    ]
    names = [row.what for row in rows]
    problems = [f"{row}: `what` is not unique" for row in rows if names.count(row.what) > 1]
    problems += [f"{row}: {row.problem()}" for row in rows if row.problem()]
    if problems:
        sys.exit("\n".join(problems))
    return rows


def base(name: str) -> str:
    """Return the name of a test without its parameter."""
    return name.partition("[")[0]


def is_label(name: str) -> bool:
    """Return whether this is a test of the generated project, not of the template."""
    return "." in base(name)


def run(command: list[object], folder: Path, env: dict[str, str], tests: int = 1) -> tuple[Optional[int], str]:
    """Run a command; return its exit code, or None after a timeout, and its output."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    words = [str(word) for word in command]
    with subprocess.Popen(words, cwd=folder, env=env, text=True, start_new_session=True, **streams) as process:
        try:
            output, _ = process.communicate(timeout=LIMIT * tests)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            return None, f"`{words[-1]}` takes longer than {LIMIT * tests} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run_pytest(template: Path, names: list[str], *options: str) -> Outcome:
    """Run tests of the template against this copy of it."""
    tests = [f"{TESTS[base(name)]}::{name}" for name in names]
    report = template.parent / "report.xml"
    options = (*options, "-m", "", "-q", "--tb=short", "--basetemp", str(template.parent / "tmp"), "--junit-xml")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [".venv/bin/python", "-m", "pytest", *options, report, *tests]
    with machine if any(test.startswith(ON_A_MACHINE) for test in tests) else contextlib.nullcontext():
        code, output = run(command, template, environment, len(tests))
    if code == 1 and report.exists():
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            # If a mutation breaks the set-up, the fixture fails instead of the test.
            error = case.find("error")
            broken = error is not None and error.get("message", "").startswith("failed on setup")
            if case.find("failure") is not None or broken:
                return Outcome("red", case.get("name", "") + (" (its fixture)" if broken else "") + f"\n{output}")
    return Outcome("green" if code == 0 and re.search("^[0-9]+ passed", output, re.MULTILINE) else "error", output)


def run_project(template: Path, answers: dict[str, str], labels: list[str], *options: str) -> Outcome:
    """Generate a project from this copy of the template with these answers, and run these tests of it."""
    folder = template.parent / "made"
    shutil.rmtree(folder, ignore_errors=True)
    environment = clean_environment(SKIP_SETUP="1", PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="default")
    command = cookiecutter_command(folder, answers, "--no-input", template=template)
    code, output = run(command, template, environment)
    if code != 0:
        return Outcome("error" if code is None else "red", f"cookiecutter\n{output}")
    project = Project(next(folder.iterdir()), answers)
    # Use the packages of the unbroken template.
    project.venv.symlink_to(environment_of({"interface": "ASGI", "python_version": RUNNING_PYTHON, **answers}))
    shutil.copy(project.path / ".env.example", project.path / ".env")
    settings = f"{next(project.path.glob('*/settings.py')).parent.name}.settings"
    commands = ["makemigrations --no-header users", "makemigrations --no-header", "spectacular --file schema.yml"]
    if any(label.startswith("generator.") for label in labels):
        shutil.copytree(template / "tests" / "generator", project.path / "generator" / "tests")
    commands.append(" ".join(["test", *options, *labels]))
    code, output = run([project.python, "-c", RUN_ALL, settings, *commands], project.path, environment)
    if code == 0:
        return Outcome("green" if re.search("^Ran [1-9]", output, re.MULTILINE) else "error", output)
    failed = re.search(r"^(?:FAIL|ERROR): (\w+)", output, re.MULTILINE)
    return Outcome("error" if code is None else "red", f"{failed.group(1) if failed else 'manage.py'}\n{output}")


def run_tests(unbroken: Path, names: list[str], answers: dict[str, str], row: Optional[Row] = None) -> Outcome:
    """Run tests against a copy of the template; if `row` breaks it, stop at the first red test."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        template = Path(shutil.copytree(unbroken, Path(folder, "template"), symlinks=True))
        if row:
            row.apply(template)
        labels, others = [name for name in names if is_label(name)], [name for name in names if not is_label(name)]
        outcome = Outcome("green", "")
        if labels:
            outcome = run_project(template, answers, labels, *(["--failfast"] if row else []))
        if others and outcome.state == "green":
            outcome = run_pytest(template, others, *(["-x"] if row else []))
        return outcome


def copy_whole_template(folder: Path) -> Path:
    """Return a copy of the template, with its history, that uses the tools of this one."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, folder], check=True)
    subprocess.run(["git", "reset", "--quiet"], cwd=folder, check=True)
    for name in ".venv", ".cache":
        (folder / name).symlink_to(ROOT / name)
    (folder / ".git" / "info" / "exclude").write_text("/.venv\n/.cache\n")
    return copy_template(folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.mutations")
    parser.add_argument("words", nargs="*", help="run the rows whose topic or `what` contains one of these")
    parser.add_argument("--list", action="store_true", help="print the rows")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rows = read_rows()
    if len(rows) < FEWEST and not options.words:
        sys.exit(f"There are {len(rows)} mutations, and {FEWEST} are wanted.")
    rows = [row for row in rows if not options.words or any(word in str(row) for word in options.words)]
    if options.list:
        return print("\n".join(f"{row}   {' '.join(row.red)}" for row in rows))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        os.chmod(folder, 0o755)
        unbroken = copy_whole_template(Path(folder, "template"))
        jobs = concurrent.futures.ThreadPoolExecutor(options.jobs)
        try:
            caught = run_all(rows, unbroken, jobs)
        finally:
            # After Ctrl-C, wait only for the tests that are running.
            jobs.shutdown(cancel_futures=True)
    print(f"{len(rows)} mutations, {caught} caught, in {time.monotonic() - started:.0f} s")
    sys.exit(caught != len(rows))


def groups_of(row: Row) -> dict[str, list[str]]:
    """Return where the row's tests run -> the tests: "" for the template, or the answers of a project."""
    answers = json.dumps(row.answers, sort_keys=True)
    groups: dict[str, list[str]] = {}
    for name in row.red:
        groups.setdefault(answers if is_label(name) else "", []).append(name)
    return groups


def run_all(rows: list[Row], unbroken: Path, jobs: concurrent.futures.Executor) -> int:
    """Run each row's tests if they are green with the unbroken template; return how many mutations are caught."""
    names: dict[str, dict[str, None]] = {}
    for group, tests in sorted(item for row in rows for item in groups_of(row).items()):
        names.setdefault(group, {}).update(dict.fromkeys(tests))
    whole = {jobs.submit(run_tests, unbroken, list(names[group]), json.loads(group or "{}")): group for group in names}
    green, left, caught = set(), list(rows), []
    for future in concurrent.futures.as_completed(whole):
        outcome = future.result()
        print(f"unbroken {outcome.state}   {whole[future] or 'tests of the template'}", flush=True)
        if outcome.state != "green":
            sys.exit(outcome.what)
        green.add(whole[future])
        ready = [row for row in left if groups_of(row).keys() <= green]
        left = [row for row in left if row not in ready]
        caught += [jobs.submit(is_caught, row, unbroken) for row in ready]
    return sum(future.result() for future in caught)


def is_caught(row: Row, unbroken: Path) -> bool:
    started = time.monotonic()
    outcome = run_tests(unbroken, row.red, row.answers, row)
    label = {"red": "caught", "green": "MISSED", "error": "ERROR "}[outcome.state]
    seconds = f"{time.monotonic() - started:.1f} s"
    if outcome.state == "red":
        print(f"{label}   {row}   {outcome.what.partition(chr(10))[0]}   {seconds}", flush=True)
    else:
        print(f"{label}   {row}   {' '.join(row.red)}   {seconds}\n{outcome.what[-3000:]}", flush=True)
    return outcome.state == "red"


if __name__ == "__main__":
    main()
