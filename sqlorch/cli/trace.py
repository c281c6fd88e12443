"""``sqlorch trace``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView


@click.command()
@click.argument("column", metavar="MODEL.COLUMN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def trace(column: str, *, as_json: bool, **given: Any) -> None:
    """Show where MODEL.COLUMN comes from: back to the sources, with the expression at each step.

    Example: sqlorch trace daily_flight_metrics.on_time_rate
    """
    from sqlorch.cli.lineage import view_of  # noqa: PLC0415 - help must not wait for it
    from sqlorch.lineage.lookup import find_column, find_target  # noqa: PLC0415 - likewise
    from sqlorch.lineage.origin import origin_of  # noqa: PLC0415 - likewise

    view = view_of(given)
    node, name = find_target(view.project.dag, column)
    if not name:
        raise click.UsageError(
            f"name a column too: sqlorch trace {column}.COLUMN{_some(view, node.unique_id)}"
        )
    ref = find_column(view.columns, node, name)
    steps = origin_of(view.columns, ref)
    if as_json:
        from sqlorch.cli.lineage_document import trace_document  # noqa: PLC0415 - only when it is asked for

        click.echo(json.dumps(trace_document(view.columns, steps), indent=2))
    else:
        from sqlorch.cli.trace_text import print_trace  # noqa: PLC0415 - help must not wait for rich

        print_trace(view, steps)


def _some(view: LineageView, uid: str) -> str:
    model = view.columns.models.get(uid)
    names = [column.name for column in model.columns] if model else []
    return f" (it has {', '.join(names)})" if names else ""
