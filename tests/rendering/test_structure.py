"""The structure of this repository: few entries at the top, short functions, no state in modules."""

import ast
import subprocess

import pytest

from template_code.questions import ROOT

MODULES = sorted(path for folder in ("hooks", "template_code", "tools") for path in (ROOT / folder).rglob("*.py"))
SCREEN = 45


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def long_functions(tree):
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [function.name for function in functions if function.end_lineno - function.lineno >= SCREEN]


def changing_names(tree):
    """Return the names of a module that its functions assign, or that it assigns twice."""
    names = [name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names]
    assigned = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return names + [name for name in assigned if assigned.count(name) > 1]


def test_the_top_level_has_few_entries():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    assert len({name.partition("/")[0] for name in done.stdout.decode().split("\0") if name}) <= 14


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_functions_are_short_and_modules_hold_no_state(path):
    assert long_functions(parsed(path)) == []
    assert changing_names(parsed(path)) == []


def test_a_hook_is_a_few_lines():
    for path in (ROOT / "hooks").iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 25


def test_a_long_function_and_a_changing_name_are_found():
    assert long_functions(ast.parse("def f():\n" + "    pass\n" * SCREEN)) == ["f"]
    assert changing_names(ast.parse("A = 1\nA = 2\ndef f():\n    global B\n")) == ["B", "A", "A"]
