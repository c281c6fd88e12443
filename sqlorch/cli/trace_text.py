"""Where a column comes from, for people: a tree with the expression at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from sqlorch.cli.lineage_tree import short, tree_console
from sqlorch.config.places import one_line
from sqlorch.lineage.origin import row_deciders

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.lineage.columns import ColumnRef
    from sqlorch.lineage.origin import Decider, Station


def print_trace(view: LineageView, steps: Sequence[Station]) -> None:
    """Write the way back from a column to standard output."""
    console = tree_console()
    console.print(_tree(view, steps), soft_wrap=not console.is_terminal)
    start = steps[0].ref
    rows = _told(view, row_deciders(view.columns, start.node))
    if rows:
        name = one_line(short(view.project.dag, start.node))
        lines = [f"\nWhich rows are in {name} depends on:", *(f"  {line}" for line in rows)]
        console.print(Text("\n".join(lines)), soft_wrap=not console.is_terminal)


def _tree(view: LineageView, steps: Sequence[Station]) -> Tree:
    """Each column stands once, below the first step that reads it; later readers point to it."""
    by_ref = {step.ref: step for step in steps}
    trees = {steps[0].ref: Tree(_label(view, steps[0]), guide_style="dim")}
    for step in steps:
        for source in step.parents:
            path = f" (its part {source.path})" if source.path else ""
            if source.ref in trees:
                said = f"{_name(view, source.ref)}{path}, shown above"
                trees[step.ref].add(Text(one_line(said), style="dim"))
            else:
                trees[source.ref] = trees[step.ref].add(_label(view, by_ref[source.ref], path))
    return trees[steps[0].ref]


def _label(view: LineageView, step: Station, path: str = "") -> Text:
    line = Text(one_line(_name(view, step.ref) + path), style="bold" if step.label else "cyan")
    doubtful = "not bold yellow"
    line.append(
        f"  {step.label or _end(view, step.ref.node)}", style=doubtful if step.unknown else "not bold dim"
    )
    if step.expression:
        line.append(f"\n{_flat(step.expression)}", style="not bold")
    for inner in step.inner:
        line.append(f"\nof {_flat(inner)}", style="not bold dim")
    for said in _told(view, step.deciders):
        line.append(f"\n{said}", style="not bold dim")
    for reason in step.unknown:
        line.append(f"\n! {one_line(reason)}", style=doubtful)
    return line


def _flat(expression: str) -> str:
    return one_line(" ".join(expression.split()))


def _end(view: LineageView, uid: str) -> str:
    """What a column belongs to that no SQL of the project makes."""
    return view.project.dag[uid].kind if uid in view.project.dag else "outside of the project"


def _told(view: LineageView, deciders: Sequence[Decider]) -> list[str]:
    """A line for each thing columns do to rows."""
    found: dict[str, list[str]] = {}
    for kind, source in deciders:
        names = found.setdefault(str(kind), [])
        names += [name for name in [_name(view, source.ref)] if name not in names]
    return [one_line(f"{kind}: {', '.join(sorted(names))}") for kind, names in sorted(found.items())]


def _name(view: LineageView, ref: ColumnRef) -> str:
    return f"{short(view.project.dag, ref.node)}.{ref.column}"
