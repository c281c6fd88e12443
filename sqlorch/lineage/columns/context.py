"""What every part of the reading of one model shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlorch.lineage.columns.parsing import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlglot import exp

    from sqlorch.lineage.columns.names import Names
    from sqlorch.lineage.columns.relation import Relation
    from sqlorch.lineage.columns.scope import Scope
    from sqlorch.lineage.columns.values import Limits


class QueryReader(Protocol):
    """Reads a nested query; given to the parts below so that they need not know the part above."""

    def __call__(
        self, node: exp.Expression, context: Context, ctes: Mapping[str, Relation], outer: Scope | None
    ) -> Relation:
        """What the query offers."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One model's reading: rules of the dialect, its parents, the budget.

    ``relations`` gives the node and the relation for the key of a table's name; ``external`` answers for
    files and table functions, by their SQL text.
    """

    names: Names
    limits: Limits
    relations: Mapping[tuple[str, ...], Relation]
    external: Callable[[str], Relation | None]
    read_query: QueryReader
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.limits.steps

    @property
    def dialect(self) -> str:
        """The dialect's sqlglot name."""
        return self.names.dialect

    def spend(self, amount: int) -> None:
        """Count work.

        Raises:
            UnreadableError: the model needs more than its limit.
        """
        self.left -= amount
        if self.left < 0:
            raise UnreadableError(f"reading the SQL takes more than {self.limits.steps:,} steps")

    def check_width(self, columns: int) -> None:
        """Refuse stars that multiply.

        Raises:
            UnreadableError: more columns than the limit.
        """
        if columns > self.limits.columns:
            raise UnreadableError(f"a query here has more than {self.limits.columns:,} columns")
