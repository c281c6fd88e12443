"""``sqlorch trigger``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.app.operating import Desk
    from sqlorch.domain.history import RunRecord

_LOOK = 0.5  # seconds between two looks with --wait


@click.command()
@click.argument("group", shell_complete=suggest.groups)
@click.option(
    "-i",
    "--interval",
    help="Data to cover; by default the last complete interval, or today without a schedule.",
)
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable: var() in SQL sees it, config() does not.",
)
@click.option("-s", "--select", multiple=True, help="Only these nodes of the group, in dbt's syntax.")
@click.option("--missing", is_flag=True, help="Only what is not done yet, instead of everything.")
@click.option("--full-refresh", is_flag=True, help="Rebuild incremental models from scratch.")
@click.option("--ignore-sensors", is_flag=True, help="Do not wait for what the group waits for (wait_for).")
@click.option("--key", help="Asking twice with one key makes one run.")
@click.option("--wait", is_flag=True, help="Wait until it has ended; exit code 1 when it failed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def trigger(group: str, *, wait: bool, as_json: bool, **given: Any) -> int:
    """Queue a run of a group for the daemon, whatever its schedule, also while it is paused."""
    from sqlorch.app.living import living_daemon  # noqa: PLC0415 - help must not wait
    from sqlorch.app.operating import Trigger, open_desk  # noqa: PLC0415 - likewise
    from sqlorch.app.operating import trigger as do  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.errors import StateError  # noqa: PLC0415 - likewise

    asked = Trigger(
        interval=given["interval"],
        variables=_variables(given["params"]),
        select=given["select"],
        key=given["key"],
        missing=given["missing"],
        full_refresh=given["full_refresh"],
        ignore_sensors=given["ignore_sensors"],
    )
    with open_desk(choices(given | {"full_refresh": False})) as desk:
        daemon = living_daemon(desk.store)
        if wait and daemon is None:
            raise StateError("no daemon is running, so there is nobody to wait for; start: sqlorch daemon")
        run_id = do(desk, group, asked)
        _tell_if_early(desk, group, run_id)
        record = _ended(desk, run_id) if wait else desk.store.run(run_id)
    if as_json:
        document = {"run_id": run_id, "state": str(record.state), "reason": record.reason}
        click.echo(json.dumps(document, indent=2))
    else:
        hint = "" if daemon or wait else "; no daemon is running: start one with sqlorch daemon"
        reason = f": {record.reason}" if record.reason else ""
        click.echo(f"{run_id} is {record.state}{reason}{hint}")
    return 1 if record.state == "failed" else 130 if record.state == "cancelled" else 0


def _tell_if_early(desk: Desk, group: str, run_id: str) -> None:
    from sqlorch.cli.running import warn  # noqa: PLC0415 - help must not wait for it
    from sqlorch.engine.planner import say_unended  # noqa: PLC0415 - likewise

    record = desk.store.run(run_id)
    if desk.snapshot.group(group).timetable.scheduled and record.interval.end > desk.now:
        warn(say_unended(record.interval, record.timezone))


def _variables(params: Iterable[str]) -> dict[str, str]:
    from sqlorch.domain.errors import ConfigError  # noqa: PLC0415 - help must not wait for it

    found: dict[str, str] = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not equals or not name:
            raise ConfigError(f"--param {param!r}: write it as NAME=VALUE")
        found[name] = value
    return found


def _ended(desk: Desk, run_id: str) -> RunRecord:
    while not (record := desk.store.run(run_id)).state.terminal:
        time.sleep(_LOOK)
    return record
