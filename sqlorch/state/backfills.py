"""Backfills and their slots. Implements :class:`sqlorch.engine.schedule_ports.BackfillStore`."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.scheduling import Backfill, BackfillSlot, BackfillState
from sqlorch.state import audit
from sqlorch.state.codec import clean_text, from_micros, from_micros_or_none, to_micros
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import backfill, backfill_slot

_UNFINISHED = (BackfillState.RUNNING, BackfillState.PAUSED)
_NEAREST_AMONG = 1000  # ids offered for a wrong one come from this many newest backfills
_COUNTS = select(backfill_slot.c.backfill_id, backfill_slot.c.state, func.count().label("slots")).group_by(
    backfill_slot.c.backfill_id, backfill_slot.c.state
)
_MOVE_SLOT = (
    backfill_slot.update()
    .where(backfill_slot.c.backfill_id == bindparam("of"), backfill_slot.c.position == bindparam("place"))
    .values(state=bindparam("to"), run_id=bindparam("run"), reason=bindparam("why"))
)


@repeating
class SqlBackfills:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, backfill: Backfill, slots: Sequence[BackfillSlot], *, who: str, now: datetime) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.BackfillStore.submit`.

        Raises:
            StateError: as the port says; or the id exists, or a slot is of another backfill.
        """
        for slot in slots:
            if slot.backfill_id != backfill.backfill_id:
                raise StateError(f"a slot of {slot.backfill_id} was submitted with {backfill.backfill_id}")
        with self._database.write() as connection:
            _refuse_overlap(connection, backfill)
            _insert(connection, backfill, slots, now=now)
            detail = f"{backfill.interval}, {len(slots)} intervals, {backfill.reprocess}"
            subject = f"{backfill.group} {backfill.backfill_id}"
            audit.note(connection, who=who, action="backfill", subject=subject, detail=detail, now=now)

    def backfills(self, *, group: str | None = None, unfinished: bool = False) -> list[Backfill]:
        """See :meth:`sqlorch.engine.schedule_ports.BackfillStore.backfills`."""
        statement = select(backfill).order_by(backfill.c.id.desc())
        if group is not None:
            statement = statement.where(backfill.c.group_name == group)
        if unfinished:
            statement = statement.where(backfill.c.state.in_(_UNFINISHED))
        with self._database.read() as connection:
            return _records(connection, connection.execute(statement).all())

    def backfill(self, backfill_id: str) -> Backfill:
        """See :meth:`sqlorch.engine.schedule_ports.BackfillStore.backfill`."""
        with self._database.read() as connection:
            return _records(connection, [_fetch(connection, backfill_id)])[0]

    def backfill_slots(self, backfill_id: str, *, state: str | None = None) -> list[BackfillSlot]:
        """See :meth:`sqlorch.engine.schedule_ports.BackfillStore.backfill_slots`."""
        statement = select(backfill_slot).where(backfill_slot.c.backfill_id == backfill_id)
        if state is not None:
            statement = statement.where(backfill_slot.c.state == state)
        with self._database.read() as connection:
            return [_slot(row) for row in connection.execute(statement.order_by(backfill_slot.c.position))]

    def move_backfill(
        self,
        backfill_id: str,
        before: BackfillState,
        after: BackfillState,
        *,
        reason: str,
        who: str,
        now: datetime,
    ) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.BackfillStore.move_backfill`.

        Raises:
            StateError: no such backfill, or it is to leave a state in which it has ended.
        """
        if before not in _UNFINISHED:
            raise StateError(f"backfill {backfill_id} has ended; submit the range again")
        changes: dict[str, Any] = {"state": after, "reason": clean_text(reason)}
        if after not in _UNFINISHED:
            changes["finished_at"] = to_micros(now)
        with self._database.write() as connection:
            _fetch(connection, backfill_id)
            mine = (backfill.c.backfill_id == backfill_id, backfill.c.state == before)
            if connection.execute(backfill.update().where(*mine).values(**changes)).rowcount != 1:
                return False
            if after is BackfillState.CANCELLED:
                waiting = (backfill_slot.c.backfill_id == backfill_id, backfill_slot.c.state == "waiting")
                cancelled = {"state": "cancelled", "reason": clean_text(reason)}
                connection.execute(backfill_slot.update().where(*waiting).values(**cancelled))
            detail = f"{before} -> {after}{reason and f': {reason}'}"
            audit.note(
                connection, who=who, action="move backfill", subject=backfill_id, detail=detail, now=now
            )
        return True

    def move_slots(self, backfill_id: str, slots: Sequence[BackfillSlot], *, now: datetime) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.BackfillStore.move_slots`.

        Raises:
            StateError: the backfill has no such slot; nothing was changed.
        """
        del now  # what a slot's run did says when
        rows = [
            {
                "of": backfill_id,
                "place": slot.position,
                "to": slot.state,
                "run": slot.run_id,
                "why": clean_text(slot.reason),
            }
            for slot in slots
        ]
        if not rows:
            return
        with self._database.write() as connection:
            if connection.execute(_MOVE_SLOT, rows).rowcount != len(rows):
                raise StateError(f"backfill {backfill_id} has not all of these slots; nothing was changed")


def _refuse_overlap(connection: Connection, wanted: Backfill) -> None:
    start, end = to_micros(wanted.interval.start), to_micros(wanted.interval.end)
    overlaps = or_(
        and_(backfill.c.interval_start < end, backfill.c.interval_end > start),
        backfill.c.interval_start == start,
    )
    other = connection.execute(
        select(backfill)
        .where(backfill.c.group_name == wanted.group, backfill.c.state.in_(_UNFINISHED), overlaps)
        .limit(1)
    ).first()
    if other is not None:
        raise StateError(
            f"backfill {other.backfill_id} of {wanted.group} over {_interval(other)} is {other.state}; "
            f"wait for it, or cancel it: sqlorch backfill cancel {other.backfill_id}"
        )


def _insert(connection: Connection, made: Backfill, slots: Sequence[BackfillSlot], *, now: datetime) -> None:
    values = {
        "backfill_id": made.backfill_id,
        "group_name": made.group,
        "interval_start": to_micros(made.interval.start),
        "interval_end": to_micros(made.interval.end),
        "direction": made.order,
        "reprocess": made.reprocess,
        "parallel": made.parallel,
        "state": made.state,
        "reason": clean_text(made.reason),
        "created_at": to_micros(now),
        "parent": made.parent,
    }
    connection.execute(backfill.insert(), values)
    rows = [
        {
            "backfill_id": slot.backfill_id,
            "position": slot.position,
            "interval_start": to_micros(slot.interval.start),
            "interval_end": to_micros(slot.interval.end),
            "state": slot.state,
            "run_id": slot.run_id,
            "reason": clean_text(slot.reason),
        }
        for slot in slots
    ]
    if rows:
        connection.execute(backfill_slot.insert(), rows)


def _fetch(connection: Connection, backfill_id: str) -> Row[Any]:
    row = connection.execute(select(backfill).where(backfill.c.backfill_id == backfill_id)).first()
    if row is None:
        newest = select(backfill.c.backfill_id).order_by(backfill.c.id.desc()).limit(_NEAREST_AMONG)
        near = difflib.get_close_matches(backfill_id, connection.scalars(newest), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise StateError(f"there is no backfill {backfill_id}{hint}")
    return row


def _records(connection: Connection, rows: Sequence[Row[Any]]) -> list[Backfill]:
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    chunk = 1000  # bound values a statement; SQLite takes 32,766
    ids = [row.backfill_id for row in rows]
    for start in range(0, len(ids), chunk):
        some = _COUNTS.where(backfill_slot.c.backfill_id.in_(ids[start : start + chunk]))
        for count in connection.execute(some):
            counts[count.backfill_id][count.state] = count.slots
    return [_record(row, counts[row.backfill_id]) for row in rows]


def _record(row: Row[Any], counts: dict[str, int]) -> Backfill:
    return Backfill(
        backfill_id=row.backfill_id,
        group=row.group_name,
        interval=_interval(row),
        order=row.direction,
        reprocess=row.reprocess,
        parallel=row.parallel,
        state=BackfillState(row.state),
        reason=row.reason,
        created_at=from_micros(row.created_at),
        finished_at=from_micros_or_none(row.finished_at),
        slots=sum(counts.values()),
        done=counts.get("done", 0),
        failed=counts.get("failed", 0),
        parent=row.parent,
    )


def _slot(row: Row[Any]) -> BackfillSlot:
    return BackfillSlot(
        backfill_id=row.backfill_id,
        interval=_interval(row),
        position=row.position,
        state=row.state,
        run_id=row.run_id,
        reason=row.reason,
    )


def _interval(row: Row[Any]) -> Interval:
    return Interval(from_micros(row.interval_start), from_micros(row.interval_end))
