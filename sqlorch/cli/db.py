"""``sqlorch db``: look after what is remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import project_options

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace


@click.group()
def db() -> None:
    """Look after the state: what is in it, is it sound, copies, old records."""


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def status(*, as_json: bool, **given: Any) -> None:
    """Show where the state is kept, its version and how much is in it."""
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    found = care.status(_workspace(given))
    if as_json:
        document = {"path": str(found.path), "bytes": found.size, "rows": found.rows}
        click.echo(json.dumps(document | {"schema": found.version, "current": found.newest}, indent=2))
        return
    newer = "" if found.version == found.newest else f", this sqlorch has {found.newest}: sqlorch db upgrade"
    click.echo(f"{found.path}  {found.size / 1_000_000:.1f} MB")
    click.echo(f"schema {found.version}{newer}")
    for name, rows in found.rows.items():
        if rows:
            click.echo(f"  {name:<16} {rows:>10,} rows")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def check(*, as_json: bool, **given: Any) -> int:
    """Hold the state file against everything that must be true of it.

    Exits with 1 when something is broken.
    """
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    broken = 0
    document = []
    for finding in care.check(_workspace(given)):
        broken += bool(finding.broken)
        document.append({"invariant": finding.invariant, "broken": finding.broken, "cases": finding.cases})
        if not as_json:
            cases = ", ".join(finding.cases) + (", ..." if finding.broken > len(finding.cases) else "")
            told = f": {finding.broken} broken ({cases})" if finding.broken else ""
            click.echo(f"{'BROKEN' if told else 'ok    '}  {finding.invariant}{told}")
    if as_json:
        click.echo(json.dumps({"findings": document}, indent=2))
    elif broken:
        click.echo(
            f"{broken} of {len(document)} broken; a good copy is put back by: sqlorch db recover BACKUP"
        )
    return 1 if broken else 0


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@project_options
def backup(file: Path, **given: Any) -> None:
    """Copy the state to FILE, consistent, while everything goes on."""
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    size = care.backup(_workspace(given), file)
    click.echo(f"copied to {file} ({size / 1_000_000:.1f} MB)")


@db.command()
@project_options
def upgrade(**given: Any) -> None:
    """Bring the state file to the schema of this version; every command does so when it has to."""
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    before, now = care.upgrade(_workspace(given))
    click.echo(f"upgraded from schema {before} to {now}" if before != now else f"up to date: schema {now}")


@db.command()
@click.argument("source", metavar="BACKUP", type=click.Path(path_type=Path))
@project_options
def recover(source: Path, **given: Any) -> None:
    """Put BACKUP in the place of the state file; the one that is there is kept beside it.

    Intervals decided since the backup was made are decided, and run, again.
    """
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    aside = care.recover(_workspace(given), source)
    click.echo(f"recovered from {source}" + (f"; what was there is now {aside}" if aside else ""))


@db.command()
@click.option(
    "--to",
    "target",
    required=True,
    metavar="URL",
    help="An empty PostgreSQL database: env:NAME or file:PATH of where its URL is, or the URL.",
)
@project_options
def copy(target: str, **given: Any) -> None:
    """Copy the state file into an empty PostgreSQL database, all or nothing.

    The project uses the database once SQLORCH_STATE_URL holds its URL, or 'state: {url: ...}' of
    sqlorch.yml names it. The file stays as it is; a command that would go on with it is refused.
    """
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    workspace = _workspace(given)
    where, rows = care.copy(workspace, target)
    click.echo(f"copied {sum(rows.values()):,} rows of {len(rows)} tables to {where}, and compared them")
    if workspace.settings.state_url is None:
        click.echo(
            "use it from now on: set SQLORCH_STATE_URL, or write 'state: {url: env:NAME}' in sqlorch.yml; "
            f"until then every command is refused, and {workspace.state_file} is not used any more"
        )


@db.command()
@click.argument("name", required=False)
@project_options
def target(name: str | None, **given: Any) -> None:
    """Show which target of the profile the state is about, or make it that of target NAME.

    What is done in one warehouse is not done in another, so a state counts for one target alone. Give NAME
    where the same warehouse has got a new name.
    """
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    workspace = _workspace(given)
    if name is None:
        stored = care.target(workspace)
        click.echo("nothing was run on any target yet" if stored is None else stored)
        return
    before = care.retarget(workspace, name)
    click.echo(f"the state is that of target {name} now" + (f"; it was {before}'s" if before else ""))


@db.command()
@click.option("--days", type=click.FloatRange(min=0), help="Forget runs that ended longer ago than this.")
@click.option("--keep", type=click.IntRange(min=1), help="Newest runs of each group that stay however old.")
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten, and forget nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def prune(*, days: float | None, keep: int | None, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Forget old runs, with their logs; which intervals are done is never forgotten.

    How old, and how many stay: 'state: {runs_keep: 90d, runs_keep_last: 50}' in sqlorch.yml.
    """
    from sqlorch.app import care  # noqa: PLC0415 - help must not wait for it

    workspace = _workspace(given)
    days = workspace.settings.retention_days if days is None else days
    keep = workspace.settings.retention_runs if keep is None else keep
    if days is None:
        click.echo('{"runs": []}' if as_json else "runs are kept for ever; name an age: --days 90")
        return
    gone = care.prune(workspace, days=days, keep=keep, dry_run=dry_run)
    if as_json:
        document = {"runs": gone.runs, "records": gone.records, "folders": gone.folders, "bytes": gone.size}
        click.echo(json.dumps(document | {"dry_run": dry_run}, indent=2))
        return
    would = "would forget" if dry_run else "forgot"
    click.echo(
        f"{would} {len(gone.runs):,} runs, {gone.records:,} other records "
        f"and {gone.folders:,} folders ({gone.size / 1_000_000:.1f} MB)"
    )


def _workspace(given: dict[str, Any]) -> Workspace:
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - help must not wait for it

    return open_workspace(Choices(project_dir=given["project_dir"], profiles_dir=given["profiles_dir"]))
