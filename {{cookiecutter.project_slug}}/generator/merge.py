"""Adds generated code to a module that exists. The text that is there stays as it is; ruff formats the rest."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

ASSIGNMENTS = (ast.Assign, ast.AnnAssign)
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)


class CannotMerge(Exception):
    """Says in one sentence why the code has to be added by hand."""


def merged(old: str, new: str) -> str:
    """Return `old` with every top-level statement of `new` that it lacks."""
    there = set(map(ast.dump, _parsed(old).body))
    new = new.replace("\r\n", "\n")
    lines = new.split("\n")
    end = 0
    for statement in ast.parse(new).body:
        # The comments above a statement belong to it.
        text = "\n".join(lines[end : _end(statement)]).strip("\n")
        end = _end(statement)
        if _is_constant(statement) or ast.dump(statement) in there:
            continue
        tree = _parsed(old)
        names = set(_bound(statement))
        taken = names & set(_bound(tree))
        if isinstance(statement, IMPORTS):
            old = _with_import(old, tree, statement)
        elif isinstance(statement, ASSIGNMENTS) and isinstance(statement.value, ast.List) and taken:
            for element in statement.value.elts:
                old = with_entry(old, sorted(names)[:1], _segment(new, element))
        elif taken:
            raise CannotMerge(f"it already has a name '{min(taken)}'")
        elif isinstance(statement, DEFINITIONS):
            old = _inserted_behind(old, len(old.encode().splitlines()), "\n\n" + text)
        elif _called(statement) or (isinstance(statement, ASSIGNMENTS) and names):
            old = _inserted_behind(old, _line_for(old, tree, statement), text)
        else:
            raise CannotMerge(f"there is no safe place for '{ast.unparse(statement).splitlines()[0]}'")
    return old


def with_field(source: str, model: str, code: str, before: Iterable[str] = ()) -> str:
    """Return `source` with the field `code` in this model, before the first of these names or behind the last field."""
    body = _class_body(source, [model])
    new = ast.parse(code).body
    if {*map(ast.dump, new)} <= {*map(ast.dump, body)}:
        return source
    taken = set(_bound(*new)) & set(_bound(*body))
    if taken:
        raise CannotMerge(f"'{model}' already has a name '{min(taken)}'")
    fields = [index for index, statement in enumerate(body) if _is_field(statement)]
    followers = [index for name in before for index, statement in enumerate(body) if name in _bound(statement)]
    if followers:
        index = followers[0]
        line = _end(body[index - 1]) if index else body[0].lineno - 1
    elif fields:
        index = fields[-1]
        line = _end(body[index])
    else:
        raise CannotMerge(f"'{model}' has no field")
    indent = source.encode().splitlines()[body[index].lineno - 1][: body[index].col_offset].decode()
    if indent.strip():
        raise CannotMerge(f"'{model}' has several statements on line {body[index].lineno}")
    return _inserted_behind(source, line, textwrap.indent(code.strip("\n"), indent))


def with_entry(source: str, path: Sequence[str], element: str, before: Iterable[str] = ()) -> str:
    """
    Return `source` with `element` in the list or dict at `path`, such as ["DeviceForm", "Meta", "fields"].

    A class that lacks the list gets it.
    """
    body = _class_body(source, path[:-1])
    name = path[-1]
    owners = [statement for statement in body if name in _bound(statement)]
    behind = [_end(statement) for statement in body if isinstance(statement, ASSIGNMENTS)]
    if behind and path[:-1] and not owners:
        is_dict = isinstance(_expression("{" + element + "}"), ast.Dict)
        code = "{" + element + "}" if is_dict else f"[{element}]"
        return _inserted_behind(source, behind[-1], f"{' ' * body[0].col_offset}{name} = {code}")
    literal = getattr(owners[0], "value", None) if len(owners) == 1 else None
    if isinstance(literal, ast.Constant) and literal.value == "__all__":
        return source
    if not isinstance(literal, (ast.List, ast.Dict)):
        raise CannotMerge(f"'{name}' is not a plain list or dict")
    added = _expression("{" + element + "}" if isinstance(literal, ast.Dict) else "[" + element + "]")
    if not isinstance(added, type(literal)):
        raise CannotMerge(f"'{name}' is not a plain list")
    extensions = [node.value for node in body if isinstance(node, ast.AugAssign) and _names(node.target) == {name}]
    if _keys(added)[0][0] in (key for node in [literal, *extensions] for key, _ in _keys(node)):
        return source
    earlier = set(_bound(*body[: body.index(owners[0])]))
    late = (_names(added) & set(_bound(*body))) - earlier
    if late:
        raise CannotMerge(f"'{name}' comes before '{min(late)}'")

    wanted = {ast.dump(_expression(text)) for text in before}
    for key, part in _keys(literal):
        if part and key in wanted:
            # Parentheses around an element are no part of it.
            head = source.encode()[: _offset(source, part.lineno, part.col_offset)]
            return _inserted(source, re.sub(rb"(\(\s*)+\Z", b"", head), f"{element}, ")
    # Before the closing bracket is never within a comment.
    head = source.encode()[: _offset(source, _end(literal), literal.end_col_offset or 0) - 1]
    last = (literal.values if isinstance(literal, ast.Dict) else literal.elts)[-1:]
    if not last:
        return _inserted(source, head, element)
    tail = head[_offset(source, _end(last[0]), last[0].end_col_offset or 0) :]
    has_comma = b"," in re.sub(rb"#.*", b"", tail)
    return _inserted(source, head, f"{element}," if has_comma else f", {element}")


def with_call(source: str, model: str, call: str, in_api: bool) -> str:
    """Return `source` with a call on each queryset of a model that its views return, or those of pages only."""
    ends = [
        _offset(source, _end(statement.value), statement.value.end_col_offset or 0)
        for view in _parsed(source).body
        if isinstance(view, ast.ClassDef) and (in_api or not view.name.endswith("ViewSet"))
        for statement in ast.walk(view)
        if isinstance(statement, ast.Return) and statement.value
        if ast.unparse(statement.value).startswith(f"{model}.objects.visible_to(")
    ]
    if not ends:
        raise CannotMerge(f"it returns no {model}.objects.visible_to(...)")
    for end in sorted(ends, reverse=True):
        source = _inserted(source, source.encode()[:end], call)
    return source


def _with_import(old: str, tree: ast.Module, statement: ast.Import | ast.ImportFrom) -> str:
    there = {_origin(other, alias) for other in tree.body if isinstance(other, IMPORTS) for alias in other.names}
    missing = [alias for alias in statement.names if _origin(statement, alias) not in there]
    if not missing:
        return old
    # "import a.b" and "import a.c" bind the same "a".
    others = (other for other in tree.body if not (_is_plain_import(statement) and _is_plain_import(other)))
    taken = set(_bound(*missing)) & set(_bound(*others))
    if taken:
        raise CannotMerge(f"it already has a name '{min(taken)}'")
    statement.names = missing
    is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    return _inserted_behind(old, _top(old, tree) if is_future else _last_import(old, tree), ast.unparse(statement))


def _origin(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str, str | None]:
    module = "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
    return module, alias.name, alias.asname


def _is_plain_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import) and not any(alias.asname for alias in statement.names)


def _top(source: str, tree: ast.Module) -> int:
    """Return the line of the end of the docstring, or of the comments that the module begins with."""
    if tree.body and _is_constant(tree.body[0]):
        return _end(tree.body[0])
    return len(list(takewhile(lambda line: line.startswith("#"), source.split("\n"))))


def _last_import(source: str, tree: ast.Module) -> int:
    """Return the line of the end of the imports at the top, beyond blocks such as "if TYPE_CHECKING:"."""
    head = takewhile(_may_precede_imports, tree.body)
    return max([_top(source, tree), *(_end(statement) for statement in head if isinstance(statement, IMPORTS))])


def _may_precede_imports(statement: ast.stmt) -> bool:
    if isinstance(statement, ASSIGNMENTS):
        return all(name.startswith("__") for name in _bound(statement))
    return _is_constant(statement) or isinstance(statement, (*IMPORTS, ast.If, ast.Try))


def _line_for(source: str, tree: ast.Module, statement: ast.stmt) -> int:
    """Return the line behind the imports and behind all that binds, or calls on, a name that the statement reads."""
    names = _names(statement)
    ends = [_end(other) for other in tree.body if names & {*_bound(other), _called(other)}]
    line = max([_last_import(source, tree), *ends])
    # A line can hold the end of one statement and the start of the next.
    return max([line, *(_end(other) for other in tree.body if other.lineno <= line)])


def _bound(*nodes: ast.AST) -> Iterator[str]:
    """Yield the names that are bound, in blocks such as "if" too, but not within functions and classes."""
    for node in nodes:
        if isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]
        elif isinstance(node, DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, (ast.AugAssign, ast.comprehension)):
            yield from _bound(*ast.iter_child_nodes(node))


def _called(statement: ast.stmt) -> str:
    """Return "router" for the statement "router.register(...)"."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func).split(".")[0]
    return ""


