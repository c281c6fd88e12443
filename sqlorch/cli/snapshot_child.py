"""``sqlorch _snapshot``: reads the project for the daemon, which must stay small."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli.options import read_options


@click.command(name="_snapshot", hidden=True)
@read_options
def snapshot_child(**given: Any) -> None:
    """Print what the daemon needs to know of the project, as one line of JSON."""
    from sqlorch.app.snapshot import print_project  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    click.echo(print_project(choices(given)))
