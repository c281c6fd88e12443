"""How a dialect folds identifiers: two spellings of one name become equal, two names stay apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy
from sqlglot.errors import SqlglotError

from sqlorch.domain.errors import ConfigError
from sqlorch.lineage.columns.syntax import table_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

_UPPER = frozenset({NormalizationStrategy.UPPERCASE, NormalizationStrategy.CASE_INSENSITIVE_UPPERCASE})
_ANY_CASE = frozenset(
    {NormalizationStrategy.CASE_INSENSITIVE, NormalizationStrategy.CASE_INSENSITIVE_UPPERCASE}
)


@dataclass(frozen=True, slots=True)
class Names:
    """The folding rules of one dialect, the same that sqlglot's ``MappingSchema`` applies."""

    dialect: str
    upper: bool
    ignores_quotes: bool
    keeps_case: bool
    # BigQuery: columns are folded, tables are not (docs: "Case sensitivity" of the lexical structure).
    tables_keep_case: bool
    # One instance for all: sqlglot makes a new one, at some cost, for every name it is given.
    grammar: Dialect = field(compare=False, repr=False)

    def column(self, name: str, *, quoted: bool = False) -> str:
        """The folded name of a column, alias or CTE."""
        if self.keeps_case or (quoted and not self.ignores_quotes):
            return name
        return name.upper() if self.upper else name.lower()

    def identifier(self, node: exp.Expression | str | None) -> str:
        """The folded name of an identifier node, ``""`` for anything that has no name."""
        if isinstance(node, str):
            return self.column(node)
        if isinstance(node, exp.Identifier):
            return self.column(str(node.args["this"]), quoted=bool(node.args.get("quoted")))
        return self.column(node.name) if node is not None else ""

    def table_key(self, parts: Sequence[exp.Expression]) -> tuple[str, ...]:
        """The folded parts of a relation name, outermost first."""
        return tuple(p.name if self.tables_keep_case else self.identifier(p) for p in parts)

    def relation_key(self, text: str) -> tuple[str, ...]:
        """The key of a relation name given as text, as it would be written in a query."""
        try:
            table = exp.to_table(text, dialect=self.grammar)
        except SqlglotError:
            return (text,)
        return self.table_key(table_parts(table)) if isinstance(table, exp.Table) else (text,)


@lru_cache(maxsize=32)
def names_for(dialect: str) -> Names:
    """The folding rules of a dialect by its sqlglot name.

    Raises:
        ConfigError: sqlglot knows no such dialect.
    """
    try:
        grammar = Dialect.get_or_raise(dialect)
    except ValueError as error:
        raise ConfigError(f"column lineage does not know the SQL dialect {dialect!r}: {error}") from error
    strategy = grammar.normalization_strategy
    return Names(
        grammar=grammar,
        dialect=dialect,
        upper=strategy in _UPPER,
        ignores_quotes=strategy in _ANY_CASE,
        keeps_case=strategy is NormalizationStrategy.CASE_SENSITIVE,
        tables_keep_case=dialect == "bigquery",
    )
