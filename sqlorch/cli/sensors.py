"""``sqlorch sensors``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.app.looking import Seen


@click.group()
def sensors() -> None:
    """Look at what groups wait for (wait_for)."""


@sensors.command()
@click.argument("group", shell_complete=suggest.groups)
@click.option(
    "-i", "--interval", help="Of this interval: 2013-01-03; by default the last complete one, or today."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def check(group: str, *, interval: str | None, as_json: bool, **given: Any) -> int:
    """Look at each sensor of a group now and say what is found; nothing is run.

    Exits with 1 when a run of the interval would have to wait.
    """
    from sqlorch.app.looking import Looker, opened_warehouse  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.operating import chosen_interval, open_desk  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.describe import describe  # noqa: PLC0415 - likewise

    with (
        open_desk(choices(given)) as desk,
        opened_warehouse(desk.workspace, "sqlorch sensors check") as open_,
    ):
        its = desk.snapshot.group(group)
        span = chosen_interval(its, interval, desk.now)
        looker = Looker(workspace=desk.workspace, snapshot=desk.snapshot, store=desk.store, warehouse=open_)
        found = list(looker.look(its, span))
        zone = its.timezone
    if as_json:
        document = {
            "group": group,
            "interval": {"start": span.start.isoformat(), "end": span.end.isoformat()},
            "sensors": [_document(seen) for seen in found],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{group} {describe(span, zone)}")
        click.echo("\n".join(map(_line, found)) or "  it waits for nothing (no wait_for)")
    return 0 if all(seen.look.met for seen in found) else 1


def _line(seen: Seen) -> str:
    word = "yes" if seen.look.met else "error" if seen.look.failed else "no"
    return f"  {word:<5}  {seen.what}: {seen.look.said}"


def _document(seen: Seen) -> dict[str, Any]:
    return {
        "kind": seen.spec.kind,
        "what": seen.what,
        "met": seen.look.met,
        "failed": seen.look.failed,
        "found": seen.look.said,
        "origin": seen.spec.origin,
    }
