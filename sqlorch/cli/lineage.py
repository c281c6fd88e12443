"""``sqlorch lineage``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.lineage.verify import Score


@click.command()
@click.option("-s", "--select", multiple=True, help="Nodes to show, in dbt's syntax: +orders, tag:daily ...")
@click.option("--columns", is_flag=True, help="Which column is made from which, too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "json", "dot", "mermaid", "openlineage"]),
    default="tree",
    show_default=True,
    help="How to write it.",
)
@click.option("--html", "page", metavar="FILE", help="Write a page to look at: one file, no network.")
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@click.option("--warehouse", is_flag=True, help="Ask the warehouse for the columns of its tables first.")
@click.option("--verify", is_flag=True, help="Compare with what dbt finds; exit with 1 when they differ.")
@read_options
def lineage(
    select: tuple[str, ...],
    form: str,
    page: str | None,
    *,
    show: bool,
    columns: bool,
    warehouse: bool,
    verify: bool,
    **given: Any,
) -> int:
    """Show which model is made from which, read from the files of the project without dbt.

    \b
    sqlorch lineage --select +daily_flight_metrics
    sqlorch lineage --columns --format json
    sqlorch lineage --html lineage.html --open
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    html = show or page is not None
    if verify and (select or columns or warehouse or html or form != "tree"):
        raise click.UsageError("--verify compares the whole graph; leave out the options for showing it")
    if html and (columns or form != "tree"):
        raise click.UsageError("the page always has the columns; leave out --columns and --format with it")
    view = view_of(given)
    if verify:
        return _verify(view)
    if warehouse:
        from sqlorch.app.lineage import ask_warehouse  # noqa: PLC0415 - only when it is asked for

        ask_warehouse(view)
    if html:
        from sqlorch.cli.lineage_page import write_page  # noqa: PLC0415 - only when it is asked for

        return write_page(view, select, page, show=show)
    _write(view, view.selected(select), form, columns=columns)
    return 0


def _write(view: LineageView, chosen: frozenset[str], form: str, *, columns: bool) -> None:
    if form == "json":
        from sqlorch.cli.lineage_document import lineage_document  # noqa: PLC0415 - only when it is asked for

        click.echo(json.dumps(lineage_document(view, chosen, columns=columns), indent=2))
    elif form == "openlineage":
        from sqlorch.app.lineage import openlineage  # noqa: PLC0415 - only when it is asked for

        for event in openlineage(view, chosen):
            click.echo(json.dumps(event))
    elif form == "tree":
        from sqlorch.cli.lineage_tree import print_lineage  # noqa: PLC0415 - only when it is asked for

        print_lineage(view, chosen, columns=columns)
    else:
        from sqlorch.cli import lineage_diagrams  # noqa: PLC0415 - only when it is asked for

        shown = frozenset(uid for uid in chosen if not view.project.dag[uid].is_test)
        write = lineage_diagrams.dot if form == "dot" else lineage_diagrams.mermaid
        click.echo(write(view.project.dag, shown, view.grouping.group_of, view.project.inferred))


def view_of(given: dict[str, Any]) -> LineageView:
    """Read the project; what was assumed for want of a profile is said on standard error."""
    from sqlorch.app.lineage import open_view  # noqa: PLC0415 - help must not wait for it
    from sqlorch.config.places import one_line  # noqa: PLC0415 - likewise

    view = open_view(choices(given))
    for warning in view.project.warnings:
        if warning.kind == "assumed":
            click.echo(f"warning: {one_line(str(warning))}", err=True)
    return view


def choices(given: dict[str, Any]) -> Any:
    """What the options every lineage command has say about the project."""
    from sqlorch.app.workspace import Choices  # noqa: PLC0415 - help must not wait for it

    names = ("project_dir", "profiles_dir", "target", "adapter")
    return Choices(vars=given["vars_"], **{name: given[name] for name in names})


def _verify(view: LineageView) -> int:
    from sqlorch.app.lineage import verify_against_dbt  # noqa: PLC0415 - help must not wait for it

    found = verify_against_dbt(view)
    rows = [("", "nodes", "precision", "recall", "edges", "precision", "recall")]
    for kind, nodes in found.nodes.items():
        rows.append((kind, *_figures(nodes), *_figures(found.edges[kind])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for kind, *figures in rows:
        said = "  ".join(map(str.rjust, figures, widths[1:]))
        click.echo(f"{kind:<{widths[0]}}  {said}")
    differences = found.warnings()
    for difference in differences:
        click.echo(difference)
    if not differences:
        click.echo("the graph is the one dbt finds")
    return 0 if found.exact else 1


def _figures(score: Score) -> tuple[str, str, str]:
    """How many there are in dbt's reading, and how well ours agrees; rounding never makes a difference 1."""
    total = score.right + len(score.missing)
    return f"{total:,}", _share(score.precision), _share(score.recall)


def _share(value: float) -> str:
    return f"{int(value * 1000) / 1000:.3f}"
