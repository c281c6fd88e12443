"""``sqlorch daemon --status``: who the daemons are, as they wrote it down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from sqlorch.app.living import LivingDaemon, living_daemons
from sqlorch.app.workspace import open_state_workspace
from sqlorch.cli import text
from sqlorch.cli.options import warn
from sqlorch.cli.running import choices

_NOT_THERE = 1


def print_status(given: Mapping[str, Any]) -> int:
    """Print it; 0 when a daemon is alive, 1 when none is."""
    workspace = open_state_workspace(choices(given), warn)
    with workspace.store() as store:
        last, alive = store.daemons.daemon(), living_daemons(store)
        runs = store.queue.open_runs()
    queued = sum(1 for run in runs if run.state == "queued")
    under_way = [run.run_id for run in runs if run.state != "queued"]
    if not alive:
        click.echo(_gone(last))
    for daemon in alive:
        click.echo(_line(daemon))
    click.echo(f"{text.number(queued, 'run')} queued, under way: {', '.join(under_way) or 'nothing'}")
    return 0 if alive else _NOT_THERE


def _line(daemon: LivingDaemon) -> str:
    since = f"{daemon.started_at:%Y-%m-%d %H:%M:%S} UTC"
    ago = text.seconds(max(0.0, (datetime.now(UTC) - daemon.beat_at).total_seconds()))
    leads = ", leads" if daemon.leads else ""
    return (
        f"{daemon.state}{leads}: process {daemon.pid} on {daemon.host} since {since}, "
        f"sqlorch {daemon.version}, last sign of life {ago} ago"
    )


def _gone(last: Mapping[str, Any] | None) -> str:
    if last is None:
        return "no daemon has ever run here; start one with: sqlorch daemon"
    how = "was stopped" if last["state"] == "stopped" else "is gone without having been stopped"
    return (
        f"no daemon runs; the last one (process {last['pid']} on {last['host']}) {how}, "
        f"last sign of life {last['beat_at']:%Y-%m-%d %H:%M:%S} UTC; start one with: sqlorch daemon"
    )
