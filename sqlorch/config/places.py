"""Where a setting was written, so that every refusal can point at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

Path = tuple[str | int, ...]
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file (line and column count from 1), or an environment variable (both None)."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"

    @property
    def file_line(self) -> str:
        """``file:line`` without the column, as an origin a person reads."""
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain data with the place of each of its parts.

    Attributes:
        data: mappings, lists and scalars.
        values: place of each value by its path; ``()`` is the whole.
        keys: place of each mapping key by the path of its value.
    """

    data: Any
    values: Mapping[Path, Place] = field(default_factory=dict)
    keys: Mapping[Path, Place] = field(default_factory=dict)

    def value_place(self, path: Path) -> Place:
        """Where the value at ``path`` is written, or the nearest thing around it."""
        return _nearest(path, self.values)

    def key_place(self, path: Path) -> Place:
        """Where the key that leads to ``path`` is written, or the nearest thing around it."""
        return self.keys.get(path) or self.value_place(path)


def _nearest(path: Path, places: Mapping[Path, Place]) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places[path]


def dotted(path: Path) -> str:
    """``groups.daily.schedule[1]``: the path as people write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{clipped(part)}"
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A value on one line, short enough for a message, quoted when it is text."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(clipped(value)) if isinstance(value, str) else clipped(str(value))


def file_name(file: FilePath) -> str:
    """What messages call a file: its path from the current folder when it lies inside, else as it is."""
    try:
        here = FilePath.cwd()
    except OSError:  # the current folder is gone
        return str(file)
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def one_line(text: str) -> str:
    """``text`` without line breaks and other control characters, which would act on the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def clipped(text: str) -> str:
    """At most 60 printable characters of ``text``, so that nobody's input can break a message's line."""
    safe = one_line(text[: _LONGEST_SHOWN + 1])
    return safe if len(safe) <= _LONGEST_SHOWN else safe[: _LONGEST_SHOWN - 3] + "..."
