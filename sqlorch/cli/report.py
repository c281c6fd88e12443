"""``sqlorch report``."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import project_options


@click.command()
@click.argument("run_id", required=False, shell_complete=suggest.runs)
@click.option("--html", "page", metavar="FILE", help="The file to write; in the run's folder by default.")
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@project_options
def report(run_id: str | None, page: str | None, *, show: bool, **given: Any) -> None:
    """Write a page on a run, RUN_ID or the newest: one file that needs no network.

    \b
    sqlorch report --open
    sqlorch report manual-20130103T000000Z-7f3a --html run.html
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.app.clock import SystemClock  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.run_report import run_report  # noqa: PLC0415 - likewise
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - likewise
    from sqlorch.cli.text import number, size  # noqa: PLC0415 - likewise
    from sqlorch.reports.write import write_run  # noqa: PLC0415 - likewise

    workspace = open_workspace(Choices(project_dir=given["project_dir"], profiles_dir=given["profiles_dir"]))
    made = run_report(workspace, run_id, now=SystemClock().now())
    file = Path(page) if page is not None else workspace.run_dir(made.run_id) / "report.html"
    written = write_run(made, file)
    click.echo(f"{file}: {made.run_id} {made.state}, {number(len(made.nodes), 'node')}, {size(written)}")
    if show and not webbrowser.open(file.absolute().as_uri()):
        click.echo("warning: no browser could be started; open the file yourself", err=True)
