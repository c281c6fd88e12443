"""``sqlorch init``."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click


@click.command()
@click.argument("name", type=click.Path(path_type=Path))
def init(name: Path) -> None:
    """Make a new dbt project in the folder NAME that runs at once on DuckDB.

    It holds a seed, three models (one is cut by the interval of its run), tests, a schedule, tables for
    dashboards, and a README that says what to try. The folder must not exist, or be empty.
    """
    from sqlorch.app.new_project import make_project  # noqa: PLC0415 - pydantic is slow to import

    written = make_project(name)
    click.echo(f"made the dbt project {name.resolve().name} in {name} ({len(written)} files)")
    click.echo("\nnext:")
    if name.resolve() != Path.cwd():
        click.echo(f"  cd {quote(str(name))}")
    click.echo("  sqlorch run --interval 2024-01-01/2024-01-04")
