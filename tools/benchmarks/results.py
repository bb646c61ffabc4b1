"""The results in README.md or another page, between two comments."""

import datetime
import os
import platform
import re
from pathlib import Path

from tools.docs import replace

README = Path(__file__).with_name("README.md")


def table(head, rows):
    """Return a Markdown table; `head` has the names of its columns, with a colon after those of numbers."""
    rule = ["--:" if name.endswith(":") else "--" for name in head]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [[name.rstrip(":") for name in head], *rows]]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])


def machine():
    """Return the rows that say what machine this is, and the date."""
    model = re.search("(?m)^model name\\s*: (.*)", Path("/proc/cpuinfo").read_text())
    system = re.search('(?m)^PRETTY_NAME="?([^"\n]*)', Path("/etc/os-release").read_text())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return [
        ("Processor", f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}"),
        ("Memory", f"{memory:.0f} GB"),
        ("System", f"{system[1]}"),
        ("Date", f"{datetime.date.today()}"),
    ]


def write(*paragraphs, page=README, name="results"):
    text = replace(page.read_text(encoding="utf-8"), name, "\n{}\n".format("\n\n".join(paragraphs)))
    page.write_text(text, encoding="utf-8")
