"""The grammar of ``--select``: text to criteria, before any node is looked at.

The syntax is dbt's: items separated by spaces are a union, parts joined by commas an intersection, and a part
is ``[@][N+][method:]value[+[N]]``. Where dbt warns or selects nothing without a word (an empty part, a depth
without a name), this refuses with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlorch.domain.errors import ProjectError

_PART = re.compile(
    r"(?P<at>@)?"
    r"(?P<up>(?P<up_depth>\d*)\+)?"
    r"(?:(?P<method>[\w.]+):)?"
    r"(?P<value>.*?)"
    r"(?P<down>\+(?P<down_depth>\d*))?",
    re.DOTALL,
)
_FILE_ENDINGS = (".sql", ".py", ".csv")
_MOST_DEPTH_DIGITS = 9  # no project is deeper, and int() refuses thousands of digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One part of a selection: what to look for, and how far to spread from what is found.

    Attributes:
        raw: the text it was read from.
        method: what ``value`` is compared with: ``fqn``, ``tag``, ``path``, ``config`` ...
        key: for ``config.meta.owner``, the path ``("meta", "owner")``; empty otherwise.
        value: what is looked for, often with wildcards.
        at: with all descendants, and all ancestors of those (``@``).
        up: steps towards the ancestors; 0 for none, None for all.
        down: steps towards the descendants; 0 for none, None for all.
    """

    raw: str
    method: str
    key: tuple[str, ...] = ()
    value: str
    at: bool = False
    up: int | None = 0
    down: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One member of the union: the intersection of its criteria.

    Attributes:
        raw: the text it was read from.
        criteria: its parts, at least one.
        position: where it stands in the selection, from 1.
        total: how many items the selection has.
    """

    raw: str
    criteria: tuple[Criterion, ...]
    position: int
    total: int

    @property
    def place(self) -> str:
        """``" (item 2 of 3)"``, or nothing when it stands alone."""
        return f" (item {self.position} of {self.total})" if self.total > 1 else ""


def parse_selection(selection: Sequence[str] | str) -> tuple[Item, ...]:
    """Read a selection.

    Args:
        selection: the text of one ``--select``, or of several.

    Returns:
        The items in the order given; none for blank text.

    Raises:
        ProjectError: a part is empty, or combines operators that contradict each other.
    """
    texts = [selection] if isinstance(selection, str) else list(selection)
    words = [word for text in texts for word in text.split()]
    return tuple(_item(word, number, len(words)) for number, word in enumerate(words, start=1))


def quoted(text: str, limit: int = 80) -> str:
    """The text in quotes, cut when it is too long for a message."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")


def _item(word: str, position: int, total: int) -> Item:
    parts = word.split(",")
    if not all(parts):
        raise ProjectError(
            f"the selection {quoted(word)} has nothing on one side of a comma; a comma means intersection"
            " and takes no spaces around it (tag:daily,path:models/marts), a space means union"
        )
    return Item(raw=word, criteria=tuple(_criterion(p) for p in parts), position=position, total=total)


def _criterion(part: str) -> Criterion:
    match = _PART.fullmatch(part)
    if match is None or not match["value"]:
        raise ProjectError(
            f"the selection {quoted(part)} says nothing to look for;"
            " put a name, for example +orders or tag:daily"
        )
    if match["at"] and match["down"]:
        raise ProjectError(
            f"the selection {quoted(part)} has both @ and a + behind it; @ already takes every descendant,"
            " so leave the + out"
        )
    method, key = _method(match["method"], match["value"])
    return Criterion(
        raw=part,
        method=method,
        key=key,
        value=match["value"],
        at=bool(match["at"]),
        up=_depth(match["up"], match["up_depth"]),
        down=_depth(match["down"], match["down_depth"]),
    )


def _method(written: str | None, value: str) -> tuple[str, tuple[str, ...]]:
    if written is None:
        return _implied_method(value), ()
    name, *key = written.split(".")
    return name, tuple(key)


def _implied_method(value: str) -> str:
    head, colon, _ = value.partition(":")
    if colon and "/" not in head:  # my-method:x is a method misspelt, not a model's name
        return head
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith(_FILE_ENDINGS) else "fqn"


def _depth(operator: str | None, digits: str | None) -> int | None:
    if operator is None:
        return 0
    if not digits:
        return None
    significant = digits.lstrip("0")
    return None if len(significant) > _MOST_DEPTH_DIGITS else int(significant or 0)
