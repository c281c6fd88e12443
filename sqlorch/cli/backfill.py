"""``sqlorch backfill``: submit one, and look after those that are under way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from collections.abc import Callable


class _Submitting(click.Group):
    """Takes what is none of its commands for a group to be backfilled."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with ``submit`` in front where no command is named."""
        named = args and (args[0] in self.commands or args[0].startswith("-"))
        return super().resolve_command(ctx, args if named else ["submit", *args])


@click.group(
    cls=_Submitting, options_metavar="", subcommand_metavar="GROUP --from DAY --to DAY | COMMAND ..."
)
def backfill() -> None:
    """Make intervals of the past again, or for the first time; the daemon does it beside what is due.

    \b
    sqlorch backfill flights_daily --from 2013-01-01 --to 2013-02-01 --dry-run
    sqlorch backfill flights_daily --from 2013-01-01 --to 2013-02-01 --reprocess changed --cascade
    sqlorch backfill list
    """  # noqa: D301 - click wants the control character, not a backslash and a b


@backfill.command()
@click.argument("group", shell_complete=suggest.groups)
@click.option("--from", "start", required=True, help="First day or time, in the group's time zone.")
@click.option("--to", "end", required=True, help="The end, which is excluded.")
@click.option(
    "--reprocess",
    type=click.Choice(["missing", "failed", "changed", "all"]),
    default="missing",
    show_default=True,
    help="Which intervals of the range.",
)
@click.option("--order", type=click.Choice(["oldest", "newest"]), default="oldest", show_default=True)
@click.option("--parallel", type=click.IntRange(min=1), default=1, show_default=True, help="Runs at once.")
@click.option("--cascade", is_flag=True, help="Also the groups that read what is made again.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, submit nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def submit(group: str, *, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Submit a backfill of GROUP; 'submit' itself can be left out."""
    from sqlorch.app.backfilling import Asked, plan, put_forward  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.backfill_text import plan_document, plan_lines  # noqa: PLC0415 - likewise

    asked = Asked(
        group=group,
        start=given["start"],
        end=given["end"],
        reprocess=given["reprocess"],
        order=given["order"],
        parallel=given["parallel"],
        cascade=given["cascade"],
    )
    with _desk(given) as desk:
        made = plan(desk, asked)
        ids = [] if dry_run else put_forward(desk, made)
    if as_json:
        click.echo(json.dumps({"backfills": ids, "plan": plan_document(made)}, indent=2))
        return
    for line in plan_lines(made):
        click.echo(line)
    if ids:
        click.echo(f"submitted: {', '.join(ids)}; follow it with: sqlorch backfill show {ids[0]}")
    else:
        click.echo("nothing was submitted")


@backfill.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def list_(*, everything: bool, as_json: bool, **given: Any) -> None:
    """List backfills, the newest first."""
    from sqlorch.cli.backfill_text import backfill_document, backfill_line  # noqa: PLC0415 - help must not wait

    with _desk(given) as desk:
        found = desk.store.backfills.backfills(unfinished=not everything)
    if as_json:
        click.echo(json.dumps({"backfills": [backfill_document(one) for one in found]}, indent=2))
        return
    for one in found:
        click.echo(backfill_line(one))
    if not found:
        click.echo("no backfills" + ("" if everything else " under way; --all lists those that have ended"))


@backfill.command()
@click.argument("backfill_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@read_options
def show(backfill_id: str, *, as_json: bool, **given: Any) -> None:
    """Show a backfill and what is not done of it yet."""
    from sqlorch.cli.backfill_text import (  # noqa: PLC0415 - help must not wait for it
        backfill_document,
        backfill_line,
        slot_lines,
    )

    with _desk(given) as desk:
        one = desk.store.backfills.backfill(backfill_id)
        slots = desk.store.backfills.backfill_slots(backfill_id)
        zone = desk.snapshot.group(one.group).timezone
    if as_json:
        click.echo(json.dumps(backfill_document(one, slots), indent=2))
        return
    click.echo("\n".join([backfill_line(one), *slot_lines(slots, zone)]))


@backfill.command()
@click.argument("backfill_id")
@read_options
def pause(backfill_id: str, **given: Any) -> None:
    """Start no more runs of a backfill; one under way is finished."""
    _change(backfill_id, given, "pause", "is paused", "was not running; nothing was changed")


@backfill.command()
@click.argument("backfill_id")
@read_options
def resume(backfill_id: str, **given: Any) -> None:
    """Go on with a paused backfill."""
    _change(backfill_id, given, "resume", "goes on", "was not paused; nothing was changed")


@backfill.command()
@click.argument("backfill_id")
@read_options
def cancel(backfill_id: str, **given: Any) -> None:
    """End a backfill, what follows from it, and its runs under way."""
    _change(backfill_id, given, "cancel", "is cancelled", "had ended already")


def _change(backfill_id: str, given: dict[str, Any], verb: str, done: str, otherwise: str) -> None:
    from sqlorch.app.backfilling import backfills  # noqa: PLC0415 - help must not wait for it

    with _desk(given) as desk:
        act: Callable[..., bool] = getattr(backfills(desk), verb)
        changed = act(backfill_id, who=desk.who, now=desk.now)
    click.echo(f"{backfill_id} {done if changed else otherwise}")


def _desk(given: dict[str, Any]) -> Any:
    from sqlorch.app.operating import open_desk  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    return open_desk(choices(given))
