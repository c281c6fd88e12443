"""Texts as numbers, for what the ledger repeats very often. A word, once known, keeps its number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import text as sql

from sqlorch.state.tables import word

_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
_KNOWN = select(word.c.text, word.c.id).where(word.c.text.in_(bindparam("texts", expanding=True)))
_LEARN = sql("INSERT INTO word (text) VALUES (:text) ON CONFLICT (text) DO NOTHING")


def known(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of those texts that have one."""
    wanted = list(dict.fromkeys(texts))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(_KNOWN, {"texts": wanted[start : start + _CHUNK]})
        found.update({row.text: row.id for row in rows})
    return found


def learn(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of the texts; those without one are given one."""
    wanted = list(dict.fromkeys(texts))
    found = known(connection, wanted)
    new = [text for text in wanted if text not in found]
    if new:
        connection.execute(_LEARN, [{"text": text} for text in new])
        found |= known(connection, new)
    return found


def all_texts(connection: Connection) -> Mapping[int, str]:
    """Every word by its number."""
    cursor = connection.execute(select(word.c.id, word.c.text)).cursor
    return dict(cursor.fetchall() if cursor else ())
