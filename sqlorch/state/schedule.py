"""Groups, cursors and slots. Implements :class:`sqlorch.engine.schedule_ports.ScheduleStore`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.scheduling import Enrolment, GroupState, GroupStatus, NewRun, Slot, SlotDecision
from sqlorch.state import audit, queued, slots
from sqlorch.state.codec import clean_text, from_micros_or_none, to_micros, to_micros_or_none
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import grp

_BY_NAME = select(grp).where(grp.c.name == bindparam("key"))
_ADVANCE = (
    grp.update()
    .where(grp.c.name == bindparam("key"))
    .values(
        cursor=bindparam("to"),
        origin=bindparam("from"),
        catchup=bindparam("word"),
        updated_at=bindparam("now"),
    )
)
_ACTIONS = {GroupStatus.ACTIVE: "resume", GroupStatus.PAUSED: "pause", GroupStatus.HELD: "hold"}


@repeating
class SqlSchedule:
    """See the port for what each method promises.

    Args:
        database: where it is kept.
        owner: who is written down as the maker of queued runs.
    """

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def groups(self) -> Mapping[str, GroupState]:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.groups`."""
        with self._database.read() as connection:
            return {row.name: _state(row) for row in connection.execute(select(grp).order_by(grp.c.name))}

    def enrol(
        self, name: str, *, cursor: datetime | None, spec_hash: str, watched_since: datetime, now: datetime
    ) -> GroupState:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.enrol`.

        A first cursor is never before the end of a slot that a backfill has decided.
        """
        with self._database.write() as connection:
            one = Enrolment(group=name, cursor=cursor, spec_hash=spec_hash)
            return _enrol(connection, one, watched_since=watched_since, now=now)

    def enrol_all(
        self, groups: Sequence[Enrolment], *, watched_since: datetime, now: datetime
    ) -> Mapping[str, GroupState]:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.enrol_all`."""
        with self._database.write() as connection:
            return {
                one.group: _enrol(connection, one, watched_since=watched_since, now=now) for one in groups
            }

    def watch(self, since: datetime) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.watch`.

        Where a person's decision on missed slots is still being carried out, what it is about stays as it is.
        """
        with self._database.write() as connection:
            changes = {"watched_since": to_micros(since), "updated_at": to_micros(since)}
            connection.execute(grp.update().where(grp.c.catchup == "").values(**changes))

    def set_status(
        self, name: str, status: GroupStatus, *, reason: str, who: str, now: datetime, catchup: str = ""
    ) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.set_status`."""
        changes: dict[str, Any] = {
            "status": status,
            "reason": clean_text(reason),
            "updated_at": to_micros(now),
        }
        if status is GroupStatus.ACTIVE:
            changes |= {"watched_since": to_micros(now), "catchup": catchup}
        with self._database.write() as connection:
            if _get(connection, name).status == status:
                return False
            connection.execute(grp.update().where(grp.c.name == name).values(**changes))
            detail = "; ".join(filter(None, [reason, catchup and f"missed intervals: {catchup}"]))
            audit.note(connection, who=who, action=_ACTIONS[status], subject=name, detail=detail, now=now)
        return True

    def decide(
        self,
        name: str,
        *,
        expected: datetime | None,
        cursor: datetime,
        runs: Sequence[NewRun] = (),
        skips: Sequence[Interval] = (),
        reason: str = "",
        now: datetime,
    ) -> bool:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.decide`.

        Raises:
            StateError: no such group; a slot does not follow the one before; the cursor is not the end of the
                last one; a run is of another group, has no slot, or its id exists.
        """
        one = SlotDecision(
            group=name,
            expected=expected,
            cursor=cursor,
            runs=tuple(runs),
            skips=tuple(skips),
            reason=reason,
        )
        with self._database.write() as connection:
            return self._decide(connection, one, now)

    def decide_all(self, decisions: Sequence[SlotDecision], *, now: datetime) -> Sequence[bool | StateError]:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.decide_all`."""
        answers: list[bool | StateError] = []
        with self._database.write() as connection:
            for one in decisions:
                try:
                    with connection.begin_nested():
                        answers.append(self._decide(connection, one, now))
                except StateError as error:
                    answers.append(error)
        return answers

    def _decide(self, connection: Connection, one: SlotDecision, now: datetime) -> bool:
        _refuse_foreign(one.group, one.runs)
        verdicts = slots.decided(one.runs, one.skips, reason=one.reason, after=one.expected, until=one.cursor)
        row = _get(connection, one.group)
        begin = to_micros(verdicts[0][0].start if verdicts else one.cursor)
        if row.cursor != to_micros_or_none(one.expected) or _is_taken(connection, row, begin):
            return False
        for made in one.runs:
            queued.insert(connection, made, owner=self._owner, now=now)
        slots.insert(connection, one.group, verdicts, now=now)
        # a person's decision on what was missed is done with once a slot is decided that was not
        watched = row.watched_since is not None and to_micros(one.cursor) > row.watched_since
        values = {
            "key": one.group,
            "to": to_micros(one.cursor),
            "from": begin if row.origin is None else row.origin,
            "word": "" if watched else row.catchup,
            "now": to_micros(now),
        }
        connection.execute(_ADVANCE, values)
        return True

    def slots(self, name: str, span: Interval | None = None, *, limit: int | None = None) -> list[Slot]:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.slots`."""
        with self._database.read() as connection:
            return slots.listed(connection, name, span, limit)

    def version(self) -> int:
        """See :meth:`sqlorch.engine.schedule_ports.ScheduleStore.version`; own writes count too."""
        return self._database.version()


def _enrol(connection: Connection, one: Enrolment, *, watched_since: datetime, now: datetime) -> GroupState:
    row = _find(connection, one.group)
    changes: dict[str, Any] = {"spec_hash": one.spec_hash, "updated_at": to_micros(now)}
    if one.cursor is not None and (row is None or row.cursor is None):
        cursor = to_micros(one.cursor)
        first = max(cursor, slots.newest_end(connection, one.group) or cursor)
        changes |= {"cursor": first, "origin": first}
    if row is None:
        connection.execute(grp.insert(), _new_group(one.group, watched_since) | changes)
    elif row.spec_hash != one.spec_hash or "cursor" in changes:
        connection.execute(grp.update().where(grp.c.name == one.group).values(**changes))
    return _state(_get(connection, one.group))


def _refuse_foreign(name: str, runs: Sequence[NewRun]) -> None:
    for made in runs:
        if made.group != name or not made.slots:
            whose = f"is of {made.group}, not of {name}" if made.slots else "decides no slot"
            raise StateError(f"run {made.run_id} {whose}; nothing was changed")


def _is_taken(connection: Connection, row: Row[Any], begin: int) -> bool:
    """Whether a group without a cursor has slots, made by a backfill, where its first decision begins."""
    if row.cursor is not None:
        return False
    end = slots.newest_end(connection, row.name)
    return end is not None and end > begin


def _new_group(name: str, watched_since: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "status": GroupStatus.ACTIVE,
        "reason": "",
        "watched_since": to_micros(watched_since),
        "catchup": "",
    }


def _find(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(_BY_NAME, {"key": name}).first()


def _get(connection: Connection, name: str) -> Row[Any]:
    row = _find(connection, name)
    if row is None:
        near = difflib.get_close_matches(name, connection.scalars(select(grp.c.name)), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise StateError(f"no daemon has seen a group {name} yet{hint}")
    return row


def _state(row: Row[Any]) -> GroupState:
    return GroupState(
        name=row.name,
        cursor=from_micros_or_none(row.cursor),
        status=GroupStatus(row.status),
        reason=row.reason,
        watched_since=from_micros_or_none(row.watched_since),
        spec_hash=row.spec_hash,
        catchup=row.catchup,
    )
