"""Statements on slots. Inside the caller's transaction; what may be decided is checked here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, func, or_, select

from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.domain.scheduling import NewRun, Slot, SlotStatus
from sqlorch.state.codec import clean_text, from_micros, to_micros
from sqlorch.state.tables import run, slot

Verdict = tuple[Interval, str | None, str]  # a slot, its run or None when skipped, and why

HOLE = "before the start of the schedule, which was moved"
_OF_GROUP = slot.c.group_name == bindparam("name")
_NEWEST_END = select(func.max(slot.c.interval_end)).where(_OF_GROUP)
_EXACTLY = and_(
    _OF_GROUP, slot.c.interval_start == bindparam("start"), slot.c.interval_end == bindparam("end")
)
_PRUNED = ~exists().where(run.c.run_id == slot.c.run_id)
_TAKE_FREE = (
    slot.update()
    .where(_EXACTLY, or_(slot.c.status == SlotStatus.SKIPPED, _PRUNED))
    .values(status=SlotStatus.RUN, run_id=bindparam("run"), reason="", decided_at=bindparam("now"))
)
_TELL = slot.update().where(slot.c.run_id == bindparam("run")).values(reason=bindparam("why"))


def overlapping(start: int, end: int) -> ColumnElement[bool]:
    """Whether a slot shares an instant with a span; a point belongs to the window that begins with it."""
    return or_(
        and_(slot.c.interval_start < end, slot.c.interval_end > start),
        and_(slot.c.interval_start >= start, slot.c.interval_start < end),
        slot.c.interval_start == start,
    )


def newest_end(connection: Connection, group: str) -> int | None:
    """The latest end of a decided slot, None when nothing was decided."""
    end: int | None = connection.scalar(_NEWEST_END, {"name": group})
    return end


def decided(
    runs: Sequence[NewRun],
    skips: Sequence[Interval],
    *,
    reason: str,
    after: datetime | None,
    until: datetime,
) -> list[Verdict]:
    """What one decision says of each slot, in their order.

    A window that begins later than ``after`` is preceded by the hole as a slot of its own, so that nothing is
    skipped without a record.

    Raises:
        StateError: they overlap, leave a hole between them, or do not end at ``until``.
    """
    verdicts: list[Verdict] = [(cut, made.run_id, "") for made in runs for cut in made.slots]
    verdicts += [(cut, None, clean_text(reason)) for cut in skips]
    verdicts.sort(key=lambda verdict: verdict[0])
    if verdicts and after is not None and after < verdicts[0][0].start < verdicts[0][0].end:
        verdicts.insert(0, (Interval(after, verdicts[0][0].start), None, HOLE))
    reached = after
    for cut, _, _ in verdicts:
        if not _follows(cut, reached):
            raise StateError(f"the slot {cut} does not begin where the one before it ends, at {reached}")
        reached = cut.end
    if reached is not None and reached != until:
        raise StateError(f"the cursor {until} is not the end of the last slot decided, {reached}")
    return verdicts


def _follows(cut: Interval, reached: datetime | None) -> bool:
    if reached is None:
        return True
    return cut.start > reached if cut.start == cut.end else cut.start == reached


def insert(connection: Connection, group: str, verdicts: Iterable[Verdict], *, now: datetime) -> None:
    """Record slots as decided."""
    rows = [
        {
            "group_name": group,
            "interval_start": to_micros(cut.start),
            "interval_end": to_micros(cut.end),
            "status": SlotStatus.SKIPPED if run_id is None else SlotStatus.RUN,
            "run_id": run_id,
            "reason": reason,
            "decided_at": to_micros(now),
        }
        for cut, run_id, reason in verdicts
    ]
    if rows:
        connection.execute(slot.insert(), rows)


def refuse_undecided(made: NewRun, cursor: int | None, *, now: datetime) -> None:
    """A slot the schedule has not come to stays the schedule's.

    Raises:
        StateError: a slot of the run ends after the group's cursor, or has not ended yet.
    """
    for cut in made.slots:
        if cut.end > now:
            raise StateError(f"{cut} of {made.group} has not come to its end yet")
        if cursor is not None and to_micros(cut.end) > cursor:
            raise StateError(
                f"{cut} of {made.group} is still to be decided by its schedule, which stands at "
                f"{format_instant(from_micros(cursor))}; resume the group, or decide on what was missed first"
            )


def take(connection: Connection, made: NewRun, *, now: datetime) -> None:
    """Give a queued run its slots: new ones, those that were skipped, and those whose run was pruned.

    Raises:
        StateError: one has a run already, lies across another slot, or has not come to its end.
    """
    for cut in made.slots:
        start, end = to_micros(cut.start), to_micros(cut.end)
        mine = {"name": made.group, "start": start, "end": end, "run": made.run_id, "now": to_micros(now)}
        taken = connection.execute(_TAKE_FREE, mine)
        if taken.rowcount == 1:
            continue
        across = connection.execute(
            select(slot).where(slot.c.group_name == made.group, overlapping(start, end)).limit(1)
        ).first()
        if across is not None:
            raise StateError(_refusal(made.group, cut, record(across)))
        insert(connection, made.group, [(cut, made.run_id, "")], now=now)


def _refusal(group: str, cut: Interval, other: Slot) -> str:
    if other.interval == cut:
        return f"the slot {cut} of {group} is decided: run {other.run_id} has it, run that one again"
    return f"{cut} of {group} lies across its slot {other.interval}; use that slot as it is"


def tell(connection: Connection, run_id: str, reason: str) -> None:
    """Write on a run's slots what became of them."""
    connection.execute(_TELL, {"run": run_id, "why": clean_text(reason)})


def listed(connection: Connection, group: str, span: Interval | None, limit: int | None) -> list[Slot]:
    """Decided slots that overlap the span, oldest first; the newest ``limit`` of them."""
    newest_first = (slot.c.interval_start.desc(), slot.c.interval_end.desc())
    statement = select(slot).where(slot.c.group_name == group).order_by(*newest_first).limit(limit)
    if span is not None:
        statement = statement.where(overlapping(to_micros(span.start), to_micros(span.end)))
    return [record(row) for row in reversed(connection.execute(statement).all())]


def record(row: Row[Any]) -> Slot:
    """A slot from its row."""
    return Slot(
        group=row.group_name,
        interval=Interval(from_micros(row.interval_start), from_micros(row.interval_end)),
        status=SlotStatus(row.status),
        run_id=row.run_id,
        reason=row.reason,
        decided_at=from_micros(row.decided_at),
    )
