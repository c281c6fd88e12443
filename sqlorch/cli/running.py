"""What ``run`` and ``retry`` do between the options and the summary."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import click
from rich.console import Console

from sqlorch.app.awaiting import UnmetError
from sqlorch.app.manual_alerts import alert_after
from sqlorch.app.retrying import hand_over, retry
from sqlorch.app.run_hints import Unlike, unlike_before
from sqlorch.app.running import Ended, Outlook, Progress, Request, plan_only, run
from sqlorch.app.workspace import Choices, Workspace, open_workspace
from sqlorch.cli import text
from sqlorch.cli.live import LiveProgress
from sqlorch.cli.plain import PlainProgress, Silence
from sqlorch.cli.summary import Failure, anomaly_document, as_document, exit_code, failed, print_ended
from sqlorch.config.places import one_line
from sqlorch.domain.describe import compact
from sqlorch.domain.errors import ConfigError
from sqlorch.engine.node_specs import Overrides
from sqlorch.engine.planner import Plan
from sqlorch.engine.ports import Listener
from sqlorch.engine.stop import Stop

_INTERRUPTED = 130


def run_command(given: Mapping[str, Any]) -> int:
    """Do what ``sqlorch run`` was told; returns the exit code."""
    workspace = open_workspace(choices(given))
    request = Request(
        interval=given["interval"],
        bounds=_bounds(given),
        select=given["select"],
        exclude=given["exclude"],
        groups=given["groups"],
        as_one=given["as_one"],
        fail_fast=given["fail_fast"],
        overrides=overrides(given),
        command=command_line(),
        wait=not given["no_wait"],
        sensors=_sensors(given),
    )
    console = output(given)
    if given["dry_run"]:
        print_plan(plan_only(workspace, request, tell=warn), console, as_json=given["as_json"])
        return 0
    try:
        with stopping() as stop:
            ended = run(workspace, request, progress=progress(console), stop=stop, tell=warn)
    except UnmetError as error:
        click.echo(f"Error: {error}", err=True)
        alert_after(workspace, warn)
        return 1
    code = finish(workspace, ended, console, as_json=given["as_json"])
    alert_after(workspace, warn)
    return code


def retry_command(run_id: str, given: Mapping[str, Any]) -> int:
    """Do what ``sqlorch retry`` was told; returns the exit code."""
    workspace = open_workspace(choices(given))
    console = output(given)
    handed = hand_over(workspace, run_id)
    if handed is not None:
        return _tell_handed_over(run_id, *handed, console, as_json=given["as_json"])
    with stopping() as stop:
        ended = retry(
            workspace,
            run_id,
            overrides=overrides(given),
            fail_fast=given["fail_fast"],
            command=command_line(),
            progress=progress(console),
            stop=stop,
            tell=warn,
            wait=not given["no_wait"],
        )
    if not ended.runs:
        console.print(f"{run_id} has no failed or skipped node; there is nothing to retry")
    code = finish(workspace, ended, console, as_json=given["as_json"])
    alert_after(workspace, warn)
    return code


def _tell_handed_over(run_id: str, gen: int, pid: int, console: Console, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"run_id": run_id, "state": "queued", "generation": gen}, indent=2))
    console.print(
        f"{run_id} is queued again; the daemon (process {pid}) drives it", highlight=False, soft_wrap=True
    )
    return 0


def choices(given: Mapping[str, Any]) -> Choices:
    """The shared options as the application wants them; what a command does not have is not said."""
    return Choices(
        project_dir=given.get("project_dir"),
        profiles_dir=given.get("profiles_dir"),
        target=given.get("target"),
        threads=given.get("threads"),
        processes=given.get("processes"),
        vars=given.get("vars_"),
        full_refresh=bool(given.get("full_refresh")),
    )


def overrides(given: Mapping[str, Any]) -> Overrides:
    """``--retries`` and ``--retry-delay``."""
    return Overrides(retries=given["retries"], retry_delay=given["retry_delay"])


def command_line() -> str:
    """How this process was called, for whoever finds the project busy."""
    return " ".join(["sqlorch", *sys.argv[1:]])


def output(given: Mapping[str, Any]) -> Console:
    """Where people read: nowhere with ``--json`` or ``--quiet``."""
    return Console(quiet=bool(given["as_json"] or given["quiet"]), highlight=False)


def progress(console: Console) -> Progress:
    """A view of what happens that suits the output."""

    def view(outlook: Outlook) -> AbstractContextManager[Listener]:
        if console.quiet:
            return Silence()
        for notice in outlook.plan.notices if outlook.plan else ():
            word = "note" if notice.due else "not due"
            console.print(f"[yellow]{word}[/] [bold]{notice.group}[/]: {notice.text}")
        total = len(outlook.plan.runs) if outlook.plan else 1
        if console.is_terminal:
            return LiveProgress(console, total=total, threads=outlook.threads, durations=outlook.durations)
        return PlainProgress(click.echo, total=total)

    return view


def warn(line: str) -> None:
    """Say on standard error what does not keep a command from going on."""
    click.echo(f"warning: {one_line(' '.join(line.split()))}", err=True)


def finish(workspace: Workspace, ended: Ended, console: Console, *, as_json: bool) -> int:
    """Tell what came of it; returns the exit code."""
    failures, unlike = _looked_up(workspace, ended, shown=not as_json, quiet=console.quiet and not as_json)
    if as_json:
        document = as_document(ended.runs, dict(ended.nodes))
        document["anomalies"] = [anomaly_document(each) for each in unlike]
        if ended.plan is not None:
            document["not_due"] = [
                {"group": notice.group, "reason": notice.text}
                for notice in ended.plan.notices
                if not notice.due
            ]
        document["published"] = [str(publication.path) for publication in ended.published.publications]
        click.echo(json.dumps(document, indent=2))
    elif not console.quiet and ended.runs:
        print_ended(console, ended, failures, unlike)
    if ended.published.failure and (as_json or console.quiet):
        click.echo(f"Error: not published: {ended.published.failure}", err=True)
    return exit_code(ended.runs) or (1 if ended.published.failure else 0)


def print_plan(plan: Plan, console: Console, *, as_json: bool) -> None:
    """What ``--dry-run`` shows."""
    if as_json:
        runs = [
            {
                "group": planned.group.name,
                "interval": {
                    "start": planned.interval.start.isoformat(),
                    "end": planned.interval.end.isoformat(),
                },
                "nodes": list(planned.nodes),
            }
            for planned in plan.runs
        ]
        notices = [{"group": n.group, "due": n.due, "text": n.text} for n in plan.notices]
        click.echo(json.dumps({"runs": runs, "notices": notices}, indent=2))
        return
    for notice in plan.notices:
        word = "note" if notice.due else "not due"
        console.print(f"[yellow]{word}[/] [bold]{notice.group}[/]: {notice.text}")
    for number, planned in enumerate(plan.runs, 1):
        interval = compact(planned.interval, planned.group.timezone)
        nodes = text.number(len(planned.nodes), "node")
        console.print(f"{number:>4}  [bold]{planned.group.name}[/] {interval}: {nodes}")
    named = {uid: planned.group.name for planned in plan.runs for uid in planned.nodes}
    made, nodes = text.number(len(plan.runs), "run"), text.number(len(named), "different node")
    console.print(f"\n{made} of {nodes}; nothing was run")


@contextmanager
def stopping() -> Iterator[Stop]:
    """Turns the first SIGINT or SIGTERM into a request to stop; the second ends the process at once.

    What a process that ended at once leaves behind is seen and put right at the next start.
    """
    stop = Stop()

    def on_signal(_number: int, _frame: object) -> None:
        if not stop.waited_for:
            stop.request()  # a driver may swallow the exception; whoever sees its error can tell
            raise KeyboardInterrupt
        if stop.requested:
            os._exit(_INTERRUPTED)
        click.echo("\nstopping: running queries are cancelled; once more ends at once", err=True)
        stop.request()

    wanted = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, on_signal) for number in wanted}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sensors(given: Mapping[str, Any]) -> str:
    wait, ignore = given["wait_for_sensors"], given["ignore_sensors"]
    if wait and ignore:
        raise ConfigError("--wait-for-sensors and --ignore-sensors exclude each other")
    return "wait" if wait else "ignore" if ignore else "look"


def _bounds(given: Mapping[str, Any]) -> tuple[str, str] | None:
    start, end = given["start"], given["end"]
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise ConfigError("--start and --end go together")
    if given["interval"] is not None:
        raise ConfigError("--interval says both ends; leave out --start and --end")
    return start, end


def _looked_up(
    workspace: Workspace, ended: Ended, *, shown: bool, quiet: bool
) -> tuple[list[Failure], list[Unlike]]:
    """Each failed node with its last attempt, where they are shown; and what was unlike before."""
    if not ended.runs or quiet:
        return [], []
    with workspace.store() as store:
        unlike = unlike_before(store, ended.runs, ended.nodes)
        failures = [
            (record, node, store.attempts(record.run_id, node.unique_id)[-1])
            for record in (ended.runs if shown else ())
            for node in failed(ended.nodes[record.run_id])
        ]
    return failures, unlike
