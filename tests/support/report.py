"""How long the last run of .ci/run took: `python -m tests.support.report`, with `--write` into CONTRIBUTING.md."""

import re
import sys
import xml.etree.ElementTree

from demo import ROOT

REPORTS = ROOT / ".cache" / "reports"
FILE = ROOT / "CONTRIBUTING.md"
TARGETS = "test", "matrix"
SLOWEST = 20


def cases(target):
    """Return the name, the seconds and the outcome of each test of a target's last run."""
    found = []
    for case in xml.etree.ElementTree.parse(REPORTS / f"{target}.xml").iter("testcase"):
        outcomes = {child.tag for child in case} & {"failure", "error", "skipped"}
        name = f"{case.get('classname').rpartition('.')[2]}::{case.get('name')}"
        found.append((name, float(case.get("time")), outcomes.pop() if outcomes else "passed"))
    return found


def table():
    """Return the phases with their tests and seconds, and the slowest tests, in Markdown."""
    seconds = dict(line.split() for line in (REPORTS / "phases").read_text().splitlines())
    found = {target: cases(target) for target in TARGETS}
    lines = ["| Phase | Tests | Seconds |", "|--|--:|--:|"]
    lines += [f"| `make {target}` | {len(found[target])} | {seconds[target]} |" for target in TARGETS]
    lines += [f"| `.ci/run` | {sum(map(len, found.values()))} | {seconds['all']} |", ""]
    lines += [f"| The {SLOWEST} slowest tests, with what they prepare for others | Seconds |", "|--|--:|"]
    slowest = sorted((case for target in TARGETS for case in found[target]), key=lambda case: -case[1])[:SLOWEST]
    # A parameter may hold what separates columns.
    lines += [f"| `{name[:100]}` | {time:.0f} |".replace(" | |", " |") for name, time, _ in slowest]
    return "\n".join(lines)


def main(*options):
    print(table())
    if "--write" in options:
        text = FILE.read_text(encoding="utf-8")
        new, count = re.subn(
            "(?s)(<!-- timings -->\n).*(<!-- end of timings -->)", lambda part: f"{part[1]}{table()}\n{part[2]}", text
        )
        assert count == 1, f"{FILE.name} has no place for the timings"
        FILE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
