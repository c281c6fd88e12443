"""``sqlorch resume``."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options, warn


@click.command()
@click.argument("group", shell_complete=suggest.groups)
@click.option(
    "--catchup",
    type=click.Choice(["all", "latest", "coalesce", "none"]),
    help="What becomes of the intervals that were missed; what the group's settings say by default.",
)
@read_options
def resume(group: str, *, catchup: str | None, **given: Any) -> None:
    """Make runs of a paused group again."""
    from sqlorch.app.operating import open_helm  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.operating import resume as do  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.catchup import CatchupPolicy  # noqa: PLC0415 - likewise

    with open_helm(choices(given), warn) as desk:
        done = do(desk, group, CatchupPolicy(catchup) if catchup else None)
    click.echo(f"{group} is active" if done else f"{group} was active already; nothing was changed")
