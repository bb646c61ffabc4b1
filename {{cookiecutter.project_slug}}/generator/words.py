"""English words: plurals and articles."""

from __future__ import annotations

from typing import Any

import inflect

# The library knows the rules and exceptions of English.
english: Any = inflect.engine()


def plural_of(words: str) -> str:
    """Return the plural of a noun, such as `box offers` of `box offer`."""
    return str(english.plural_noun(words))


def with_article(words: str) -> str:
    """Return a noun with its article, such as `an hour` for `hour`."""
    return str(english.a(words))
