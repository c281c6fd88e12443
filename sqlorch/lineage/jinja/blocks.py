"""Finding the top-level blocks of a file: macros, tests, snapshots, docs.

A file of macros is not one template to dbt: each block stands alone, and what is between them is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_OPEN = re.compile(r"\{#|\{\{|\{%[-+]?\s*(?P<tag>[A-Za-z_]\w*)(?:\s+(?P<name>[A-Za-z_]\w*))?")
_ENDRAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_CLOSE = {"{{": r"(?P<close>\}\})", "{%": r"(?P<close>%\})"}
# A string that does not end is matched too, up to the end of the text, so that no part of it is tried again.
_STRINGS = {
    "single": r"'(?:[^'\\]|\\.)*(?:'|\\?(?P<single>\Z))",
    "double": r'"(?:[^"\\]|\\.)*(?:"|\\?(?P<double>\Z))',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of a file.

    Attributes:
        tag: ``macro``, ``test``, ``snapshot``, ...
        name: what follows the tag.
        body: the text between its two tags.
        full: the text with its tags.
        line: where it begins, from 1.
    """

    tag: str
    name: str
    body: str
    full: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    tag: str
    name: str
    start: int
    end: int


def find_blocks(text: str, tags: frozenset[str]) -> Iterator[Block]:
    """Yield the top-level blocks with one of the tags, in order; one that is not closed is left out."""
    opened: _Tag | None = None
    for tag in _tags(text):
        if opened is None:
            opened = tag if tag.tag in tags else None
        elif tag.tag == f"end{opened.tag}":
            yield Block(
                tag=opened.tag,
                name=opened.name,
                body=text[opened.end : tag.start],
                full=text[opened.start : tag.end],
                line=text.count("\n", 0, opened.start) + 1,
            )
            opened = None


def find_code(text: str) -> Iterator[str]:
    """Yield every ``{{ }}`` and ``{% %}`` of a text, no comments; one that is not closed goes to the end."""
    position = 0
    while match := _OPEN.search(text, position):
        if match[0] == "{#":
            position = text.find("#}", match.end()) + 2
            if position < match.end():
                return
            continue
        end = _close(text, match) or len(text)
        yield text[match.start() : end]
        position = end


def _tags(text: str) -> Iterator[_Tag]:
    position = 0
    while match := _OPEN.search(text, position):
        kind = match[0][:2]
        if kind == "{#":
            position = text.find("#}", match.end()) + 2
            if position < match.end():
                return
            continue
        end = _close(text, match)
        if end is None:
            return
        position = end
        if kind == "{%":
            yield _Tag(tag=match["tag"], name=match["name"] or "", start=match.start(), end=position)
            if match["tag"] == "raw":
                closing = _ENDRAW.search(text, position)
                if closing is None:
                    return
                position = closing.end()


def _close(text: str, opening: re.Match[str]) -> int | None:
    # The name of a tag has been read; strings may hide a closing mark from here on.
    position, strings = opening.end(), frozenset(_STRINGS)
    while match := _closing(opening[0][:2], strings).search(text, position):
        if match["close"]:
            return match.end()
        position = match.end()
        if match.lastgroup is not None:
            # No string of this quote ends here or further on: the quote is a letter like any other.
            position, strings = match.start() + 1, strings - {match.lastgroup}
    return None


@cache
def _closing(opening: str, strings: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join([_CLOSE[opening], *(_STRINGS[name] for name in sorted(strings))]), re.DOTALL)
