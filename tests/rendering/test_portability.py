"""The template, and the tests of this folder, need nothing that only Linux has."""

import ast
import re
from pathlib import Path

import pytest

from template_code.questions import ROOT
from tests.support.windows import MODULES

# conftest.py is imported whatever the test.
TESTED = [*(ROOT / "tests" / "rendering").glob("*.py"), ROOT / "tests" / "conftest.py"]
SHIPPED = [*(ROOT / "template_code").glob("*.py"), *(ROOT / "hooks").glob("*.py")]
WITH_TEXT = {"open", "read_text", "write_text"}


def parse(path):
    text = path.read_text(encoding="utf-8")
    return ast.parse(text if path.parent.name != "hooks" else re.sub(r"\{\{.*?\}\}", "rendered", text))


def imports(path):
    """Yield the modules that a file imports as soon as it is imported."""
    for node in parse(path).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def own(module):
    """Return the file of a module of this repository, or None."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def reached(paths):
    """Return these files, and all of this repository that importing them imports."""
    found = list(paths)
    for path in found:
        found += {own(module) for module in imports(path)} - {None, *found}
    return found


@pytest.mark.parametrize("paths", [SHIPPED, TESTED], ids=["template", "tests"])
def test_no_module_is_imported_that_windows_lacks(paths):
    files = reached(paths)
    assert ROOT / "template_code" / "names.py" in files
    absent = {path.relative_to(ROOT).as_posix(): MODULES & set(imports(path)) for path in files}
    assert {path: modules for path, modules in absent.items() if modules} == {}


def without_encoding(path):
    """Yield the lines that read or write a text in the encoding of the machine."""
    for node in ast.walk(parse(path)):
        method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        name = isinstance(node, ast.Call) and (node.func.attr if method else getattr(node.func, "id", None))
        if name not in WITH_TEXT or "encoding" in {word.arg for word in node.keywords}:
            continue
        mode = node.args[0 if method else 1 :][:1] if name == "open" else []
        # A mode with a "b" is that of bytes, and another word is no mode: that of os.open(), or of a browser's open().
        if all(re.fullmatch("[artwx+]+", str(getattr(word, "value", None))) for word in mode):
            yield node.lineno


@pytest.mark.parametrize(
    "path", sorted({*SHIPPED, *reached(TESTED)}), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_each_text_is_read_and_written_as_utf_8(path):
    assert list(without_encoding(path)) == []


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("open('a')", [1]),
        ("path.open('w')", [1]),
        ("path.read_text()", [1]),
        ("path.write_text('a')", [1]),
        ("open('a', 'rb')", []),
        ("open('b')", [1]),
        ("path.open('rb')", []),
        ("browser.open('/b')", []),
        ("os.open(os.devnull, os.O_WRONLY)", []),
        ("path.read_text(encoding='utf-8')", []),
    ],
)
def test_a_text_without_an_encoding_is_found(tmp_path, line, faults):
    path = Path(tmp_path, "a.py")
    path.write_text(f"{line}\n", encoding="utf-8")
    assert list(without_encoding(path)) == faults
