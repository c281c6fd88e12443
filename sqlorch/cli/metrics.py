"""``sqlorch metrics``."""

from __future__ import annotations

import json
from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import project_options

_MOST_DAYS = 36_500


@click.command()
@click.option(
    "--days", type=click.IntRange(1, _MOST_DAYS), default=30, show_default=True, help="How far to look back."
)
@click.option("-g", "--group", shell_complete=suggest.groups, help="Only this group's runs.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Nodes in each table."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def metrics(*, days: int, group: str | None, limit: int, as_json: bool, **given: Any) -> None:
    """Show trends: the slowest, flakiest and growing nodes, how the days went, how long runs waited.

    Figures are those of the state file, as far back as it is kept (see 'sqlorch db prune').
    """
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    from sqlorch.app.clock import SystemClock  # noqa: PLC0415 - likewise
    from sqlorch.app.trends import trends  # noqa: PLC0415 - likewise
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - likewise
    from sqlorch.cli.metrics_tables import document, print_trends  # noqa: PLC0415 - likewise

    workspace = open_workspace(Choices(project_dir=given["project_dir"], profiles_dir=given["profiles_dir"]))
    found = trends(workspace, now=SystemClock().now(), days=days, group=group)
    if as_json:
        click.echo(json.dumps(document(found), indent=2))
    else:
        print_trends(Console(highlight=False), found, days=days, limit=limit)
