"""``sqlorch docs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import project_options


@click.command()
@click.argument("run_id", required=False, shell_complete=suggest.runs)
@click.option(
    "--last", type=click.IntRange(min=1), default=50, show_default=True, help="How many of the newest runs."
)
@click.option(
    "--to", type=click.Path(path_type=Path), help="Folder to write; docs in the state folder by default."
)
@click.option("--open", "open_", is_flag=True, help="Open the first page in the browser.")
@project_options
def docs(*, run_id: str | None, last: int, to: Path | None, open_: bool, **given: Any) -> None:
    """Make pages of what Great Expectations found (Data Docs), of RUN_ID or of the newest runs.

    The folder is replaced. It opens from disk, without a server.
    """
    from sqlorch.app.docs import expectation_docs  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - likewise

    workspace = open_workspace(Choices(project_dir=given["project_dir"], profiles_dir=given["profiles_dir"]))
    folder = None if to is None else Path.cwd() / to
    made = expectation_docs(workspace, run_id=run_id, last=last, folder=folder)
    click.echo(f"{made.validations} validations: {made.index}")
    if open_:
        click.launch(made.index.as_uri())
