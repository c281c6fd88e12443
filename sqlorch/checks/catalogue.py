"""Which expectations there are and what they take, known without importing Great Expectations.

The import of that library takes seconds; a wrong name or argument has to be told at once. The file beside
this one is made from the library (``tests/support/gx_catalogue.py``), and a test holds it against the
installed version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

_REQUIRED = "!"
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST_NAME = 200
_IS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "moment": lambda value: isinstance(value, str) and _is_moment(value),
    "list": lambda value: isinstance(value, list),
    "mapping": lambda value: isinstance(value, Mapping),
}
_SAID = {
    "text": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "moment": "a date or time",
    "list": "a list",
    "mapping": "a mapping",
}


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Arguments by expectation: the types each may have, with ``!`` when it must be given."""
    text = (files("sqlorch.checks") / "catalogue.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = json.loads(text)
    return found


_LEFT_OUT = {
    "expect_query_results_to_match_comparison": "compares with a second data source; there is one warehouse",
    "unexpected_rows_expectation": "brings a query of its own; write that as a dbt test",
}


def unknown_type(name: str) -> str:
    """Why there is no such expectation: a sentence that offers the nearest; ``""`` when there is one."""
    if name in catalogue():
        return ""
    said = _BETWEEN_WORDS.sub("_", name[:_LONGEST_NAME]).lower()  # the library's classes have names in humps
    if said in _LEFT_OUT:
        return f"{said} is not supported: it {_LEFT_OUT[said]}"
    near = [said] if said in catalogue() else get_close_matches(name, catalogue(), n=2)
    hint = f"; did you mean {' or '.join(near)}?" if near else ", of those that work on SQL"
    return f"Great Expectations has no {name[:80]!r}{hint}"


def argument_fault(expectation: str, name: str, value: object) -> str:
    """What is wrong with one argument: a sentence, ``""`` when nothing is."""
    known = catalogue()[expectation]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(sorted(known))}"
        return f"{expectation} has no argument {name[:80]!r}; {hint}"
    if name == "mostly":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        return "" if fits else f"mostly is a share from 0 to 1, not {value!r:.60}"
    types = known[name].rstrip(_REQUIRED).split("|")
    if any(_fits(word, value) for word in types):
        return ""
    return f"{name} must be {' or '.join(_SAID.get(word, word) for word in types)}, not {value!r:.60}"


def missing_arguments(expectation: str, given: Mapping[str, object]) -> list[str]:
    """Arguments that must be given and are not."""
    known = catalogue()[expectation]
    return [name for name, types in known.items() if types.endswith(_REQUIRED) and name not in given]


def _fits(word: str, value: object) -> bool:
    if word in _IS:
        return _IS[word](value)
    return isinstance(value, str) and repr(value) == word  # one of several words


def _is_moment(text: str) -> bool:
    from datetime import datetime  # noqa: PLC0415 - only for text where a number may stand

    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
