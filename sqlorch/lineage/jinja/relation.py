"""What ``ref``, ``source`` and ``this`` return while rendering.

At parse time dbt knows no target yet, and neither do we: a reference renders to a *mark* that is replaced by
the relation's name when names have been resolved. So a cached render stays right when a schema changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_MARK = re.compile(r"__sqlorch_(\d+)__")


class Relation:
    """A table-like value of a template; unknown attributes are callables that return the relation itself.

    Args:
        text: what it renders to.
        database, schema, identifier: its parts, as far as they are known.
    """

    unsafe_callable = False
    alters_data = False

    def __init__(self, text: str, *, database: str = "", schema: str = "", identifier: str = "") -> None:
        self._text = text
        self.database = database
        self.schema = schema
        self.identifier = self.name = self.table = self.alias = identifier
        self.type = self.path = None
        self.is_table = self.is_view = self.is_cte = self.is_ephemeral_model = False

    def __str__(self) -> str:
        return self._text

    def __html__(self) -> str:
        return self._text

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._self

    def _self(self, *_args: Any, **_kwargs: Any) -> Relation:
        return self

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __add__(self, other: Any) -> str:
        return self._text + str(other)

    def __radd__(self, other: Any) -> str:
        return str(other) + self._text


def mark(index: int) -> str:
    """Return the text that stands for the ``index``-th reference of a render."""
    return f"__sqlorch_{index}__"


def replace_marks(sql: str, name_of: Callable[[int], str]) -> str:
    """Put the relations' names in the place of their marks."""
    return _MARK.sub(lambda match: name_of(int(match[1])), sql)
