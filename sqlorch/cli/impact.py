"""``sqlorch impact``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.lineage.impact import ColumnImpact, Impact


@click.command()
@click.argument("model", metavar="MODEL[.COLUMN]", required=False)
@click.option("--git", "revision", metavar="REV", help="What changed since a commit, branch or tag instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def impact(model: str | None, *, revision: str | None, as_json: bool, **given: Any) -> None:
    """Show what a change to MODEL, or to one of its columns, breaks downstream.

    \b
    sqlorch impact stg_flights.departure_delay_minutes
    sqlorch impact --git main
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.app.lineage import changes_since  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.lineage import view_of  # noqa: PLC0415 - likewise
    from sqlorch.lineage.impact import impact_of  # noqa: PLC0415 - likewise

    if (model is None) == (revision is None):
        raise click.UsageError("name a model, or a revision with --git REV: one of the two")
    view = view_of(given)
    changes = changes_since(view, revision) if revision is not None else None
    column = None
    if changes is not None:
        found = impact_of(view.project.dag, changes.nodes)
    else:
        found, column = _of_model(view, str(model))
    if as_json:
        from sqlorch.cli.lineage_document import impact_document  # noqa: PLC0415 - only when it is asked for

        click.echo(json.dumps(impact_document(view, found, column, changes), indent=2))
    else:
        from sqlorch.cli.impact_text import print_impact  # noqa: PLC0415 - help must not wait for rich

        print_impact(view, found, column, changes)


def _of_model(view: LineageView, text: str) -> tuple[Impact, ColumnImpact | None]:
    from sqlorch.lineage.impact import column_impact, impact_of  # noqa: PLC0415 - help must not wait for it
    from sqlorch.lineage.lookup import find_column, find_target  # noqa: PLC0415 - likewise

    node, name = find_target(view.project.dag, text)
    if not name:
        return impact_of(view.project.dag, [node.unique_id]), None
    column = column_impact(view.project.dag, view.columns, find_column(view.columns, node, name))
    return impact_of(view.project.dag, [node.unique_id], column.touched), column
