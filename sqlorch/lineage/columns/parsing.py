"""From text to one query, with bounds that are checked before the parser can be hurt by the input."""

from __future__ import annotations

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


def _check_depth(tokens: Sequence[Token], bound: int) -> None:
    """Refuse what would recurse in the parser: brackets, CASE, and runs of prefix operators."""
    depth = run = 0
    for token in tokens:
        kind = token.token_type
        if kind in _OPEN:
            depth += 1
        elif kind in _CLOSE:
            depth = max(0, depth - 1)
        run = 0 if kind in _LEAF else run + 1
        if depth > bound or run > 2 * bound:
            raise UnreadableError(f"the SQL is nested more than {bound} levels deep", token.line)
