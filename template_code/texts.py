"""Texts that users type, and how Python and Markdown show them."""

import re
import unicodedata
from typing import Optional

# The categories of control characters, of surrogates (which stand for undecodable bytes) and of line breaks.
UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}

# What ruff allows in the generated project.
LINE_LENGTH = 120

ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
LABEL = r"[a-z0-9-]+"
ADDRESS = rf"{ATOM}(\.{ATOM})*@{LABEL}(\.{LABEL})*"

# What Markdown may take for markup.
MARKDOWN = r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<!\S)#|^[-+>]"


def problem_with_text(text: str) -> Optional[str]:
    """Return what this text must not do, such as "be empty", or None if it can be a title."""
    if any(unicodedata.category(character) in UNSHOWABLE for character in text):
        return "contain line breaks or control characters"
    if not text.strip():
        return "be empty"
    if text != text.strip():
        return "begin or end with a space"
    return None


def showable(text: str) -> str:
    """Return the text with spaces instead of line breaks and control characters, and without spaces around it."""
    return "".join(" " if unicodedata.category(character) in UNSHOWABLE else character for character in text).strip()


def is_address(text: str) -> bool:
    """Return whether mail can come from this address; its domain may have letters that are not ASCII."""
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        return False
    return bool(re.fullmatch(ADDRESS, f"{local}@{domain}", re.ASCII | re.IGNORECASE))


def python_string(text: str) -> str:
    """Return any text as a Python string literal in which every character is visible."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    text = re.sub(rf"[\\{quote}]", r"\\\g<0>", text)
    return quote + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + quote


def python_assignment(text: str, name: str) -> str:
    """Return the statement that assigns any text to a name, as ruff formats it."""
    line = f"{name} = {python_string(text)}"
    # ruff breaks the line by the width of each character.
    width = sum(1 if character.isascii() else 2 for character in line)
    return line if width <= LINE_LENGTH else f"{line}  # fmt: skip"


def docker_string(text: str) -> str:
    """Return any text without line breaks as a quoted value in a Dockerfile."""
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", text) + '"'


def markdown(text: str) -> str:
    """Return Markdown that shows any text as it is; plain text is not changed."""
    text = re.sub(MARKDOWN, r"\\\g<0>", text)
    # A number at the beginning starts a list.
    return re.sub(r"^(\d+)(?=[.)](\s|$))", r"\1\\", text)
