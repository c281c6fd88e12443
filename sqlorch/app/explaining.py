"""``sqlorch why``: what a group, a model or a run waits for, from what is remembered of it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlorch.app.explaining_state import daemon_told, run_told, why_by_state
from sqlorch.app.operating import Desk, Helm
from sqlorch.app.telling_events import events_told
from sqlorch.app.telling_runs import runs_told, slots_to_tell
from sqlorch.domain.catchup import undecided
from sqlorch.domain.coverage import Standing, verdict_over
from sqlorch.domain.describe import name_slot, name_span
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_period
from sqlorch.domain.scheduling import GroupState, GroupStatus

if TYPE_CHECKING:
    from sqlorch.domain.history import RunRecord
    from sqlorch.domain.snapshot import SnapshotNode


def why(desk: Helm, subject: str, interval: str | None) -> list[str]:
    """Sentences about a group, a model or a run, the most telling first.

    Args:
        desk: the project; its state alone where its files cannot be read.
        subject: name of a group, name or unique id of a node, id of a run.
        interval: text of ``--interval``, or None for now.

    Raises:
        ConfigError: there is nothing of that name.
    """
    if not isinstance(desk, Desk):
        return why_by_state(desk, subject, interval)
    if subject in desk.snapshot.groups:
        group = desk.snapshot.groups[subject]
        return [*_group(desk, group, interval), *daemon_told(desk)]
    nodes = [node for node in desk.snapshot.nodes.values() if subject in {node.name, node.unique_id}]
    if nodes:
        return [line for node in nodes for line in _node(desk, node, interval)]
    try:
        return list(_run(desk, desk.store.run(subject)))
    except StateError as error:
        raise ConfigError(_unknown(desk, subject)) from error


def _unknown(desk: Desk, subject: str) -> str:
    names = {*desk.snapshot.groups, *(node.name for node in desk.snapshot.nodes.values())}
    near = get_close_matches(subject, sorted(names), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{subject} is no group, no node and no run of this project{hint}"


def _group(desk: Desk, group: Group, interval: str | None) -> Iterator[str]:
    state = desk.store.schedule.groups().get(group.name)
    if state is None:
        yield f"no daemon has seen the group {group.name} yet"
    elif state.status is not GroupStatus.ACTIVE:
        yield f"{group.name} is {state.status}: {state.reason}"
    span = None if interval is None else parse_period(interval, group.timezone)
    slots = slots_to_tell(desk, group, span)
    told = list(runs_told(desk, group, span, slots))
    yield from told
    if span is None:
        yield from _to_come(desk, group, state)
    elif not slots and (group.timetable.scheduled or not told):
        yield from _undecided(desk, group, span)


def _to_come(desk: Desk, group: Group, state: GroupState | None) -> Iterator[str]:
    if group.rules.after:
        yield from events_told(desk, group, state)
    if state is None or state.cursor is None or not group.timetable.scheduled:
        if not group.rules.after and not group.timetable.scheduled:
            yield f"it has no schedule; run it with: sqlorch trigger {group.name}"
        return
    left = undecided(group.timetable, state.cursor, desk.now)
    if left.due:
        many = f"{left.due:,} intervals are" if left.due > 1 else "1 interval is"
        yield f"{'' if left.counted else 'more than '}{many} due and not decided yet"
    slot = left.following
    if slot is not None:
        yield f"next: {name_slot(slot, group.timezone)}, due at {slot.end:%Y-%m-%d %H:%M:%S} UTC"
    else:
        yield "its schedule has ended"


def _undecided(desk: Desk, group: Group, span: Interval) -> Iterator[str]:
    state = desk.store.schedule.groups().get(group.name)
    if not group.timetable.scheduled:
        yield f"{group.name} has no schedule, so nothing was due then"
    elif span.end > desk.now:
        yield f"{name_span(span, group.timetable)} is not due before {span.end:%Y-%m-%d %H:%M:%S} UTC"
    elif state is None or state.cursor is None or span.start >= state.cursor:
        yield f"{name_span(span, group.timetable)} is due, and no daemon has decided on it yet"
    else:
        yield f"no interval of the schedule of {group.name} lies in {name_span(span, group.timetable)}"


def _node(desk: Desk, node: SnapshotNode, interval: str | None) -> Iterator[str]:
    group = desk.snapshot.groups[node.group]
    yield f"{node.unique_id} runs with the group {group.name}"
    span = _span(desk, group, interval)
    if span is not None:
        entries = desk.store.ledger.entries([node.unique_id], span).get(node.unique_id, ())
        verdict = verdict_over(entries, span, lambda code: "its code" if code != node.code else "")
        about = f": {verdict.reason}" if verdict.reason else ""
        word = (
            "done with code that has changed since"
            if verdict.standing is Standing.CHANGED
            else verdict.standing
        )
        yield f"{name_span(span, group.timetable)} is {word}{about}"
    yield from _group(desk, group, interval)
    yield from daemon_told(desk)


def _span(desk: Desk, group: Group, interval: str | None) -> Interval | None:
    if interval is not None:
        return parse_period(interval, group.timezone)
    current = group.timetable.slot_containing(desk.now)
    return None if current is None else group.timetable.previous_slot(current)


def _run(desk: Desk, record: RunRecord) -> Iterator[str]:
    group = desk.snapshot.groups.get(record.group)  # it may be gone
    name = (
        name_slot(record.interval, record.timezone)
        if group is None
        else name_span(record.interval, group.timetable)
    )
    return run_told(desk, record, name)
