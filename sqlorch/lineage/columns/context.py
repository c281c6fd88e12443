"""What every part of the reading of one model shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from sqlorch.lineage.columns.parsing import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlglot.generator import Generator

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
    files and table functions, by their SQL text. ``spreads`` says that DuckDB's COLUMNS may occur.
    """

    names: Names
    limits: Limits
    relations: Mapping[tuple[str, ...], Relation]
    external: Callable[[str], Relation | None]
    read_query: QueryReader
    spreads: bool = True
    left: int = field(init=False)
    writer: Generator = field(init=False)
    type_names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with the whole budget."""
        self.left = self.limits.steps
        self.writer = self.names.grammar.generator(comments=False, unsupported_level=ErrorLevel.IGNORE)

    def sql(self, node: exp.Expression, *, last: bool = False) -> str:
        """A node in the words of the dialect, without comments.

        ``last`` says that nobody reads the node afterwards, so the writer may rearrange it instead of
        copying it first (a third of the whole time).
        """
        return str(self.writer.generate(node, copy=not last))

    def type_name(self, node: exp.DataType) -> str:
        """A type in the words of the dialect."""
        if node.expressions or not isinstance(node.this, exp.DataType.Type):
            return self.sql(node)
        name = node.this.value
        if name not in self.type_names:
            self.type_names[name] = self.sql(node)
        return self.type_names[name]

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
