"""Processes that drove runs and are gone: what they left running is to be ended before anything is run.

Written in the transaction that ends or takes over their runs, so that it is known whoever comes next; kept in
``meta``, since there are hardly ever any.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from sqlorch.domain.backends import LostProcess, backend_tag
from sqlorch.domain.history import Owner
from sqlorch.state.codec import from_json, from_micros, to_json, to_micros
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import meta

_PREFIX = "lost/"


def note(connection: Connection, owner: Owner, *, target: str | None, now: datetime) -> None:
    """Remember that a process is gone, in the caller's transaction."""
    key = f"{_PREFIX}{backend_tag(owner)}"
    value = to_json({"target": target, "noted_at": to_micros(now)}, what="a lost process")
    connection.execute(meta.delete().where(meta.c.key == key))
    connection.execute(meta.insert(), {"key": key, "value": value})


@repeating
class SqlLost:
    """Lost processes whose backends have not been looked for yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def processes(self) -> list[LostProcess]:
        """Those there are."""
        statement = select(meta).where(meta.c.key.startswith(_PREFIX)).order_by(meta.c.key)
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [_process(row.key, from_json(row.value)) for row in rows]

    def forget(self, tags: Iterable[str]) -> None:
        """Nothing of these is left."""
        keys = [f"{_PREFIX}{tag}" for tag in tags]
        if keys:
            with self._database.write() as connection:
                connection.execute(meta.delete().where(meta.c.key.in_(keys)))


def _process(key: str, said: dict[str, object]) -> LostProcess:
    target, noted_at = said["target"], said["noted_at"]
    assert isinstance(noted_at, int)  # noqa: S101 - written above
    return LostProcess(
        tag=key.removeprefix(_PREFIX),
        target=None if target is None else str(target),
        noted_at=from_micros(noted_at),
    )
