"""``sqlorch lineage --html``: write the page, say so, open it."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqlorch.app.clock import SystemClock
from sqlorch.app.report import lineage_report
from sqlorch.cli.text import number, size
from sqlorch.domain.masking import Masker, secrets_of
from sqlorch.reports.write import write_lineage

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.reports.model import LineageReport

FILE_NAME = "lineage.html"


def write_page(view: LineageView, select: Sequence[str], page: str | None, *, show: bool) -> int:
    """Write the report on what is selected and print its path.

    Args:
        view: the project.
        select: dbt selections; nothing for everything.
        page: the file, None for the one in the state folder.
        show: whether to open it in the browser.

    Returns:
        The exit code.
    """
    file = Path(page) if page is not None else view.workspace.state_dir / FILE_NAME
    report = lineage_report(view, view.selected(select), now=SystemClock().now())
    written = write_lineage(report, file, mask=Masker(secrets_of(os.environ)).known)
    click.echo(f"{file}: {_summary(report)}, {size(written)}")
    if not report.nodes:
        click.echo("warning: there is nothing to draw; tests are shown with what they test", err=True)
    if show and not webbrowser.open(file.absolute().as_uri()):
        click.echo("warning: no browser could be started; open the file yourself", err=True)
    return 0


def _summary(report: LineageReport) -> str:
    told = [number(len(report.nodes), "node"), number(len(report.column_edges), "column edge")]
    if not report.runs:
        told.append("no runs yet")
    return ", ".join(told)
