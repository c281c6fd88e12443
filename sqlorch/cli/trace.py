"""``sqlorch trace``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text
    from rich.tree import Tree

    from sqlorch.app.lineage import LineageView
    from sqlorch.lineage.columns import ColumnRef, TraceStep


@click.command()
@click.argument("column", metavar="MODEL.COLUMN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def trace(column: str, *, as_json: bool, **given: Any) -> None:
    """Show where MODEL.COLUMN comes from: back to the sources, with the expression at each step.

    Example: sqlorch trace daily_flight_metrics.on_time_rate
    """
    from sqlorch.app.lineage import open_view  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise
    from sqlorch.lineage.lookup import find_column, find_target  # noqa: PLC0415 - likewise

    view = open_view(choices(given))
    node, name = find_target(view.project.dag, column)
    if not name:
        raise click.UsageError(
            f"name a column too: sqlorch trace {column}.COLUMN{_some(view, node.unique_id)}"
        )
    ref = find_column(view.columns, node, name)
    steps = view.columns.trace(ref.node, ref.column)
    if as_json:
        from sqlorch.cli.lineage_document import trace_document  # noqa: PLC0415 - only when it is asked for

        click.echo(json.dumps(trace_document(view.columns, steps), indent=2))
    else:
        _print(view, steps)


def _some(view: LineageView, uid: str) -> str:
    model = view.columns.models.get(uid)
    names = [column.name for column in model.columns] if model else []
    return f" (it has {', '.join(names)})" if names else ""


def _print(view: LineageView, steps: Sequence[TraceStep]) -> None:
    from sqlorch.cli.lineage_tree import tree_console  # noqa: PLC0415 - help must not wait for rich

    console = tree_console()
    console.print(_tree(view, steps), soft_wrap=not console.is_terminal)
    rows = _deciders(view, steps[0].ref, own=False)
    if rows:
        console.print(f"\nWhich rows are in {_short(view, steps[0].ref.node)} depends on:")
        for line in rows:
            console.print(f"  {line}", markup=False, soft_wrap=not console.is_terminal)


def _tree(view: LineageView, steps: Sequence[TraceStep]) -> Tree:
    """Each column stands once, below the first step that reads it; later readers point to it."""
    from rich.tree import Tree  # noqa: PLC0415 - help must not wait for it

    by_ref = {step.ref: step for step in steps}
    trees = {steps[0].ref: Tree(_label(view, steps[0]), guide_style="dim")}
    for step in steps:
        for source in step.sources:
            path = f" (its part {source.path})" if source.path else ""
            if source.ref in trees:
                trees[step.ref].add(
                    f"[dim]{_escaped(_name(view, source.ref))}{_escaped(path)}, shown above[/]"
                )
            else:
                trees[source.ref] = trees[step.ref].add(_label(view, by_ref[source.ref], path))
    return trees[steps[0].ref]


def _label(view: LineageView, step: TraceStep, path: str = "") -> Text:
    from rich.text import Text  # noqa: PLC0415 - help must not wait for it

    from sqlorch.config.places import one_line  # noqa: PLC0415 - likewise

    line = Text(one_line(_name(view, step.ref) + path), style="bold" if step.label else "cyan")
    line.append(
        f"  {step.label or _end(view, step.ref.node)}",
        style="not bold yellow" if step.unknown else "not bold dim",
    )
    if step.expression:
        line.append(f"\n{one_line(' '.join(step.expression.split()))}", style="not bold")
    for inner in step.steps:
        line.append(f"\nof {one_line(' '.join(inner.split()))}", style="not bold dim")
    for said in _deciders(view, step.ref, own=True):
        line.append(f"\n{said}", style="not bold dim")
    for reason in step.unknown:
        line.append(f"\n! {one_line(reason)}", style="not bold yellow")
    return line


def _end(view: LineageView, uid: str) -> str:
    return view.project.dag[uid].kind if uid in view.project.dag else "file"


def _deciders(view: LineageView, ref: ColumnRef, *, own: bool) -> list[str]:
    """The columns that decide about rows, by what they do.

    Args:
        view: the project.
        ref: the column.
        own: those that decide about this column's value alone (the filter of an aggregate, the order of a
            window), instead of those that decide which rows its model has.
    """
    from sqlorch.config.places import one_line  # noqa: PLC0415 - help must not wait for it

    model = view.columns.models.get(ref.node)
    found: dict[str, list[str]] = {}
    for edge in model.indirect if model else ():
        if edge.column == (ref.column if own else None):
            names = found.setdefault(str(edge.kind), [])
            names += [name for name in [_name(view, edge.source.ref)] if name not in names]
    return [one_line(f"{kind}: {', '.join(sorted(names))}") for kind, names in sorted(found.items())]


def _name(view: LineageView, ref: ColumnRef) -> str:
    return f"{_short(view, ref.node)}.{ref.column}"


def _short(view: LineageView, uid: str) -> str:
    from sqlorch.cli.lineage_tree import short  # noqa: PLC0415 - help must not wait for rich

    return short(view.project.dag, uid)


def _escaped(text: str) -> str:
    from rich.markup import escape  # noqa: PLC0415 - help must not wait for it

    from sqlorch.config.places import one_line  # noqa: PLC0415 - likewise

    return escape(one_line(text))
