"""``sqlorch groups``: one row a group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlorch.app.operating import Desk
from sqlorch.domain.catchup import undecided
from sqlorch.domain.group import Group
from sqlorch.domain.scheduling import GroupStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A group as a person wants to see it.

    Attributes:
        name, schedule, timezone: as configured; ``schedule`` is ``""`` without one.
        status, reason: whether it is scheduled, and why not.
        nodes: how many it has, tests included.
        decided_until: everything before it is decided, or None.
        next_due: when the next undecided interval is or was due, or None.
        due: how many undecided intervals are due.
        counted: whether ``due`` is exact; there are more when it is not.
        open: runs queued or under way.
        last: state of the newest run that has ended, ``""`` when there is none.
    """

    name: str
    schedule: str
    timezone: str
    status: str
    reason: str
    nodes: int
    decided_until: datetime | None
    next_due: datetime | None
    due: int
    counted: bool
    open: int
    last: str

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in plain.items()
        }


def group_rows(desk: Desk) -> list[GroupRow]:
    """Every group that has nodes, in topological order."""
    return [_row(desk, group) for group in desk.snapshot.groups.values() if desk.snapshot.members(group.name)]


def _row(desk: Desk, group: Group) -> GroupRow:
    state = desk.store.schedule.groups().get(group.name)
    cursor = None if state is None else state.cursor
    left = None if cursor is None else undecided(group.timetable, cursor, desk.now)
    ended = [run for run in desk.store.runs(group=group.name, limit=10) if run.state.terminal]
    return GroupRow(
        name=group.name,
        schedule=_schedule(group),
        timezone=group.timezone,
        status=str(GroupStatus.ACTIVE if state is None else state.status),
        reason="" if state is None else state.reason,
        nodes=len(desk.snapshot.members(group.name)),
        decided_until=cursor,
        next_due=left.first.end if left is not None and left.first is not None else None,
        due=0 if left is None else left.due,
        counted=left is None or left.counted,
        open=len(desk.open_runs(group.name)),
        last=str(ended[0].state) if ended else "",
    )


def _schedule(group: Group) -> str:
    if group.rules.after:
        return "after " + ", ".join(group.rules.after)
    if group.keys.every:
        return f"every {group.keys.every}"
    return ", ".join(group.keys.schedule or ())
