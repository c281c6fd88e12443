"""What ``sqlorch why`` tells of a group that is started by others: what it has of them, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlorch.app.operating import Desk
from sqlorch.domain.group import Group
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import GroupState, GroupStatus
from sqlorch.engine.dataset_trigger import fresh_events, lacking


def events_told(desk: Desk, group: Group, state: GroupState | None) -> Iterator[str]:
    """Sentences about a group with ``after``.

    Args:
        desk: the project.
        group: it.
        state: what is remembered of it; None before a daemon has seen it, when nothing counts for it yet.
    """
    yield f"it runs after {_joined(group, group.rules.after)}"
    if state is None or group.timetable.scheduled:
        return
    producers = desk.snapshot.producers(group.name)
    fresh = fresh_events(desk.store.datasets, producers, group, state)
    for name in group.rules.after:
        datasets = producers.get(name, ())
        times = sum(event.dataset in datasets for event in fresh)
        news = _heard(times) if times else f"has finished nothing new{_why(desk, datasets)}"
        yield f"  {_short(name)} {news}"
    yield _conclusion(group, state, lacking(producers, fresh, group), some=bool(fresh))


def _conclusion(group: Group, state: GroupState, missing: Sequence[str], *, some: bool) -> str:
    if missing and (group.rules.after_all or not some):
        return f"it waits for {_joined(group, missing)}"
    if state.status is not GroupStatus.ACTIVE:
        return f"it has what it runs after; its run is queued once it is not {state.status} any more"
    return "it has what it runs after; the daemon queues its run"


def _heard(times: int) -> str:
    many = f"{times:,} times" if times > 1 else "once"
    return f"has finished {many} since this group last took it up"


def _why(desk: Desk, datasets: Sequence[str]) -> str:
    """How the newest run of a producer stands, unless it succeeded and was taken up."""
    nodes = desk.snapshot.nodes
    groups = {nodes[dataset].group if dataset in nodes else dataset for dataset in datasets}
    newest = [run for name in sorted(groups) for run in desk.store.runs(group=name, limit=1)]
    told = [f"{run.run_id} is {run.state}" for run in newest if run.state is not RunState.SUCCESS]
    return f": {', '.join(told)}" if told else ""


def _joined(group: Group, names: Sequence[str]) -> str:
    return f" {'and' if group.rules.after_all else 'or'} ".join(map(_short, names))


def _short(name: str) -> str:
    return name.rpartition(".")[2]  # of a node's unique id
