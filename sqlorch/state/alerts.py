"""The outbox of alerts. Implements :class:`sqlorch.engine.schedule_ports.AlertStore`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.scheduling import Alert
from sqlorch.state.codec import (
    clean_text,
    from_json,
    from_micros,
    from_micros_or_none,
    to_json,
    to_micros,
)
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import alert


@repeating
class SqlAlerts:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def raise_alert(self, dedupe: str, kind: str, payload: Mapping[str, Any], *, now: datetime) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.AlertStore.raise_alert`.

        Raises:
            StateError: the payload cannot be said in JSON.
        """
        with self._database.read() as connection:  # found again at every tick: no need for the write lock
            if is_raised(connection, dedupe):
                return False
        with self._database.write() as connection:
            return insert(connection, dedupe, kind, payload, now=now)

    def alerts(self, *, unsent: bool = False, after: int = 0, limit: int | None = None) -> list[Alert]:
        """See :meth:`sqlorch.engine.schedule_ports.AlertStore.alerts`; with a limit the oldest of them."""
        statement = select(alert).where(alert.c.id > after).order_by(alert.c.id).limit(limit)
        if unsent:
            statement = statement.where(alert.c.sent_at.is_(None))
        with self._database.read() as connection:
            return [alert_of(row) for row in connection.execute(statement)]

    def newest(self, limit: int, *, unsent: bool = False) -> list[Alert]:
        """Alerts, newest first; ``unsent`` those that wait, and those that somebody could not be told."""
        statement = select(alert).order_by(alert.c.id.desc()).limit(limit)
        if unsent:
            statement = statement.where(or_(alert.c.sent_at.is_(None), alert.c.error != ""))
        with self._database.read() as connection:
            return [alert_of(row) for row in connection.execute(statement)]

    def sent(self, alert_id: int, *, now: datetime, error: str = "") -> None:
        """See :meth:`sqlorch.engine.schedule_ports.AlertStore.sent`.

        Raises:
            StateError: there is no such alert.
        """
        changes: dict[str, Any] = {"tries": alert.c.tries + 1, "error": clean_text(error)}
        if not error:
            changes["sent_at"] = to_micros(now)
        with self._database.write() as connection:
            statement = alert.update().where(alert.c.id == alert_id).values(**changes)
            if connection.execute(statement).rowcount != 1:
                raise StateError(f"there is no alert {alert_id}")


def is_raised(connection: Connection, dedupe: str) -> bool:
    """Whether there is such an alert."""
    return connection.scalar(select(alert.c.id).where(alert.c.dedupe == clean_text(dedupe))) is not None


def insert(
    connection: Connection, dedupe: str, kind: str, payload: Mapping[str, Any], *, now: datetime
) -> bool:
    """Put an alert into the outbox inside the caller's transaction; False when it is there already."""
    if is_raised(connection, dedupe):
        return False
    values = {
        "dedupe": clean_text(dedupe),
        "kind": kind,
        "payload": to_json(payload, what=f"the alert {kind}"),
        "created_at": to_micros(now),
        "tries": 0,
        "error": "",
        "group_name": clean_text(str(payload.get("group") or "")),
    }
    connection.execute(alert.insert(), values)
    return True


def alert_of(row: Row[Any]) -> Alert:
    """The alert in a row."""
    return Alert(
        alert_id=row.id,
        dedupe=row.dedupe,
        kind=row.kind,
        payload=from_json(row.payload),
        created_at=from_micros(row.created_at),
        tries=row.tries,
        sent_at=from_micros_or_none(row.sent_at),
        error=row.error,
    )
