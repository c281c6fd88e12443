"""``sqlorch check``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlorch.cli.options import read_options

if TYPE_CHECKING:
    from sqlorch.lineage.checks import Finding


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions.")
@read_options
def check(*, as_json: bool, github: bool, **given: Any) -> int:
    """Find faults without running anything: cycles, unknown refs, unused sources, untested models.

    Exits with 1 when there is an error; warnings are told and let pass.
    """
    from sqlorch.app.lineage import check as check_files  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.lineage import project_folder  # noqa: PLC0415 - likewise
    from sqlorch.cli.lineage import choices  # noqa: PLC0415 - likewise

    if as_json and github:
        raise click.UsageError("--json and --github are two ways to print; choose one")
    findings = check_files(choices(given))
    if as_json:
        click.echo(json.dumps(document(findings), indent=2))
    elif github:
        base = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
        folder = project_folder(choices(given))
        for finding in findings:
            click.echo(annotation(finding, folder, base))
    else:
        _print(findings)
    return 1 if any(finding.severity == "error" for finding in findings) else 0


def document(findings: list[Finding]) -> dict[str, Any]:
    """The document of ``--json``."""
    return {
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "message": finding.message,
                "path": finding.path or None,
                "line": finding.line or None,
                "unique_id": finding.unique_id or None,
                "nearest": list(finding.nearest),
            }
            for finding in findings
        ],
        "errors": sum(finding.severity == "error" for finding in findings),
        "warnings": sum(finding.severity == "warning" for finding in findings),
    }


def annotation(finding: Finding, folder: Path, base: Path) -> str:
    """A workflow command of GitHub Actions ("Workflow commands", Setting an error message).

    Args:
        finding: what to annotate.
        folder: the project's folder.
        base: the checkout; GitHub wants paths relative to it.
    """
    values = {"file": _relative(folder / finding.path, base) if finding.path else "", "title": finding.rule}
    values["line"] = str(finding.line) if finding.line else ""
    properties = ",".join(
        f"{name}={_escaped(values[name], ':,')}" for name in ("file", "line", "title") if values[name]
    )
    return f"::{finding.severity} {properties}::{_escaped(finding.message)}"


def _relative(file: Path, base: Path) -> str:
    return Path(os.path.relpath(file.resolve(), base.resolve())).as_posix()


def _escaped(text: str, more: str = "") -> str:
    for letter in "%\r\n" + more:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def _print(findings: list[Finding]) -> None:
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it
    from rich.text import Text  # noqa: PLC0415 - likewise

    from sqlorch.cli.text import number  # noqa: PLC0415 - likewise
    from sqlorch.config.places import one_line  # noqa: PLC0415 - likewise

    console = Console(highlight=False)
    for finding in findings:
        line = Text(f"{finding.severity:<8}", style="bold red" if finding.severity == "error" else "yellow")
        line.append(f" {one_line(finding.place)}: " if finding.place else " ", style="not bold default")
        line.append(one_line(finding.message), style="not bold default")
        line.append(f"  [{finding.rule}]", style="not bold dim default")
        console.print(line, soft_wrap=True)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if findings:
        console.print(f"{number(errors, 'error')}, {number(warnings, 'warning')}")
    else:
        console.print("nothing to complain about")
