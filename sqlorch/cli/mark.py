"""``sqlorch mark``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.app.marking import Marked

_MARKS = {"success": "done", "failed": "failed", "missing": "missing"}


@click.command()
@click.argument("what", type=click.Choice(tuple(_MARKS)), metavar="success|failed|missing")
@click.option("--run", "run_id", shell_complete=suggest.runs, help="The nodes and the interval of this run.")
@click.option("-g", "--group", shell_complete=suggest.groups, help="This group; with --interval.")
@click.option("-i", "--interval", help="This time: 2013-01-03, 2013-01, or START/END (END is excluded).")
@click.option("-s", "--select", multiple=True, help="These of the nodes alone, in dbt's syntax.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def mark(what: str, *, as_json: bool, **given: Any) -> None:
    """Set intervals to done, failed or missing by hand. Nothing is run, and no table is touched.

    \b
    sqlorch mark success --run manual-20130103T050000Z-7f3a
    sqlorch mark missing --group flights_daily --interval 2013-01 --select fct_flights+
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.app.marking import MarkRequest  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.marking import mark as write_marks  # noqa: PLC0415 - likewise
    from sqlorch.cli.interval_text import interval_document, node_names, span_text  # noqa: PLC0415 - likewise
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise
    from sqlorch.cli.text import number  # noqa: PLC0415 - likewise
    from sqlorch.domain.ledger import LedgerMark  # noqa: PLC0415 - likewise

    _check(given)
    request = MarkRequest(
        mark=LedgerMark(_MARKS[what]),
        run_id=given["run_id"],
        group=given["group"],
        interval=given["interval"],
        select=given["select"],
    )
    marked = write_marks(choices(given), request)
    if as_json:
        document = {
            "group": marked.group.name,
            "mark": str(request.mark),
            "nodes": list(marked.nodes),
            "intervals": [interval_document(slot) for slot in marked.slots],
            "not_started": list(marked.followers) if request.mark is LedgerMark.DONE else [],
        }
        click.echo(json.dumps(document, indent=2))
        return
    when = span_text(marked.slots, 0, len(marked.slots) - 1, marked.group.timezone)
    who = node_names((uid for uid in marked.nodes if uid in marked.dag), marked.dag)
    nodes = number(len(marked.nodes), "node")
    click.echo(f"{marked.group.name} {when}: {nodes} marked as {request.mark} ({who})")
    if request.mark is LedgerMark.DONE:
        _tell_followers(marked)


def _tell_followers(marked: Marked) -> None:
    """A mark is no event; whoever counts on one is told what to do."""
    from sqlorch.domain.describe import compact  # noqa: PLC0415 - help must not wait for it
    from sqlorch.domain.interval import Interval  # noqa: PLC0415 - likewise

    span = compact(Interval(marked.slots[0].start, marked.slots[-1].end), marked.group.timezone)
    for name in marked.followers:
        click.echo(
            f"{name} runs after it, and a mark starts nothing: sqlorch trigger {name} --interval {span}"
        )


def _check(given: dict[str, Any]) -> None:
    if given["run_id"] is not None and (given["group"] or given["interval"]):
        raise click.UsageError("--run says group and interval; leave out --group and --interval")
    if given["run_id"] is None and not (given["group"] and given["interval"]):
        raise click.UsageError("say what to mark: --run RUN_ID, or --group and --interval")
