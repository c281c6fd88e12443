"""``sqlorch runs``: list, show, logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import project_options, warn

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace
    from sqlorch.domain.history import AttemptRecord, NodeRecord

_STATES = ("queued", "running", "cancelling", "success", "failed", "skipped", "cancelled")


@click.group()
def runs() -> None:
    """Look at runs: which there were, how their nodes ended, what dbt said."""


@runs.command("list")
@click.option("-g", "--group", shell_complete=suggest.groups, help="Runs of this group.")
@click.option("--state", type=click.Choice(_STATES), help="Runs in this state.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def list_(*, group: str | None, state: str | None, limit: int, as_json: bool, **given: Any) -> None:
    """List runs, the newest first."""
    from sqlorch.cli.summary import run_document, runs_table  # noqa: PLC0415 - help must not wait for it
    from sqlorch.domain.run import RunState  # noqa: PLC0415 - likewise

    with _workspace(given).store() as store:
        wanted = RunState(state) if state else None
        found = store.runs(group=group, state=wanted, limit=limit)
    if as_json:
        documents = [run_document(run, []) | {"nodes": dict(run.node_counts)} for run in found]
        click.echo(json.dumps({"runs": documents}, indent=2))
    elif found:
        console = _console()
        console.print(runs_table(found, width=console.width, run_ids=True))
    else:
        click.echo(
            "no runs" + (" that match" if group or state else " yet: sqlorch run --interval 2013-01-01")
        )


@runs.command()
@click.argument("run_id", shell_complete=suggest.runs)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def show(run_id: str, *, as_json: bool, **given: Any) -> None:
    """Show a run: its interval, its variables, and each of its nodes."""
    from sqlorch.cli.summary import print_run, run_document  # noqa: PLC0415 - help must not wait for it
    from sqlorch.domain.freshness import freshness_to_json  # noqa: PLC0415 - likewise

    with _workspace(given).store() as store:
        run, nodes, sources = store.run(run_id), store.nodes(run_id), store.freshness.of_run(run_id)
    if as_json:
        document = run_document(run, nodes) | {"variables": dict(run.variables)}
        document["sources"] = [freshness_to_json(one) for one in sources]
        click.echo(json.dumps(document, indent=2))
    else:
        print_run(_console(), run, nodes, sources)


@runs.command()
@click.argument("run_id", shell_complete=suggest.runs)
@click.argument("node")
@click.option("--attempt", type=click.IntRange(min=1), help="Which attempt; the last by default.")
@click.option("--sql", is_flag=True, help="Print the compiled SQL instead of the log.")
@project_options
def logs(run_id: str, node: str, *, attempt: int | None, sql: bool, **given: Any) -> None:
    """Print what dbt said while it executed NODE (a name or a unique id) in a run."""
    with _workspace(given).store() as store:
        record = _node(store.nodes(run_id), run_id, node)
        attempts = store.attempts(run_id, record.unique_id)
    click.echo(_text(_chosen(attempts, record, attempt), sql=sql), nl=False)


def _node(nodes: list[NodeRecord], run_id: str, wanted: str) -> NodeRecord:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a mistyped name

    from sqlorch.domain.errors import StateError  # noqa: PLC0415 - help must not wait for it

    found = [node for node in nodes if wanted in {node.unique_id, node.name}]
    if len(found) == 1:
        return found[0]
    if found:
        raise StateError(
            f"{wanted} is {', '.join(node.unique_id for node in found)}; name one of them in full"
        )
    near = get_close_matches(wanted, [node.name for node in nodes], n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise StateError(f"{run_id} has no node {wanted}{hint}")


def _chosen(attempts: list[AttemptRecord], node: NodeRecord, number: int | None) -> AttemptRecord:
    from sqlorch.domain.errors import StateError  # noqa: PLC0415 - help must not wait for it

    if not attempts:
        why = f": {node.reason}" if node.reason else ""
        raise StateError(f"{node.name} was never tried in this run ({node.state}{why})")
    if number is None:
        return attempts[-1]
    if number > len(attempts):
        raise StateError(f"{node.name} has {len(attempts)} attempts, not {number}")
    return attempts[number - 1]


def _text(attempt: AttemptRecord, *, sql: bool) -> str:
    from sqlorch.domain.errors import StateError  # noqa: PLC0415 - help must not wait for it

    path = attempt.compiled_path if sql else attempt.log_path
    what = "compiled SQL" if sql else "log"
    if path is None:
        raise StateError(f"this attempt left no {what}: {attempt.message}")
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise StateError(f"the {what} is gone ({error.strerror}): {path}") from error


def _workspace(given: dict[str, Any]) -> Workspace:
    from sqlorch.app.workspace import Choices, open_state_workspace  # noqa: PLC0415 - help must not wait for it

    found = Choices(project_dir=given["project_dir"], profiles_dir=given["profiles_dir"])
    return open_state_workspace(found, warn)


def _console() -> Any:
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    return Console(highlight=False)
