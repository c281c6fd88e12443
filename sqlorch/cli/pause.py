"""``sqlorch pause``."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options, warn


@click.command()
@click.argument("group", shell_complete=suggest.groups)
@click.option("--reason", default="", help="Why, for whoever asks; your name by default.")
@read_options
def pause(group: str, *, reason: str, **given: Any) -> None:
    """Make no more runs of a group until it is resumed; one under way is finished.

    Intervals that fall due meanwhile are missed; --catchup of 'sqlorch resume' says what becomes of them.
    """
    from sqlorch.app.operating import open_helm  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.operating import pause as do  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    with open_helm(choices(given), warn) as desk:
        done = do(desk, group, reason)
    click.echo(f"{group} is paused" if done else f"{group} was paused already")
