"""Print the timings of the last run of .ci/run: `python -m tests.support.report [--write]`.

`--write` writes them into CONTRIBUTING.md.
"""

import re
import sys
import xml.etree.ElementTree

from template_code.questions import ROOT

REPORTS = ROOT / ".cache" / "reports"
FILE = ROOT / ".github" / "CONTRIBUTING.md"
TARGETS = "test", "matrix"
SLOWEST = 20


def cases(target):
    """Return the name and seconds of each test in the last run of a target."""
    report = xml.etree.ElementTree.parse(REPORTS / f"{target}.xml")
    return [
        (f"{case.get('classname').rpartition('.')[2]}::{case.get('name')}", float(case.get("time")))
        for case in report.iter("testcase")
    ]


def table():
    """Return a Markdown table of the phases with their tests and seconds, and of the slowest tests."""
    seconds = dict(line.split() for line in (REPORTS / "phases").read_text().splitlines())
    found = {target: cases(target) for target in TARGETS}
    lines = ["| Phase | Tests | Seconds |", "|--|--:|--:|"]
    lines += [f"| `make {target}` | {len(found[target])} | {seconds[target]} |" for target in TARGETS]
    lines += [f"| `.ci/run` | {sum(map(len, found.values()))} | {seconds['all']} |", ""]
    lines += [f"| The {SLOWEST} slowest tests, with their fixtures | Seconds |", "|--|--:|"]
    slowest = sorted((case for target in TARGETS for case in found[target]), key=lambda case: -case[1])[:SLOWEST]
    # In a Markdown table a | ends the column.
    lines += [f"| `{name[:100].replace('|', '/')}` | {time:.0f} |" for name, time in slowest]
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
