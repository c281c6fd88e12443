"""``sqlorch metrics``: what the runs of some days say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.sla import Verdict, verdicts
from sqlorch.domain.trends import DayTrend, Fresh, NodeTrend, RunSample, day_trends, node_trends, since

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace
    from sqlorch.state.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """Trends of a period.

    Attributes:
        start: its beginning; it ends now.
        runs: those that succeeded or failed in it, oldest first.
        nodes: of every node that was executed.
        days: of every group and day with a run, oldest first.
        deadlines: how scheduled runs stood with the deadlines that sqlorch.yml gives their groups.
        fresh: how far the data of these nodes reaches.
        now: when this was asked.
    """

    start: datetime
    runs: Sequence[RunSample]
    nodes: Sequence[NodeTrend]
    days: Sequence[DayTrend]
    deadlines: Sequence[Verdict]
    fresh: Sequence[Fresh]
    now: datetime


def trends(workspace: Workspace, *, now: datetime, days: int, group: str | None) -> Trends:
    """Read the state file; nothing of dbt is opened.

    Args:
        workspace: the project.
        now: the current instant.
        days: how far to look back.
        group: only this group's runs.

    Raises:
        ConfigError: there is no such group, neither in the settings nor in the memory.
    """
    start = since(now, days)
    with workspace.store() as store:
        if group is not None:
            _check_group(workspace, store, group)
        runs = store.trends.runs(start, group=group)
        executions = store.trends.executions(start, group=group)
        scheduled = store.trends.scheduled(start, group=group)
        fresh = store.trends.fresh()
    rules = {one.name: one.rules for one in workspace.settings.groups}
    nodes = node_trends(executions)
    shown = {node.unique_id for node in nodes}
    return Trends(
        start=start,
        runs=runs,
        nodes=nodes,
        days=day_trends(runs),
        deadlines=[
            each for run in scheduled if run.group in rules for each in verdicts(run, rules[run.group], now)
        ],
        fresh=[each for each in fresh if each.unique_id in shown],
        now=now,
    )


def _check_group(workspace: Workspace, store: SqlStore, group: str) -> None:
    known = {one.name for one in workspace.settings.groups}
    if group not in known and not store.runs(group=group, limit=1):
        hint = f"; there are {', '.join(sorted(known))}" if known else ""
        raise ConfigError(f"no group {group} ever ran{hint}")
