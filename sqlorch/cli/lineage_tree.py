"""Lineage as a tree on a terminal: every node once, below the parent that is nearest to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from sqlorch.cli.lineage_diagrams import label
from sqlorch.cli.text import number
from sqlorch.config.places import one_line

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.domain.dag import Dag, Node
    from sqlorch.lineage.columns import OutputColumn

_Row = tuple[Text, Text]
_STYLES = {"source": "cyan", "seed": "yellow", "snapshot": "magenta", "exposure": "green"}
_ALSO = 3  # further parents named one by one
_SOURCES = 4  # sources of a column named one by one
_UNCUT = 5_000  # columns of what is no terminal
_ASK = "sqlorch lineage --columns --warehouse"
_EXPRESSION = 80  # letters of an expression


def print_lineage(view: LineageView, chosen: frozenset[str], *, columns: bool) -> None:
    """Write the tree to standard output, and what could not be read to standard error."""
    dag = view.project.dag
    shown = [uid for uid in dag.order if uid in chosen and not dag[uid].is_test]
    console = tree_console()
    for tree in _trees(view, shown, columns=columns, wrap=console.is_terminal):
        console.print(tree, soft_wrap=not console.is_terminal)
    console.print(_summary(view, shown, chosen, columns=columns), style="dim", soft_wrap=True)
    told = [(found.unique_id, str(found)) for found in view.project.unresolved]
    told += [(found.unique_id, str(found)) for found in view.project.warnings if found.kind != "assumed"]
    for uid, message in told:
        if not uid or uid in chosen:
            click.echo(f"warning: {one_line(message)}", err=True)


def tree_console() -> Console:
    """A console that wraps on a terminal, and elsewhere writes each line in full."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_UNCUT)


def _trees(view: LineageView, shown: list[str], *, columns: bool, wrap: bool) -> list[Tree]:
    dag = view.project.dag
    nearest = primary_parents(dag, shown)
    trees: dict[str, Tree] = {}
    roots = []
    for uid in shown:
        line = _line(view, dag[uid], nearest, frozenset(shown))
        said = _with_columns(line, _column_rows(view, uid), wrap=wrap) if columns else line
        parent = nearest.get(uid)
        trees[uid] = trees[parent].add(said) if parent else Tree(said, guide_style="dim")
        if not parent:
            roots.append(trees[uid])
    return roots


def primary_parents(dag: Dag, shown: Iterable[str]) -> dict[str, str]:
    """The shown parent below which a node stands: the one furthest from where the data enters.

    Args:
        dag: the project.
        shown: unique ids in lineage order.

    Returns:
        A parent for each shown node that has one; ties by unique id.
    """
    depth: dict[str, int] = {}
    found: dict[str, str] = {}
    for uid in shown:
        parents = [parent for parent in dag.parents(uid) if parent in depth]
        if parents:
            found[uid] = max(parents, key=lambda p: (depth[p], p))
        depth[uid] = depth[found[uid]] + 1 if parents else 0
    return found


def _line(view: LineageView, node: Node, nearest: dict[str, str], shown: frozenset[str]) -> Text:
    dag = view.project.dag
    line = Text(one_line(label(node)), style=_STYLES.get(node.kind, "bold"))
    tests = sum(1 for child in dag.children(node.unique_id) if dag[child].is_test)
    what = node.materialized if node.kind == "model" else node.kind
    told = [what, view.grouping.group_of.get(node.unique_id), number(tests, "test") if tests else None]
    line.append("  " + ", ".join(part for part in told if part), style="dim")
    others = sorted(
        label(dag[p])
        for p in dag.parents(node.unique_id)
        if p in shown and p != nearest.get(node.unique_id) and not dag[p].is_test
    )
    if others:
        more = f" and {len(others) - _ALSO} more" if len(others) > _ALSO else ""
        line.append(f"; also reads {one_line(', '.join(others[:_ALSO]))}{more}", style="dim")
    parent = nearest.get(node.unique_id)
    if parent and (parent, node.unique_id) in view.project.inferred:
        line.append("; built by the node above, which dbt does not know", style="dim")
    return line


def _with_columns(line: Text, rows: Sequence[_Row], *, wrap: bool) -> Text | Group:
    """A node with its columns below; on a terminal long ones go on where they began."""
    if not wrap:
        return Text("\n").join([line, *(Text.assemble(*row) for row in rows)])
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for head, tail in rows:
        grid.add_row(head, tail)
    return Group(line, grid)


def _column_rows(view: LineageView, uid: str) -> list[_Row]:
    """Each column: what it is called and how it is made, and what of."""
    model = view.columns.models.get(uid)
    if model is None:
        known = view.known_columns.get(uid)
        names = ", ".join(column.name for column in known.columns) if known else ""
        return [(Text("  "), Text(one_line(names), style="dim"))] if names else []
    width = max((len(column.name) for column in model.columns), default=0)
    rows = [_column_row(view, column, width) for column in model.columns]
    return [*rows, *((Text("  ! "), Text(one_line(reason), style="yellow")) for reason in model.reasons)]


def _column_row(view: LineageView, column: OutputColumn, width: int) -> _Row:
    head = Text(f"  {one_line(column.name):<{width}}  ")
    head.append(f"{column.label:<12}  ", style="yellow" if column.unknown else "dim")
    sources = [f"{short(view.project.dag, s.node)}.{s.column}" for s in column.sources[:_SOURCES]]
    more = len(column.sources) - _SOURCES
    tail = Text(one_line(", ".join(sources)) + (f" and {more} more" if more > 0 else ""))
    if column.expression:
        tail.append("  " if sources else "")
        tail.append(cut(column.expression, _EXPRESSION), style="dim")
    return head, tail


def short(dag: Dag, uid: str) -> str:
    """What a node is called on a terminal; a file by its SQL text."""
    return label(dag[uid]) if uid in dag else uid.removeprefix("external:")


def cut(expression: str, length: int) -> str:
    """An expression on one line, at most so long."""
    text = one_line(" ".join(expression.split()))
    return text if len(text) <= length else text[: length - 1] + "…"


def _summary(view: LineageView, shown: list[str], chosen: frozenset[str], *, columns: bool) -> str:
    dag = view.project.dag
    kinds = Counter(dag[uid].kind for uid in shown)
    tests = len(chosen) - len(shown)
    parts = [_counted(count, kind) for kind, count in kinds.most_common()]
    parts += [number(tests, "test")] if tests else []
    said = ", ".join(parts) or "nothing"
    if columns:
        told = view.columns.coverage
        share = int(told.columns_percent * 10) / 10
        said += f"; {told.resolved_columns:,} of {number(told.columns, 'column')} resolved ({share:g} %)"
        unknown = view.sources["unknown"]
        if unknown and told.resolved_models < told.models:
            said += f"\nthe columns of {number(unknown, 'source')} are not known; ask for them with: {_ASK}"
    return said


def _counted(count: int, kind: str) -> str:
    if kind == "analysis" and count != 1:
        return f"{count:,} analyses"
    return number(count, kind.replace("_", " "))
