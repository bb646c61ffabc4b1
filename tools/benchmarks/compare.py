"""Compare the speed of the generated project with that of another commit: `make benchmark-compare BASE=<commit>`.

Requests are answered in process, in short alternating rounds, and what counts is the processor time. The exit status
is 1 if a request has become slower by more than 5 %.
"""

import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from pathlib import Path

from template_code.questions import ROOT
from tests.support import machine
from tests.support.packages import environment_of, environment_of_release
from tests.support.postgres import running_postgres
from tests.support.production import Deployment
from tests.support.project import cookiecutter, generate
from tools.benchmarks import results
from tools.benchmarks.loop import Loop

FILL = Path(__file__).with_name("fill.py").read_text()
REQUESTS = [("GET", "/api/v1/items/"), ("GET", "/items/"), ("POST", "/api/v1/items/")]
ANSWERS = {"interface": "WSGI", "python_version": machine.RUNNING_PYTHON}
ALLOWED = 1.05
# Processes of the same code differ by a few percent, so each project has several, one after the other.
PROCESSES, ROUNDS, COUNT, WARM_UP = 5, 8, 40, 40


def commit_of(base):
    """Return the commit that a name stands for, or exit with a sentence."""
    if not base:
        sys.exit("Name the commit to compare with: make benchmark-compare BASE=main")
    command = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"This repository has no commit {base}.")
    return done.stdout.strip()


def template_of(commit, folder):
    """Write the files of a commit into a new folder; return the folder."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        file.extractall(folder, filter="data")
    return folder


def pipfile_of(template, folder):
    """Return the Pipfile of the project that a template generates."""
    done = cookiecutter(folder, ANSWERS, options=("--no-input", "--accept-hooks", "no"), template=template)
    if done.returncode:
        sys.exit(f"The project of the base cannot be generated:\n{done.stdout}")
    return (folder / "my_project" / "Pipfile").read_text(encoding="utf-8")


def make(name, template, lent, folder, postgres):
    """Generate a project with the virtual environment that is `lent`; return the arguments of its Loop."""
    print(f"Making the project of the {name}", flush=True)
    made = generate(folder / name.replace(" ", "-"), ANSWERS, lent=lent, template=template)
    deployment = Deployment(made, folder / f"{name.replace(' ', '-')}-deployed", postgres.database()).prepare()
    sessions = folder / f"sessions of the {name}"
    sessions.write_text(deployment.run("shell", "--verbosity", "0", "-c", FILL).stdout)
    postgres.sql("VACUUM ANALYZE", deployment.database)
    return deployment.project, "my_project", deployment.environment, sessions


def measure(projects):
    """Return request -> name -> milliseconds of each round; the projects take turns in each."""
    found = {request: {name: [] for name in projects} for request in REQUESTS}
    for process in range(1, PROCESSES + 1):
        print(f"Measuring, {process} of {PROCESSES}", flush=True)
        with ExitStack() as stack:
            loops = {name: stack.enter_context(Loop(*of)) for name, of in projects.items()}
            for number in range(ROUNDS + 1):
                # The second one of a round would otherwise always be the same.
                order = list(loops) if number % 2 else list(reversed(loops))
                for request in REQUESTS:
                    for name in order:
                        milliseconds = loops[name].ask(*request, COUNT if number else WARM_UP)
                        if number:
                            found[request][name].append(milliseconds)
    return found


def compare(found):
    """Return the rows of the table, and whether a request has become slower than allowed.

    `found` is request -> the milliseconds of each round of the base, and of the working tree.
    """
    rows, slower = [], False
    for request, names in found.items():
        base, tree = names.values()
        ratio = statistics.median(one / other for one, other in zip(tree, base))
        slower = slower or ratio > ALLOWED
        mark = "slower" if ratio > ALLOWED else ""
        medians = (f"{statistics.median(of):.2f}" for of in (base, tree))
        rows.append((f"`{' '.join(request)}`", *medians, f"{ratio:.3f}", mark))
    return rows, slower


def main(base=""):
    commit = commit_of(base)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
        postgres = stack.enter_context(running_postgres())
        template = template_of(commit, folder / "template")
        pipfiles = [pipfile_of(one, folder / f"files-{number}") for number, one in enumerate((template, ROOT))]
        environment = lent = environment_of(ANSWERS)
        if pipfiles[0] != pipfiles[1]:
            print("The base has other packages; a difference may be theirs.", flush=True)
            lent = environment_of_release(commit, ANSWERS, pipfiles[0])
        projects = {
            "base": make("base", template, lent, folder, postgres),
            "working tree": make("working tree", ROOT, environment, folder, postgres),
        }
        rows, slower = compare(measure(projects))
    head = ["Request", "Base, ms of a processor:", "Working tree:", "Ratio:", f"More than {ALLOWED - 1:.0%}"]
    print(results.table(head, rows))
    return int(slower)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
