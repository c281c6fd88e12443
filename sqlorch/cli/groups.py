"""``sqlorch groups``."""

from __future__ import annotations

import json
from typing import Any

import click

from sqlorch.cli.options import read_options


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def groups(*, as_json: bool, **given: Any) -> None:
    """List the groups: their schedules, what is decided, what is due next, how they fared last."""
    from sqlorch.app.operating import open_desk  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.overview import group_rows  # noqa: PLC0415 - likewise
    from sqlorch.cli.groups_table import groups_table  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    with open_desk(choices(given)) as desk:
        rows = group_rows(desk)
    if as_json:
        click.echo(json.dumps({"groups": [row.document for row in rows]}, indent=2))
    else:
        groups_table(rows)
