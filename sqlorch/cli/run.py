"""``sqlorch run``."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import (
    dbt_options,
    output_options,
    processes_option,
    project_options,
    retry_options,
    turn_options,
)


@click.command()
@click.option(
    "-i", "--interval", help="Data to cover: 2013-01-03, 2013-01, or START/END in ISO 8601 (END is excluded)."
)
@click.option("--start", help="Start of the interval; with --end.")
@click.option("--end", help="End of the interval, excluded; with --start.")
@click.option(
    "-s", "--select", multiple=True, help="Nodes to run, in dbt's syntax: +model, tag:daily, a,b ..."
)
@click.option("-x", "--exclude", multiple=True, help="Nodes to leave out, in dbt's syntax.")
@click.option(
    "-g", "--group", "groups", multiple=True, shell_complete=suggest.groups, help="Run these groups alone."
)
@click.option("--as-one", is_flag=True, help="One run over the whole interval, whatever the schedule.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first node that fails.")
@click.option(
    "--wait-for-sensors", is_flag=True, help="Wait until what the groups wait for (wait_for) is there."
)
@click.option("--ignore-sensors", is_flag=True, help="Run whether it is there or not.")
@click.option("--dry-run", is_flag=True, help="Show what would run, run nothing.")
@turn_options
@retry_options
@dbt_options
@processes_option
@project_options
@output_options
def run(**given: Any) -> int:
    """Run models and their tests for an interval.

    The interval is cut by the schedule of each group: seven days are seven runs of a daily group, oldest
    first. Times without an offset are read in the group's time zone.

    \b
    sqlorch run --interval 2013-01-01/2013-01-08
    sqlorch run --interval 2013-01-03 --select +carrier_scorecard
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.cli.running import run_command  # noqa: PLC0415 - help must not wait for it

    return run_command(given)
