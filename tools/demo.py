"""Generate a project from this template into demo/ and serve it: what `make demo` runs.

The answers are the NAME=value words of make's command line. make passes them on in MAKEFLAGS as they were
typed; in its variables a `$` would already be expanded.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys

from template_code.questions import QUESTIONS, ROOT
from tools import prepare

DEMO = ROOT / "demo"
# Variables of the user's shell that may belong to another project.
FOREIGN = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONHOME", "PYTHONPATH", "SKIP_SETUP", "VIRTUAL_ENV")


def problem_with(answers):
    """Return one sentence about the first answer that cookiecutter.json does not allow, or None."""
    for name, value in answers.items():
        if name not in QUESTIONS:
            return f"there is no question {name!r}; there are {', '.join(QUESTIONS)}."
        if isinstance(QUESTIONS[name], list) and value not in QUESTIONS[name]:
            return f"{name} is one of {', '.join(QUESTIONS[name])}, not {value!r}."
    return None


def words(makeflags):
    """Return the NAME=value words of make's command line.

    >>> words(r"k -- project_name=Corner\\ Shop port=1")
    {'project_name': 'Corner Shop', 'port': '1'}
    """
    typed = re.findall(r"(?:\\.|[^\\ \t])+", makeflags, re.DOTALL)
    typed = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL).replace("$$", "$") for word in typed]
    pairs = [word.partition("=") for word in typed if "=" in word and not word.startswith("-")]
    return {name.rstrip(":"): value for name, _, value in pairs}


def problem_with_port(port):
    """Return one sentence about a port that cannot be used, or None."""
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        return f"port is a number from 1 to 65535, not {port!r}."
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            return (
                f"port {port} cannot be used ({error.strerror}); choose another, such as port={int(port) % 65535 + 1}."
            )
    return None


def template_digest():
    """Return a digest of all files that a generated project is made from."""
    digest = hashlib.sha256()
    folders = (ROOT / "hooks", ROOT / "template_code", ROOT / "{{cookiecutter.project_slug}}")
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in (ROOT / "cookiecutter.json", *files):
        if path.suffix != ".pyc":
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def generate(answers, environment):
    """Generate a project with these answers in demo/, unless it is there already; return its folder."""
    made_from = DEMO / "made-from.json"
    this = {"answers": answers, "python": sys.version, "template": template_digest(), "folder": str(DEMO)}
    present = list(DEMO.glob("*/.venv/bin/python"))
    if present and made_from.exists() and json.loads(made_from.read_text(encoding="utf-8")) == this:
        return present[0].parents[2]
    if DEMO.exists():
        print("Regenerating demo/: the answers, Python or the template have changed.", flush=True)
        shutil.rmtree(DEMO)
    DEMO.mkdir()
    cache = ROOT / ".cache" / "cookiecutter"
    cache.mkdir(parents=True, exist_ok=True)
    # Without a configuration, Cookiecutter reads the user's defaults and writes into the home folder.
    config = cache / "config.yaml"
    config.write_text(json.dumps({"cookiecutters_dir": str(cache), "replay_dir": str(cache)}), encoding="utf-8")
    command = [prepare.PYTHON, "-m", "cookiecutter", "--no-input", "--config-file", config, "--output-dir", DEMO, ROOT]
    command += [f"{name}={value}" for name, value in answers.items()]
    subprocess.run([str(word) for word in command], check=True, env=environment)
    # The hooks keep the project if its set-up fails, and exit with 0.
    (project,) = DEMO.iterdir()
    python = project / ".venv" / "bin" / "python"
    command = [str(python), "manage.py", "migrate", "--check"]
    ready = python.exists() and subprocess.run(command, capture_output=True, cwd=project, env=environment)
    if not ready or ready.returncode != 0:
        sys.exit("make demo: the set-up of the project did not finish (see above), so there is nothing to serve.")
    made_from.write_text(json.dumps(this), encoding="utf-8")
    return project


def main():
    answers = words(os.environ.get("MAKEFLAGS", ""))
    answers.pop("PYTHON", None)
    port = answers.pop("port", "8000")
    problem = prepare.problem() or problem_with(answers) or problem_with_port(port)
    if problem:
        sys.exit(f"make demo: {problem}")
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    try:
        prepare.install("requirements.txt")
        project = generate(answers, environment)
    except subprocess.CalledProcessError as error:
        sys.exit(f"make demo: `{shlex.join(error.cmd)}` failed (see above).")
    print(f"Serving {project.relative_to(ROOT)} on http://127.0.0.1:{port}/ (Ctrl-C ends it)", flush=True)
    os.chdir(project)
    python = str(project / ".venv" / "bin" / "python")
    os.execve(python, [python, "manage.py", "runserver", f"127.0.0.1:{port}"], environment)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
