"""``sqlorch plan``."""

from __future__ import annotations

import json
from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options

_REPROCESS = ("missing", "failed", "changed", "all")


@click.command()
@click.option(
    "-g", "--group", "groups", multiple=True, shell_complete=suggest.groups, help="These groups alone."
)
@click.option(
    "-s", "--select", multiple=True, help="These nodes alone, in dbt's syntax: +model, tag:daily ..."
)
@click.option("-x", "--exclude", multiple=True, help="Nodes to leave out, in dbt's syntax.")
@click.option("-i", "--interval", help="Only this time: 2013-01-03, 2013-01, or START/END (END is excluded).")
@click.option(
    "--reprocess",
    type=click.Choice(_REPROCESS),
    default="missing",
    show_default=True,
    help="Which intervals of the past count as work.",
)
@click.option("--at", help="Answer for this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def plan(*, reprocess: str, as_json: bool, **given: Any) -> None:
    """Show what would run and why: due intervals, gaps, failures, changed code. Nothing is run or written.

    \b
    sqlorch plan
    sqlorch plan --interval 2013-01 --reprocess changed
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.app.planning import Question  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.planning import plan as make_plan  # noqa: PLC0415 - likewise
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.ledger import Reprocess  # noqa: PLC0415 - likewise

    question = Question(
        groups=given["groups"],
        select=given["select"],
        exclude=given["exclude"],
        interval=given["interval"],
        reprocess=Reprocess(reprocess),
        at=given["at"],
    )
    planned = make_plan(choices(given), question)
    if as_json:
        from sqlorch.cli.plan_document import plan_document  # noqa: PLC0415 - only when it is asked for

        click.echo(json.dumps(plan_document(planned, question), indent=2))
        return
    from rich.console import Console  # noqa: PLC0415 - only for people

    from sqlorch.cli.plan_text import print_plan  # noqa: PLC0415 - likewise

    print_plan(Console(highlight=False), planned, question)
