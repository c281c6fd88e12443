"""Which file dbt had in hand when it raised an error that does not say."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

_NAMES = ("node", "parsed_node", "block", "file", "path", "base", "target")


def file_in_hand(error: BaseException) -> str | None:
    """The project's file, relative to its package, that the innermost of dbt's parsing functions worked on.

    Several errors of dbt (a macro without its end, a config of the wrong type, a file that is not UTF-8) name
    no file, though the functions they pass through hold it.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        if not str(frame.f_globals.get("__name__", "")).startswith("dbt."):
            continue
        for name in _NAMES:
            for holder in _holders(frame.f_locals.get(name)):
                path = getattr(holder, "original_file_path", None)
                if isinstance(path, str) and path:
                    return path.replace("\\", "/")
    return None


def _holders(value: Any) -> Iterator[Any]:
    """A node, a parser's block or a file, and what of it knows the path."""
    for attributes in ((), ("path",), ("file", "path")):
        holder = value
        for attribute in attributes:
            holder = getattr(holder, attribute, None)
        if holder is not None:
            yield holder
