"""From a selection and a period to the runs that are to be made, in the order they are to be made.

Pure: no clock, no store. The period is read per group, since a bare date means a day of the group's zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush

from sqlorch.domain.dag import Dag
from sqlorch.domain.describe import compact, name_instant
from sqlorch.domain.group import Group
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import batched


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run to make: the selected nodes of a group over one interval, in topological order."""

    group: Group
    interval: Interval
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something about a group that a person should know before the runs start.

    Attributes:
        group: the group's name.
        text: one sentence.
        due: whether the group runs nevertheless.
        outside: whether what is asked for lies before the start of its schedule, or after the end.
    """

    group: str
    text: str
    due: bool
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The runs in the order to make them, and what is to be said about groups."""

    runs: tuple[PlannedRun, ...]
    notices: tuple[Notice, ...]


def plan_runs(
    *,
    dag: Dag,
    grouping: Grouping,
    selected: frozenset[str],
    period: Callable[[Group], Interval],
    as_one: bool = False,
    widen: bool = False,
    elastic: bool = False,
) -> Plan:
    """Cut a period into the runs of each group that has selected nodes.

    A scheduled group gets one run for each of its whole intervals inside the period (``batch`` of them at a
    time), an unscheduled one a single run over the period. A group none of whose intervals lies inside is not
    due; with ``widen`` it runs over the one interval that contains the period.

    Args:
        dag: the project.
        grouping: who belongs to which group.
        selected: executable nodes to run.
        period: the period asked for, in a group's zone.
        as_one: take the period as it is, whatever the schedule.
        widen: see above; meant for nodes that were named by the user.
        elastic: plan groups without selected nodes too, since the interval decides which nodes there are.
    """
    runs: list[PlannedRun] = []
    notices: list[Notice] = []
    position = {uid: place for place, uid in enumerate(dag.order)}
    for group in grouping.groups:
        nodes = sorted(selected & grouping.nodes(group.name), key=position.__getitem__)
        if not nodes and not elastic:
            continue
        intervals, notice = _intervals(group, period(group), as_one=as_one, widen=widen)
        runs += [PlannedRun(group=group, interval=interval, nodes=tuple(nodes)) for interval in intervals]
        if notice is not None:
            notices.append(notice)
    return Plan(runs=tuple(_in_order(runs, _upstream_groups(dag, grouping))), notices=tuple(notices))


def unended(runs: Iterable[PlannedRun], now: datetime) -> Iterator[Notice]:
    """What is to be said of scheduled groups that are to run over intervals which have not ended."""
    ends: dict[str, PlannedRun] = {}
    for planned in runs:
        if planned.group.timetable.scheduled and planned.interval.end > now:
            ends.setdefault(planned.group.name, planned)
    for name, first in ends.items():
        text = say_unended(first.interval, first.group.timezone)
        yield Notice(group=name, text=text, due=True)


def say_unended(interval: Interval, timezone: str) -> str:
    """``2026-11-23 has not ended: ...``."""
    return f"{compact(interval, timezone)} has not ended: it counts as missing and is made again when it has"


def _intervals(
    group: Group, span: Interval, *, as_one: bool, widen: bool
) -> tuple[list[Interval], Notice | None]:
    timetable = group.timetable
    if as_one or not timetable.scheduled:
        return [span], None
    slots = list(timetable.slots_within(span))
    if slots:
        return list(batched(slots, group.batch)), _leftover(group, span, slots)
    around = timetable.slot_containing(span.start)
    asked = compact(span, group.timezone)
    if (outside := _outside(group, span, asked)) is not None:
        return [], outside
    if around is None or not around.contains(span):
        text = f"no interval of its schedule lies inside {asked}"
        return [], Notice(group=group.name, text=text, due=False)
    whole = compact(around, group.timezone)
    if widen:
        text = f"{asked} is part of its interval {whole}, which runs as a whole"
        return [around], Notice(group=group.name, text=text, due=True)
    return [], Notice(group=group.name, text=f"its interval {whole} is not complete in {asked}", due=False)


def _outside(group: Group, span: Interval, asked: str) -> Notice | None:
    start, end = group.timetable.start, group.timetable.end
    if end is not None and span.start >= end:
        text = f"its schedule ends on {name_instant(end, group.timezone)}, before {asked}"
    elif start is not None and span.start < start and span.end <= start:
        text = f"its schedule starts on {name_instant(start, group.timezone)}, after {asked}"
    else:
        return None
    return Notice(group=group.name, text=text, due=False, outside=True)


def _leftover(group: Group, span: Interval, slots: Sequence[Interval]) -> Notice | None:
    parts = []
    if slots[0].start > span.start:
        parts.append(compact(Interval(span.start, slots[0].start), group.timezone))
    if slots[-1].end < span.end:
        parts.append(compact(Interval(slots[-1].end, span.end), group.timezone))
    if not parts:
        return None
    return Notice(group=group.name, text=f"no whole interval covers {' and '.join(parts)}", due=True)


def _upstream_groups(dag: Dag, grouping: Grouping) -> Mapping[str, frozenset[str]]:
    """For each group every group it reads from, directly or not."""
    direct: dict[str, set[str]] = {group.name: set() for group in grouping.groups}
    for name, above in direct.items():
        found = (grouping.group_of.get(uid) for uid in dag.ancestors(grouping.nodes(name)))
        above |= {other for other in found if other is not None and other != name}
    return {name: frozenset(above) for name, above in direct.items()}


def _in_order(runs: Sequence[PlannedRun], upstream: Mapping[str, frozenset[str]]) -> Iterator[PlannedRun]:
    """Earliest end first, but never before a run it reads from, nor before an earlier one of its group.

    Groups may wait for one another in a circle where a test looks at sources of several of them; no run is
    lost for that: the earliest goes first.
    """
    waits = _waits(runs, upstream)
    follows: list[list[int]] = [[] for _ in runs]
    for i, befores in enumerate(waits):
        for j in befores:
            follows[j].append(i)
    left = dict.fromkeys(sorted(range(len(runs)), key=lambda i: _rank(runs, i)))
    ready = [(_rank(runs, i), i) for i, befores in enumerate(waits) if not befores]
    heapify(ready)
    while left:
        i = heappop(ready)[1] if ready else next(iter(left))
        if i not in left:
            continue
        del left[i]
        yield runs[i]
        for later in follows[i]:
            waits[later].discard(i)
            if not waits[later]:
                heappush(ready, (_rank(runs, later), later))


def _waits(runs: Sequence[PlannedRun], upstream: Mapping[str, frozenset[str]]) -> list[set[int]]:
    """For each run the runs to wait for, as places in ``runs``.

    The one before it in its group, and the last overlapping or earlier one of each group it reads from. Those
    wait for their own predecessors, so that nothing else needs to be named.
    """
    of_group: dict[str, list[int]] = {}
    for i, run in enumerate(runs):
        of_group.setdefault(run.group.name, []).append(i)
    starts = {name: [runs[i].interval.start for i in members] for name, members in of_group.items()}
    waits: list[set[int]] = []
    before_me: dict[str, int] = {}
    for i, run in enumerate(runs):
        befores = {before_me[run.group.name]} if run.group.name in before_me else set()
        before_me[run.group.name] = i
        for name in upstream[run.group.name] & of_group.keys():
            find = bisect_right if run.interval.start == run.interval.end else bisect_left
            count = find(starts[name], run.interval.end)
            if count:
                befores.add(of_group[name][count - 1])
        waits.append(befores)
    return waits


def _rank(runs: Sequence[PlannedRun], i: int) -> tuple[datetime, datetime]:
    return runs[i].interval.end, runs[i].interval.start
