"""Update the questions, the transcript and the pictures of README.md. `make docs` runs it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from template_code.questions import ROOT
from tests.conftest import CHROMIUM_OPTIONS
from tests.support.machine import clean_environment, program
from tests.support.project import Project

README = ROOT / "README.md"
REPOSITORY = "org/template"


def questions():
    """Return the Markdown table of the questions in cookiecutter.json."""
    context = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    rows = ["| Name | Answers, the default first | Question |", "|--|--|--|"]
    for name, default in context.items():
        if name.startswith("_"):
            continue
        question = context["__prompts__"][name]
        if isinstance(default, list):
            rows.append(f"| `{name}` | {', '.join(default)} | {question['__prompt__']} |")
        else:
            derived = {"project_slug": "derived from the name", "python_version": "the running Python"}
            rows.append(f"| `{name}` | {derived.get(name, default)} | {question} |")
    return "\n".join(rows)


def answer_every_question_with_enter(command, folder, environment):
    """Run a command in a terminal, press Enter at each question, and return what the terminal showed."""
    # Windows has no such module, and the tests of README.md import this one.
    import pty

    process, terminal = pty.fork()
    if not process:
        os.chdir(folder)
        os.execvpe(command[0], command, environment)
    shown = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        shown += data
        if shown.endswith(b"): "):
            os.write(terminal, b"\n")
    _, status = os.waitpid(process, 0)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]| *(?=\r\n)|\r", "", shown.decode())
    if status:
        sys.exit(text)
    return text


def generate(folder):
    """Generate a project from a clone of what is committed, called REPOSITORY; return the terminal's text."""
    origin = folder / "github"
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, origin / f"{REPOSITORY}.git"], check=True)
    config = folder / "config.yaml"
    config.write_text(
        json.dumps(
            {
                "abbreviations": {"gh": f"file://{origin}/{{0}}.git"},
                "cookiecutters_dir": str(folder / "templates"),
                "replay_dir": str(folder / "replay"),
            }
        ),
        encoding="utf-8",
    )
    environment = clean_environment(COLUMNS=100, COOKIECUTTER_CONFIG=config, PWD=folder, TERM="dumb")
    own = str(Path(sys.executable).parent)
    environment["PATH"] = f"{own}{os.pathsep}{environment['PATH']}"
    return answer_every_question_with_enter(["cookiecutter", f"gh:{REPOSITORY}"], folder, environment)


def shortened(transcript):
    """Return the first question and what follows the last one, without the lines that a terminal overwrites."""
    lines = [line for line in transcript.strip("\n").splitlines() if " so far; " not in line]
    last = max(number for number, line in enumerate(lines) if line.endswith("):"))
    return "\n".join([lines[0], "  ...", *lines[last + 1 :]])


def take_pictures(project, path):
    """Serve a project, add items as a user does, and save pictures of the page in light and dark colours."""
    with project.serve() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 800, "height": 560})
        page.goto(f"{server.url}/accounts/signup/")
        page.fill("[name=username]", "ada")
        page.fill("[name=email]", "ada@example.com")
        page.fill("[name=password1]", "correct horse battery")
        page.fill("[name=password2]", "correct horse battery")
        page.click("main button")
        page.get_by_role("navigation").get_by_role("link", name="Items").click()
        for name, description in [
            ("Compass", "Points north, mostly."),
            ("Sextant", "Needs a clear sky and a steady hand."),
            ("Map of the harbour", "Older than the lighthouse."),
        ]:
            page.click("text=Add an item")
            page.fill("[name=name]", name)
            page.fill("textarea", description)
            page.click("main button")
            page.wait_for_selector(f"text=“{name}” was created.")
        page.reload()
        # Only developers see the toolbar.
        page.locator("#djDebugRoot").evaluate("toolbar => toolbar.remove()")
        page.screenshot(path=path / "page-light.png")
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=path / "page-dark.png")
        browser.close()


def replace(text, name, content):
    """Return `text` with `content` between the two comments of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return text[: text.index(begin) + len(begin)] + content + "\n" + text[text.index(end) :]


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        transcript = shortened(generate(folder))
        take_pictures(Project(folder / "my_project", {}), ROOT / ".github")
    text = README.read_text(encoding="utf-8")
    text = replace(text, "questions", questions())
    text = replace(text, "transcript", f"```console\n$ cookiecutter gh:{REPOSITORY}\n{transcript}\n```")
    number = len(questions().splitlines()) - 2
    text = re.sub(r"^\| Questions \| \d+ \|", f"| Questions | {number} |", text, flags=re.MULTILINE)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
