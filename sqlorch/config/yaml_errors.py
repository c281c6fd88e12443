"""What a YAML parser's complaint means, in one sentence with its place."""

from __future__ import annotations

import re
from typing import Any

import yaml

from sqlorch.config.places import Place, clipped

_KEY_BEFORE = re.compile(r"([A-Za-z_]+)\s*:[\s\[{'\"-]*\Z")
_PRINTABLE = re.compile("[\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_TAB = "a tab stands where YAML wants spaces; indent with spaces"
_LIST_ITEM = re.compile(r"\s*-\s*\Z")


def describe(error: yaml.YAMLError, text: str, source: str) -> str:
    """Say where a YAML error is, what it is and, for the usual slips, what to do.

    Args:
        error: as raised by PyYAML.
        text: the whole text that was parsed.
        source: what the message calls it.
    """
    if isinstance(error, yaml.reader.ReaderError):
        # ``position`` counts bytes or characters by the kind of fault, so the character is looked up.
        return f"{_unprintable(text, source)}: a character that YAML does not allow; remove it"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{source}: this is not valid YAML: {clipped(str(error))}"
    starts_value = _value_start(error)
    if starts_value is not None:
        return f"{place_at(starts_value, source)}: {_quote_hint(text, starts_value)}"
    problem = clipped(error.problem or "it cannot be read")
    return f"{place_at(error.problem_mark, source)}: this is not valid YAML: {problem}{_advice(problem)}"


def place_at(mark: Any, source: str) -> Place:
    """The place of a parser's mark, which counts from 0 and is one of two classes."""
    return Place(source, mark.line + 1, mark.column + 1)


def _value_start(error: yaml.MarkedYAMLError) -> yaml.Mark | None:
    """Where a value begins that YAML takes for an alias or cannot begin with at all."""
    if "alias" in (error.context or ""):
        return error.context_mark
    if "cannot start any token" in (error.problem or ""):
        return error.problem_mark
    return None


def _quote_hint(text: str, mark: yaml.Mark) -> str:
    # YAML's own idea of a line, which is the one its marks count in.
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    before, value = line[: mark.column], line[mark.column :].split(" #")[0].rstrip()
    first = value[:1] or line[mark.column : mark.column + 1]
    if first not in {"*", "@"}:
        return _TAB if first == "\t" else f"a value cannot start with {first!r} in YAML; quote it"
    key = _KEY_BEFORE.search(before)
    schedule = "schedule" in before or _LIST_ITEM.match(before)
    thing = "the schedule" if schedule else (f"the value of {key[1]}" if key else "it")
    example = f', as in "{clipped(value)}"' if value and not {"{", "["} & set(before) else ""
    return f"YAML does not read a value that starts with {first} unless it is quoted: quote {thing}{example}"


def _advice(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "; check the indentation, and quote text that holds ': '"
    if "expected <block end>" in problem or "did not find expected key" in problem:
        return "; check the indentation"
    return ""


def _unprintable(text: str, source: str) -> Place:
    line, column = 1, 0
    for char in text:
        column += 1
        if char == "\n":
            line, column = line + 1, 0
        elif not _allowed(char):
            break
    return Place(source, line, column)


def _allowed(char: str) -> bool:
    """Whether YAML 1.1 allows the character in a stream (production [1], ``c-printable``)."""
    return bool(_PRINTABLE.match(char))