def _names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _keys(node: ast.expr) -> list[tuple[str, ast.expr | None]]:
    """Return the elements of a list or the keys of a dict, each as a text to compare and as a node."""
    parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
    return [(ast.dump(part) if part else "**", part) for part in parts]


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_field(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith(("Field", "ForeignKey"))


def _class_body(source: str, path: Iterable[str]) -> list[ast.stmt]:
    body = _parsed(source).body
    for name in path:
        classes = [statement for statement in body if isinstance(statement, ast.ClassDef) and statement.name == name]
        if len(classes) != 1:
            raise CannotMerge(f"it does not have exactly one class '{name}'")
        body = classes[0].body
    return body


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise CannotMerge(f"line {error.lineno} is not valid Python") from error


def _segment(source: str, node: ast.expr) -> str:
    """Return the text of an element, with the comment behind it."""
    rest = source.encode()[_offset(source, _end(node), node.end_col_offset or 0) :].decode()
    comment = re.match(r"[ ,]*(#.*)", rest)
    return (ast.get_source_segment(source, node) or "") + (f"  {comment[1]}\n" if comment else "")


def _expression(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def _end(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def _offset(source: str, line: int, column: int) -> int:
    """Return the offset in bytes; the columns of ast are bytes too."""
    return len(b"".join(source.encode().splitlines(keepends=True)[: line - 1])) + column


def _inserted(source: str, head: bytes, text: str) -> str:
    """Return `source` with `text` behind `head`, its first bytes."""
    if "\r\n" in source:
        text = text.replace("\n", "\r\n")
    return head.decode() + text + source.encode()[len(head) :].decode()


def _inserted_behind(source: str, line: int, text: str) -> str:
    head = source.encode()[: _offset(source, line + 1, 0)]
    return _inserted(source, head, f"{text}\n" if not head or head.endswith((b"\n", b"\r")) else f"\n{text}\n")
