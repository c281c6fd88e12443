"""Leases of processes that drive runs. Implements :class:`sqlorch.engine.schedule_ports.LeaseStore`.

Whoever looks at leases first deletes those whose time is up, alone, by the database's clock. So a process
whose lease was once found to be over cannot renew it, and two can never disagree about it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, null, select

from sqlorch.domain.history import Owner
from sqlorch.domain.lease import LEASE, Holder, Role, Standing
from sqlorch.state.codec import from_micros, from_micros_or_none
from sqlorch.state.engine import Database
from sqlorch.state.tables import lease

_LENGTH = timedelta(seconds=LEASE) // timedelta(microseconds=1)


class SqlLeases:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, owner: Owner, role: Role) -> Standing:
        """See :meth:`sqlorch.engine.schedule_ports.LeaseStore.take`."""
        with self._database.lease() as connection:
            now = self._bury(connection)
            connection.execute(lease.delete().where(*_of(owner)))
            connection.execute(
                lease.insert(), _key(owner) | {"role": role, "since": now, "until": now + _LENGTH}
            )
            return _standing(connection, now)

    def renew(self, owner: Owner, *, may_lead: bool) -> Standing | None:
        """See :meth:`sqlorch.engine.schedule_ports.LeaseStore.renew`."""
        with self._database.lease() as connection:
            now = self._bury(connection)
            line_up = func.coalesce(lease.c.lead_since, _end_of_line(connection, now))
            lead_since = line_up if may_lead else null()
            renewed = lease.update().where(*_of(owner)).values(until=now + _LENGTH, lead_since=lead_since)
            return _standing(connection, now) if connection.execute(renewed).rowcount else None

    def release(self, owner: Owner) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.LeaseStore.release`."""
        with self._database.lease() as connection:
            connection.execute(lease.delete().where(*_of(owner)))

    def holds(self, owner: Owner) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.LeaseStore.holds`."""
        mine = select(lease.c.until).where(*_of(owner))
        with self._database.read() as connection:
            until = connection.scalar(mine)
            if until is None or until > self._database.now(connection):
                return until is not None
        with self._database.lease() as connection:  # it looks over, but may be being renewed just now
            self._bury(connection)
            return connection.scalar(mine) is not None

    def standing(self) -> Standing:
        """See :meth:`sqlorch.engine.schedule_ports.LeaseStore.standing`."""
        with self._database.read() as connection:
            return _standing(connection, self._database.now(connection))

    def _bury(self, connection: Connection) -> int:
        """Delete what is over; returns the database's clock."""
        now = self._database.now(connection)
        connection.execute(lease.delete().where(lease.c.until <= now))
        return now


def _end_of_line(connection: Connection, now: int) -> int:
    """Behind everybody who is ready to lead, also when the clock has been set back since."""
    last = connection.scalar(select(func.max(lease.c.lead_since)))
    return now if last is None else max(now, last + 1)


def _key(owner: Owner) -> dict[str, Any]:
    return {"host": owner.host, "boot_id": owner.boot_id, "pid": owner.pid, "started": owner.started}


def _of(owner: Owner) -> list[ColumnElement[bool]]:
    return [lease.c[name] == value for name, value in _key(owner).items()]


def _standing(connection: Connection, now: int) -> Standing:
    rows = connection.execute(select(lease).where(lease.c.until > now).order_by(lease.c.id))
    return Standing(now=from_micros(now), holders=tuple(map(_holder, rows)))


def _holder(row: Row[Any]) -> Holder:
    return Holder(
        owner=Owner(host=row.host, boot_id=row.boot_id, pid=row.pid, started=row.started),
        role=Role(row.role),
        since=from_micros(row.since),
        until=from_micros(row.until),
        lead_since=from_micros_or_none(row.lead_since),
    )
