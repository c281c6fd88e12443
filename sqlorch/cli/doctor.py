"""``sqlorch doctor``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.domain.examination import Remark

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def doctor(*, as_json: bool, **given: Any) -> int:
    """Examine the set-up: schedules, state, disk, versions, clocks, daemon.

    A year of every schedule is looked at: intervals that overlap or have no length, fires that the clocks
    move. Nothing is changed. Exits with 1 when there is an error; warnings are told and let pass.
    """
    from sqlorch.app.doctor import examine  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.examination import Level, worst  # noqa: PLC0415 - likewise

    remarks = list(examine(choices(given)))
    if as_json:
        found = [{"area": one.area, "level": str(one.level), "text": one.text} for one in remarks]
        click.echo(json.dumps({"findings": found, "worst": str(worst(remarks))}, indent=2))
    else:
        _print(remarks)
    return 1 if worst(remarks) is Level.ERROR else 0


def _print(remarks: list[Remark]) -> None:
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it
    from rich.text import Text  # noqa: PLC0415 - likewise

    from sqlorch.cli.text import number  # noqa: PLC0415 - likewise
    from sqlorch.config.places import one_line  # noqa: PLC0415 - likewise

    console = Console(highlight=False)
    areas = dict.fromkeys(one.area for one in remarks)
    for area in areas:
        console.print(Text(area, style="bold"))
        for one in remarks:
            if one.area == area:
                line = Text(f"  {one.level:<8}", style=_STYLES[one.level])
                console.print(line.append(f" {one_line(one.text)}", style="not bold default"), soft_wrap=True)
    errors, warnings = (sum(one.level == level for one in remarks) for level in ("error", "warning"))
    console.print(f"\n{number(errors, 'error')}, {number(warnings, 'warning')}")
