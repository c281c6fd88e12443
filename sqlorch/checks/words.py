"""What Great Expectations and drivers say, on one line that may be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_LONGEST = 500  # characters of a message
_RAISED_AS = re.compile(r"\A\([A-Za-z_][\w.]*\) ")  # SQLAlchemy puts the driver's exception before its words


def brief(text: str, mask: Callable[[str], str]) -> str:
    """On one line and not too long; masked first, since a secret that is cut in two is not recognised."""
    return " ".join(mask(text).split())[:_LONGEST]


def first_line(text: str, mask: Callable[[str], str]) -> str:
    """A driver's message without the lines below, which repeat the statement; masked first."""
    lines = [line.strip() for line in mask(text).splitlines() if line.strip()]
    return _RAISED_AS.sub("", lines[0].removeprefix("Error: "))[:_LONGEST] if lines else ""


def raised_in(info: Mapping[str, Any]) -> str:
    """The message in the library's ``exception_info``: it nests what was raised under ids of its metrics."""
    if "raised_exception" in info:
        return str(info["exception_message"] or "").strip() if info["raised_exception"] else ""
    messages = (str(inner.get("exception_message") or "").strip() for inner in info.values())
    return next(filter(None, messages), "")
