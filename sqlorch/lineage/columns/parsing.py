"""From text to one query, with bounds that are checked before the parser can be hurt by the input."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined] # re-exported without saying so

from sqlorch.lineage.columns.syntax import is_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.dialects.dialect import Dialect
    from sqlglot.tokens import Token  # type: ignore[attr-defined] # likewise

    from sqlorch.lineage.columns.names import Names
    from sqlorch.lineage.columns.values import Limits

# What sqlglot has to say is in the status of the model; without a handler it would be on standard error too.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

_OPEN = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSE = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_LEAF = frozenset(
    {TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING, TokenType.STAR, TokenType.COMMA}
)


class UnreadableError(Exception):
    """One model's SQL cannot be read; it becomes the model's status, never an error of the project."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def parse_query(sql: str, names: Names, limits: Limits) -> exp.Expression:
    """The one query of a model.

    Raises:
        UnreadableError: too long, nested too deeply, not SQL of the dialect, or not exactly one query.
    """
    if len(sql) > limits.characters:
        raise UnreadableError(
            f"the SQL has {len(sql):,} characters, more than {limits.characters:,} are not read"
        )
    try:
        return _parse(sql, names.grammar, limits)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        what = first.get("description") or str(error).partition("\n")[0]
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        raise UnreadableError(
            f"not {names.dialect} SQL: {what.rstrip('.')}{near}"[:300], first.get("line")
        ) from error
    except TokenError as error:
        raise UnreadableError(f"not {names.dialect} SQL: {error}"[:300]) from error
    except SqlglotError as error:
        raise UnreadableError(f"the parser gave up: {error}"[:300]) from error
    except RecursionError as error:
        raise UnreadableError("the SQL is nested too deeply to be parsed") from error
    except UnreadableError:
        raise
    except Exception as error:  # sqlglot trips over some malformed input with whatever Python raises
        what = f"the parser stopped with {type(error).__name__}"
        raise UnreadableError(f"not {names.dialect} SQL: {what}") from error


def _parse(sql: str, dialect: Dialect, limits: Limits) -> exp.Expression:
    tokens = dialect.tokenize(sql)
    _check_depth(tokens, limits.depth)
    statements = [s for s in dialect.parser().parse(tokens, sql) if s is not None]
    statements = [s for s in statements if not isinstance(s, exp.Semicolon)]
    if not statements:
        raise UnreadableError("the SQL is empty", 1)
    if len(statements) > 1:
        raise UnreadableError(f"a model is one query, this text holds {len(statements)} statements")
    query = statements[0]
    if is_query(query) and isinstance(query, exp.Expression):
        return query
    what = query.name if isinstance(query, exp.Command) else query.key.upper()
    raise UnreadableError(f"a model is a query that returns columns, this is {what or 'something else'}", 1)


@dataclass(slots=True)
class _Depth:
    """What could make the parser recurse, counted over the tokens so far.

    Brackets and CASE, runs of prefix operators, IF without brackets, joins that wait for their ON, and
    subscripts in a row (each makes sqlglot look at all the ones before it). A compiled sqlglot dies of deep
    recursion instead of raising, so this comes before the parser.
    """

    brackets: int = 0
    prefixes: int = 0
    subscripts: int = 0
    joins: int = 0
    before: TokenType | None = None
    after_if: bool = False

    def add(self, token: Token) -> None:
        """Count one more token."""
        kind = token.token_type
        if kind in _OPEN:
            subscript = kind is TokenType.L_BRACKET and self.before is TokenType.R_BRACKET
            self.subscripts = self.subscripts + 1 if subscript else 0
            self.brackets += 1
        elif kind in _CLOSE:
            self.brackets = max(0, self.brackets - 1)
        elif self.after_if:
            self.brackets += 1
        self.prefixes = 0 if kind in _LEAF else self.prefixes + 1
        self.joins = self._waiting(kind)
        self.before, self.after_if = kind, token.text.upper() == "IF"

    def _waiting(self, kind: TokenType) -> int:
        if kind is TokenType.JOIN:
            return self.joins + 1
        return max(0, self.joins - 1) if kind in (TokenType.ON, TokenType.USING) else self.joins

    def exceeds(self, bound: int) -> bool:
        """Whether it is more than the parser should be given."""
        return max(self.brackets, self.subscripts, self.prefixes // 2, self.joins // 8) > bound


def _check_depth(tokens: Sequence[Token], bound: int) -> None:
    depth = _Depth()
    for token in tokens:
        depth.add(token)
        if depth.exceeds(bound):
            raise UnreadableError(f"the SQL is nested more than {bound} levels deep", token.line)
