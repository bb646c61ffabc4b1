"""Compare schema.yml with that of the default branch. Fail if a client of the API would break."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FILE = "schema.yml"


def git(*words: str) -> str | None:
    """Return the output of git, or None if it fails or is not installed."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout


def default_branch() -> str | None:
    """Return the name of the remote default branch, or of the local one when working on another branch."""
    names = ["origin/HEAD", "origin/main"]
    if git("branch", "--show-current") != "main\n":
        names.append("main")
    return next((name for name in names if git("rev-parse", "--verify", "--quiet", name)), None)


class Schema:
    """A schema with its references followed and its alternatives merged."""

    def __init__(self, document: Any, schema: Any) -> None:
        self.types: set[str] = set()
        self.values: set[Any] = set()
        self.fields: dict[str, Any] = {}
        self.required: set[str] = set()
        self.items: Any = None
        self.add(document, schema)

    def add(self, document: Any, schema: Any) -> None:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for part in [*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]:
            self.add(document, part)
        kind = schema.get("type", ())
        self.types.update([kind] if isinstance(kind, str) else kind, ["null"] if schema.get("nullable") else ())
        self.values.update(schema.get("enum", ()))
        self.fields.update(schema.get("properties", {}))
        self.required.update(schema.get("required", ()))
        self.items = schema.get("items", self.items)


class Comparison:
    """What of the old document's promises the new one breaks, as sentences."""

    def __init__(self, old: Any, new: Any) -> None:
        self.old, self.new = old, new

    def breaks(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method, old in operations.items():
                name = f"{method.upper()} {path}"
                new = self.new["paths"].get(path, {}).get(method)
                yield from self.operation(name, old, new) if new else [f"{name} is gone."]

    def operation(self, name: str, old: Any, new: Any) -> Iterator[str]:
        before, after = ({(p["in"], p["name"]): p for p in each.get("parameters", ())} for each in (old, new))
        for key in {**before, **after}:
            place = f"{name}, parameter {key[1]}"
            if key not in after:
                yield f"{place} is gone."
            elif after[key].get("required") and not before.get(key, {}).get("required"):
                yield f"{place} is now required."
            elif key in before:
                yield from self.schema(place, before[key]["schema"], after[key]["schema"], sent=True)
        before, after = (each.get("requestBody", {}) for each in (old, new))
        if after.get("required") and not before.get("required"):
            yield f"{name}, the body is now required."
        yield from self.contents(f"{name}, request", before, after, sent=True)
        for status, response in old["responses"].items():
            if status in new["responses"]:
                yield from self.contents(f"{name}, response", response, new["responses"][status], sent=False)
            else:
                yield f"{name}, response {status} is gone."

    def contents(self, place: str, old: Any, new: Any, sent: bool) -> Iterator[str]:
        for kind, content in old.get("content", {}).items():
            if kind in new.get("content", {}):
                yield from self.schema(place, content["schema"], new["content"][kind]["schema"], sent)
            else:
                yield f"{place} is no longer {kind}."

    def schema(self, place: str, old: Any, new: Any, sent: bool, above: tuple[str, ...] = ()) -> Iterator[str]:
        """Compare what clients send, which may become wider, or what they receive, which may become narrower."""
        # A schema can contain itself.
        if str(old) in above:
            return
        before, after = Schema(self.old, old), Schema(self.new, new)
        missing, added = before.types - after.types, after.types - before.types
        if missing if sent else added:
            yield f"{place} was {' or '.join(sorted(before.types))} and is {' or '.join(sorted(after.types))}."
        if sent and after.values and not before.values <= after.values:
            yield f"{place} no longer accepts {', '.join(map(str, sorted(before.values - after.values, key=str)))}."
        for name in sorted(after.required - before.required if sent else before.required - after.required):
            if sent or name in after.fields:
                yield f"{place}, field {name} is {'now required' if sent else 'no longer always there'}."
        for name in before.fields:
            if name in after.fields:
                yield from self.schema(
                    f"{place}, field {name}", before.fields[name], after.fields[name], sent, (*above, str(old))
                )
            else:
                yield f"{place}, field {name} is gone."
        if before.items and after.items:
            yield from self.schema(place, before.items, after.items, sent, (*above, str(old)))


def main() -> str | None:
    """Return why the check fails."""
    branch = default_branch()
    committed = branch and git("show", f"{branch}:./{FILE}")
    if not committed:
        print(f"Skipped: there is no {FILE} on another branch that is the default one.")
        return None
    old, new = yaml.safe_load(committed), yaml.safe_load(Path(FILE).read_text(encoding="utf-8"))
    if old["info"]["version"] != new["info"]["version"]:
        print(f"Skipped: the API has a new version, {new['info']['version']}.")
        return None
    found = list(dict.fromkeys(Comparison(old, new).breaks()))
    if not found:
        return None
    return "\n".join([f"Compared with {branch}, clients of the API break:", *found])


if __name__ == "__main__":
    sys.exit(main())
