"""``sqlorch cancel``."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options, warn


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN_ID]...", shell_complete=suggest.runs)
@click.option(
    "-g",
    "--group",
    help="Every run of this group that is queued or under way.",
    shell_complete=suggest.groups,
)
@click.option("--reason", default="", help="Why, for whoever asks; your name by default.")
@read_options
def cancel(run_ids: tuple[str, ...], *, group: str | None, reason: str, **given: Any) -> None:
    """Cancel runs: queries under way are stopped, what has not started does not start.

    Where one of several is not known, none is cancelled.
    """
    from sqlorch.app.operating import cancel as do  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.operating import open_helm  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.errors import ConfigError  # noqa: PLC0415 - likewise

    if bool(run_ids) == bool(group):
        raise ConfigError("name runs, or a group with --group")
    with open_helm(choices(given), warn) as desk:
        if group:
            desk.require(group)
            run_ids = tuple(run.run_id for run in desk.open_runs(group))
        asked = do(desk, run_ids, reason)
    for run_id in dict.fromkeys(run_ids):
        click.echo(f"{run_id} {'is cancelled' if run_id in asked else 'had ended already'}")
    if not run_ids:
        click.echo(f"nothing of {group} is queued or under way")
