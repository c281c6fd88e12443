"""``sqlorch why``."""

from __future__ import annotations

import json
from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options, warn


@click.command()
@click.argument("subject", shell_complete=suggest.groups)
@click.option("-i", "--interval", help="About this interval: 2013-01-03, 2013-01, or START/END.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def why(subject: str, *, interval: str | None, as_json: bool, **given: Any) -> None:
    """Say what a group, a model or a run waits for, and what became of it lately.

    SUBJECT is the name of a group, the name of a model, or the id of a run.
    """
    from sqlorch.app.explaining import why as explain  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.operating import open_helm  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    with open_helm(choices(given), warn) as desk:
        lines = explain(desk, subject, interval)
    click.echo(json.dumps({"subject": subject, "lines": lines}, indent=2) if as_json else "\n".join(lines))
