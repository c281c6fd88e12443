"""Who the daemon is, and what people did. Implements :class:`sqlorch.engine.schedule_ports.DaemonStore`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from sqlorch.domain.history import Owner
from sqlorch.state import audit
from sqlorch.state.codec import clean_text, from_micros, to_micros
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import daemon


@repeating
class SqlDaemons:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, owner: Owner, *, version: str, state: str, now: datetime) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.DaemonStore.beat`; the first beat is its start."""
        who = {
            "host": owner.host,
            "boot_id": owner.boot_id,
            "pid": owner.pid,
            "started": owner.started,
        }
        news = {"beat_at": to_micros(now), "version": version, "state": clean_text(state)}
        me = [daemon.c[name] == value for name, value in who.items()]
        with self._database.write() as connection:
            if connection.execute(daemon.update().where(*me).values(**news)).rowcount == 0:
                connection.execute(daemon.insert(), who | news | {"started_at": to_micros(now)})

    def daemon(self) -> Mapping[str, Any] | None:
        """See :meth:`sqlorch.engine.schedule_ports.DaemonStore.daemon`."""
        return next(iter(self._listed(select(daemon), 1)), None)

    def daemons(self, limit: int) -> list[Mapping[str, Any]]:
        """See :meth:`sqlorch.engine.schedule_ports.DaemonStore.daemons`."""
        return self._listed(select(daemon).where(daemon.c.state != "stopped"), limit)

    def _listed(self, statement: Select[Any], limit: int) -> list[Mapping[str, Any]]:
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(daemon.c.id.desc()).limit(limit)).all()
        return [
            {
                "host": row.host,
                "boot_id": row.boot_id,
                "pid": row.pid,
                "started": row.started,
                "started_at": from_micros(row.started_at),
                "beat_at": from_micros(row.beat_at),
                "version": row.version,
                "state": row.state,
            }
            for row in rows
        ]

    def audit(self, limit: int | None = None) -> list[Mapping[str, Any]]:
        """See :meth:`sqlorch.engine.schedule_ports.DaemonStore.audit`."""
        with self._database.read() as connection:
            return audit.listed(connection, limit)
