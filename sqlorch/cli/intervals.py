"""``sqlorch intervals``."""

from __future__ import annotations

import json
from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options


@click.command()
@click.argument("models", nargs=-1)
@click.option(
    "-g", "--group", "groups", multiple=True, shell_complete=suggest.groups, help="These groups alone."
)
@click.option("--missing", is_flag=True, help="Only what is not done: missing, failed, changed.")
@click.option("--from", "start", help="From here on; with --to.")
@click.option("--to", "end", help="Up to here, excluded; with --from.")
@click.option("--at", help="Answer for this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def intervals(models: tuple[str, ...], *, missing: bool, as_json: bool, **given: Any) -> None:
    """Show which intervals of MODELS (names or dbt's selection syntax; all without) are done and which not.

    \b
    sqlorch intervals fct_flights
    sqlorch intervals --group flights_daily --missing --from 2013-01 --to 2013-02
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.app.planning import Question, plan  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.intervals_text import intervals_document, print_intervals  # noqa: PLC0415 - likewise
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise

    start, end = given["start"], given["end"]
    if (start is None) != (end is None):
        raise click.UsageError("--from and --to go together")
    question = Question(
        groups=given["groups"],
        select=models,
        bounds=None if start is None else (start, end),
        at=given["at"],
    )
    planned = plan(choices(given), question)
    if as_json:
        click.echo(json.dumps(intervals_document(planned, missing=missing), indent=2))
        return
    from rich.console import Console  # noqa: PLC0415 - only for people

    print_intervals(Console(highlight=False), planned, missing=missing)
