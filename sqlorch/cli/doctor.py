"""``sqlorch doctor``."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from sqlorch.domain.remarks import Remark

_FINE = 20  # lines of one part that only say that something is right
_MARKS = {
    "error": ("✗", "bold red"),
    "warning": ("!", "yellow"),
    "note": ("·", "dim"),
    "ok": ("✓", "green"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def doctor(*, as_json: bool, **given: Any) -> int:
    """Examine the set-up: a year of each schedule, runs, disk, versions, state, clock, daemon.

    Nothing is run, and nothing is changed.

    \b
    Exit codes: 0 nothing is wrong (warnings included), 1 something is, 2 the project cannot be read.
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.app.doctor import examine  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise

    remarks = list(examine(choices(given)))
    grades = Counter(str(remark.grade) for remark in remarks)
    if as_json:
        click.echo(json.dumps(document(remarks), indent=2))
    else:
        _print(remarks, grades)
    return 1 if grades["error"] else 0


def document(remarks: Sequence[Remark]) -> dict[str, Any]:
    """The document of ``--json``."""
    grades = Counter(str(remark.grade) for remark in remarks)
    return {
        "remarks": [
            {
                "part": remark.part,
                "grade": str(remark.grade),
                "subject": remark.subject or None,
                "message": remark.message,
                "advice": remark.advice or None,
            }
            for remark in remarks
        ],
        "errors": grades["error"],
        "warnings": grades["warning"],
    }


def _print(remarks: Sequence[Remark], grades: Counter[str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    from sqlorch.cli.text import number  # noqa: PLC0415 - likewise

    console = Console(highlight=False)
    parts = list(dict.fromkeys(remark.part for remark in remarks))
    ordered = sorted(remarks, key=lambda remark: parts.index(remark.part))  # stable: as they were found
    for part, found in groupby(ordered, key=lambda remark: remark.part):
        console.print(f"[bold]{part}[/]")
        for line in _lines(list(found)):
            console.print(line, soft_wrap=True)
    console.print()
    if grades["error"] or grades["warning"]:
        console.print(f"{number(grades['error'], 'error')}, {number(grades['warning'], 'warning')}")
    else:
        console.print("nothing is wrong")


def _lines(found: Sequence[Remark]) -> list[Text]:
    """One line a remark; what is right is told of the first few only."""
    from rich.text import Text  # noqa: PLC0415 - help must not wait for it

    lines, fine = [], 0
    for remark in found:
        fine += remark.grade == "ok"
        if remark.grade != "ok" or fine <= _FINE:
            lines.append(_line(remark))
    if fine > _FINE:
        mark, style = _MARKS["ok"]
        lines.append(Text.assemble("  ", (mark, style), f" {fine - _FINE:,} more are right"))
    return lines


def _line(remark: Remark) -> Text:
    from rich.text import Text  # noqa: PLC0415 - help must not wait for it

    from sqlorch.config.places import one_line  # noqa: PLC0415 - likewise

    mark, style = _MARKS[str(remark.grade)]
    line = Text.assemble("  ", (mark, style), " ")
    if remark.subject:
        line.append(f"{one_line(remark.subject)}: ", style="bold")
    line.append(one_line(remark.message), style="dim" if remark.grade == "note" else "")
    if remark.advice:
        line.append(f" → {one_line(remark.advice)}", style="cyan")
    return line
