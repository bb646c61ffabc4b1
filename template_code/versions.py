"""The package versions that the template was tested with, from versions/."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

FOLDER = Path(__file__).with_name("versions")


class Package(TypedDict, total=False):
    """A tested version such as ==5.2, its hashes, the packages that need it, and perhaps markers."""

    version: str
    hashes: list[str]
    via: list[str]
    markers: str


def known_versions(python_version: str) -> dict[str, Package]:
    """Return name -> Package of all that versions/ has for a Python version."""
    return parse((FOLDER / f"{python_version}.txt").read_text(encoding="utf-8"))


def is_tested(name: str) -> bool:
    """Return whether versions/ has this package for any Python version."""
    return any(f"\n{name}==" in path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt"))


def parse(text: str) -> dict[str, Package]:
    """Return name -> Package of a file of versions/."""
    packages = {}
    for block in re.split(r"\n(?=[a-z])", text)[1:]:
        head = re.match(r"(\S+)(==\S+)(?: ; (.*))? \\\n", block)
        assert head, block
        name, version, markers = head.groups()
        package: Package = {
            "version": version,
            "hashes": re.findall(r"--hash=(\S+)", block),
            "via": re.findall(r"^    # (?:  |via )(\S+)$", block, re.MULTILINE),
        }
        if markers:
            package["markers"] = markers
        packages[name] = package
    return packages


def with_dependencies(names: Iterable[str], packages: Mapping[str, Package]) -> dict[str, Package]:
    """Return these packages and all that they need, by name."""
    found = set(names)
    while True:
        more = {name for name, package in packages.items() if found.intersection(package["via"])} - found
        if not more:
            return {name: packages[name] for name in sorted(found)}
        found |= more


def requirements(packages: Mapping[str, Package]) -> str:
    """Return packages as a requirements file of pip, with their hashes."""
    lines = []
    for name, package in packages.items():
        hashes = " ".join(f"--hash={digest}" for digest in package["hashes"])
        markers = f" ; {package['markers']}" if "markers" in package else ""
        lines.append(f"{name}{package['version']}{markers} {hashes}\n")
    return "".join(lines)
