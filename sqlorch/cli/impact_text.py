"""What a change breaks, for people: group by group, in lineage order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sqlorch.cli.lineage_tree import short, tree_console
from sqlorch.cli.text import number
from sqlorch.config.places import one_line

if TYPE_CHECKING:
    from sqlorch.app.lineage import Changes, LineageView
    from sqlorch.domain.dag import Node
    from sqlorch.lineage.impact import ColumnImpact, Impact

_FEW = 12  # files named one by one


def print_impact(
    view: LineageView, impact: Impact, column: ColumnImpact | None, changes: Changes | None
) -> None:
    """Write an impact to standard output."""
    console = tree_console()
    if changes is not None:
        _print_changes(console, view, changes)
        if not impact.starts:
            return
    _say(console, _headline(view, impact, column), style="bold")
    notes = _notes(column)
    for group, uids in _by_group(view, impact.nodes).items():
        own = group in {view.grouping.group_of.get(uid) for uid in impact.starts}
        _say(console, f"\n{group}{' (its own group)' if own and changes is None else ''}", style="cyan")
        for line in _lines(view, uids, notes):
            console.print(line)
    if impact.exposures:
        _say(console, "\nexposures", style="cyan")
        for line in _lines(view, impact.exposures, {}):
            console.print(line)
    if column is not None and column.untouched:
        names = ", ".join(short(view.project.dag, uid) for uid in column.untouched)
        _say(console, f"\ndownstream of the model, but not of the column: {names}", style="dim")


def _say(console: Console, line: str, style: str = "") -> None:
    text = "\n".join(map(one_line, line.split("\n")))
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def _print_changes(console: Console, view: LineageView, changes: Changes) -> None:
    names = ", ".join(short(view.project.dag, uid) for uid in changes.nodes)
    touched = f"; they make {names}" if names else "; no node is made of them"
    said = f"{number(len(changes.files), 'file')} changed"
    _say(console, said + (touched if changes.files else ""))
    if changes.other:
        few = ", ".join(changes.other[:_FEW])
        more = f" and {len(changes.other) - _FEW} more" if len(changes.other) > _FEW else ""
        _say(console, f"not followed, because no node is made of them: {few}{more}", style="dim")


def _headline(view: LineageView, impact: Impact, column: ColumnImpact | None) -> str:
    groups = {view.grouping.group_of.get(uid) for uid in impact.nodes} - {None}
    place = f" of {number(len(groups), 'group')}" if groups else ""
    reached = f"{number(len(impact.nodes), 'node')}{place}"
    rest = f"{number(len(impact.exposures), 'exposure')}, {number(len(impact.tests), 'test')}"
    if column is not None:
        name = f"{short(view.project.dag, column.start.node)}.{column.start.column}"
        return f"{name} reaches {number(len(column.values), 'column')} in {reached}; {rest}"
    names = [short(view.project.dag, uid) for uid in impact.starts]
    what = names[0] if len(names) == 1 else "what changed"
    return f"downstream of {what}: {reached}; {rest}"


def _by_group(view: LineageView, uids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for uid in uids:
        group = view.grouping.group_of.get(uid) or f"{view.project.dag[uid].kind}s"
        found.setdefault(group, []).append(uid)
    return found


def _notes(column: ColumnImpact | None) -> dict[str, str]:
    """What a column does to each node it reaches."""
    if column is None:
        return {}
    names: dict[str, list[str]] = {}
    for ref in column.values:
        names.setdefault(ref.node, []).append(ref.column)
    notes = {uid: ", ".join(found) for uid, found in names.items()}
    notes |= dict.fromkeys(column.rows, "its rows depend on it")
    return notes | dict.fromkeys(column.unsure, "cannot be ruled out: not all of the SQL above is understood")


def _lines(view: LineageView, uids: Iterable[str], notes: Mapping[str, str]) -> Iterator[Text]:
    """One line a node: its name, how it is built, what a column does to it."""
    dag = view.project.dag
    rows = [(one_line(short(dag, uid)), _what(dag[uid]), one_line(notes.get(uid, ""))) for uid in uids]
    widths = [max(len(row[index]) for row in rows) for index in (0, 1)]
    for name, what, note in rows:
        line = Text(f"  {name:<{widths[0]}}  ")
        line.append(f"{what:<{widths[1]}}", style="dim")
        line.append(f"  {note}")
        line.rstrip()
        yield line


def _what(node: Node) -> str:
    if node.kind == "exposure":
        return ""
    return node.materialized if node.kind == "model" else node.kind
