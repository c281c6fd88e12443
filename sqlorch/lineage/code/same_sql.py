"""Whether two texts of SQL and Jinja mean the same: formatting, comments and needless brackets aside.

Two ways lead to yes, anything else is no. Either the SQL tokens and the Jinja are the same one by one. Or the
Jinja is the same, and whichever branches are taken, SQL that parses to the same tree comes out. The branches
are tried one at a time: each body of an ``if`` and none of them, loops with two turns and with none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token  # type: ignore[attr-defined] # re-exported without saying so

from sqlorch.domain.errors import ConfigError
from sqlorch.lineage.code.jinja_text import (
    MARK,
    Block,
    Code,
    NotJinjaError,
    Part,
    Text,
    mark_of,
    read_parts,
    skeleton,
)
from sqlorch.lineage.code.shape import shape
from sqlorch.lineage.columns.names import Names, names_for
from sqlorch.lineage.columns.parsing import UnreadableError, parse_query
from sqlorch.lineage.columns.values import Limits

_VARIANTS = 64  # of one template; one with more branches is compared by its tokens alone
_LIMITS = Limits()
_RESERVED = """
    SELECT FROM WHERE AND OR NOT NULL IS IN BETWEEN LIKE CASE WHEN THEN ELSE END JOIN ON USING GROUP_BY
    ORDER_BY HAVING UNION EXCEPT INTERSECT DISTINCT ALL ALIAS WITH
"""  # wherever SQL is spoken, so they are never somebody's column
_KEYWORDS = frozenset(_RESERVED.split())
_OUT_OF_LINE = frozenset({"set", "macro", "test", "data_test", "materialization", "docs", "snapshot"})
_LOOP_TESTS: Mapping[tuple[str, ...], tuple[bool, bool]] = {
    ("loop", ".", "first"): (True, False),
    ("loop", ".", "last"): (False, True),
    ("not", "loop", ".", "first"): (False, True),
    ("not", "loop", ".", "last"): (True, False),
}


def same_sql(old: str, new: str, dialect: str) -> bool:
    """Whether two texts of SQL, with or without Jinja, differ in nothing that matters.

    Args:
        old: the former text.
        new: the present one.
        dialect: sqlglot's name of the SQL dialect; one it does not know makes every difference count.
    """
    if old == new:
        return True
    try:
        return _same(read_parts(old), read_parts(new), names_for(dialect))
    except (NotJinjaError, ConfigError, RecursionError):
        return False


def _same(old: Sequence[Part], new: Sequence[Part], names: Names) -> bool:
    if list(skeleton(old)) != list(skeleton(new)):
        return False
    tokens = _tokens(_flat(old), names)
    if tokens is not None and tokens == _tokens(_flat(new), names):
        return True
    inner = zip(_out_of_line(old), _out_of_line(new), strict=True)
    if not all(_same(before, after, names) for before, after in inner):
        return False
    befores = list(islice(_variants(old), _VARIANTS + 1))
    if len(befores) > _VARIANTS:
        return False
    return all(
        _same_query(before, after, names) for before, after in zip(befores, _variants(new), strict=True)
    )


def _same_query(old: str, new: str, names: Names) -> bool:
    if old == new or not (old.strip() or new.strip()):
        return True
    before, after = _shape(old, names), _shape(new, names)
    return before is not None and before == after


def _shape(sql: str, names: Names) -> object | None:
    """The tree of a query; None where it is none, or where a comment hides code that may write lines."""
    try:
        found: object = shape(parse_query(sql, names, _LIMITS))
    except (UnreadableError, RecursionError):
        return None
    return found if _tokens(sql, names) is not None else None


def _flat(parts: Sequence[Part]) -> str:
    """A template as one text, with a name for every piece of code, those that only open or close too."""
    return "".join(_flat_pieces(parts))


def _flat_pieces(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, Code):
            yield part.mark
        else:
            for words, body in zip([part.words, *part.conditions], part.bodies, strict=True):
                yield mark_of(words)
                yield from _flat_pieces(body)
            yield mark_of(("end",))


def _tokens(sql: str, names: Names) -> list[tuple[str, str]] | None:
    """The tokens of a text; None where it cannot be read, or where a comment hides code."""
    try:
        tokens = [_token(token) for token in names.grammar.tokenize(sql)]
    except SqlglotError:
        return None
    seen = sum(text.count(MARK) for _, text in tokens)
    return tokens if seen == sql.count(MARK) else None


def _token(token: Token) -> tuple[str, str]:
    kind = token.token_type.name
    return kind, "" if kind in _KEYWORDS else str(token.text)


def _out_of_line(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Bodies that do not appear where they stand."""
    for part in parts:
        if isinstance(part, Block):
            aside = part.name in _OUT_OF_LINE or part.name in {"call", "filter"}
            for body in part.bodies:
                if aside:
                    yield body
                else:
                    yield from _out_of_line(body)


Choice = Mapping[int, int]


def _variants(parts: Sequence[Part]) -> Iterator[str]:
    """What a template may come to: all first branches, then each other one with the way that leads to it."""
    yield "".join(_written(parts, {}, None))
    for choice in _choices(parts, {}):
        yield "".join(_written(parts, choice, None))


def _choices(parts: Sequence[Part], way: dict[int, int]) -> Iterator[Choice]:
    for part in parts:
        if isinstance(part, Block) and part.name in {"if", "for"}:
            # one more than there are: no branch taken, or a loop that has nothing to run over
            for taken in range(len(part.bodies) + 1):
                here = {**way, id(part): taken}
                if taken:
                    yield here
                if taken < len(part.bodies):
                    yield from _choices(part.bodies[taken], here)


def _written(parts: Sequence[Part], choice: Choice, turn: int | None) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, Code):
            yield part.mark if part.writes else ""
        elif part.name in {"call", "filter"}:
            yield mark_of(part.words)
        elif part.name not in _OUT_OF_LINE:
            yield from _block(part, choice, turn)


def _block(block: Block, choice: Choice, turn: int | None) -> Iterator[str]:
    taken = choice.get(id(block), 0)
    known = _LOOP_TESTS.get(block.words[1:])
    if block.name == "if" and known is not None and turn is not None:
        taken = 0 if known[turn] else 1
    if taken >= len(block.bodies):
        return
    if block.name == "for" and taken == 0:
        for each in (0, 1):
            yield from _written(block.bodies[0], choice, each)
    else:
        yield from _written(block.bodies[taken], choice, turn)
