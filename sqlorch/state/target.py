"""Which target of the profile a state is about: what is made in one warehouse is not there in another."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from sqlorch.state import audit
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import meta

_KEY = "target"


@repeating
class SqlTarget:
    """The name of the one target whose intervals this state counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def where(self) -> str:
        """Where the state is kept, as it may be shown."""
        return self._database.where

    def name(self) -> str | None:
        """The name; None as long as nothing was run on any."""
        with self._database.read() as connection:
            return _stored(connection)

    def claim(self, name: str) -> str:
        """Whose it is from now on: ``name``, unless it was another's before."""
        with self._database.write() as connection:
            stored = _stored(connection)
            if stored is None:
                connection.execute(meta.insert(), {"key": _KEY, "value": name})
            return stored or name

    def rename(self, name: str, *, who: str, now: datetime) -> str | None:
        """Let everything remembered count for ``name``; returns whose it was."""
        with self._database.write() as connection:
            stored = _stored(connection)
            connection.execute(meta.delete().where(meta.c.key == _KEY))
            connection.execute(meta.insert(), {"key": _KEY, "value": name})
            audit.note(
                connection, who=who, action="target", subject=name, detail=f"was {stored or 'none'}", now=now
            )
            return stored


def _stored(connection: Connection) -> str | None:
    found = connection.scalar(select(meta.c.value).where(meta.c.key == _KEY))
    return None if found is None else str(found)
