"""``sqlorch metrics``: what the runs of some days say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.trends import DayTrend, NodeTrend, RunSample, day_trends, node_trends, since

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
    """

    start: datetime
    runs: Sequence[RunSample]
    nodes: Sequence[NodeTrend]
    days: Sequence[DayTrend]


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
    return Trends(start=start, runs=runs, nodes=node_trends(executions), days=day_trends(runs))


def _check_group(workspace: Workspace, store: SqlStore, group: str) -> None:
    known = {one.name for one in workspace.settings.groups}
    if group not in known and not store.runs(group=group, limit=1):
        hint = f"; there are {', '.join(sorted(known))}" if known else ""
        raise ConfigError(f"no group {group} ever ran{hint}")
