"""``sqlorch export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sqlorch.cli.options import project_options


@click.command()
@click.option(
    "--to",
    "targets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File to publish to: metrics.duckdb, metrics.sqlite. Those of sqlorch.yml by default.",
)
@click.option("-t", "--target", help="Target of the profile.")
@project_options
def export(*, targets: tuple[Path, ...], **given: Any) -> None:
    """Publish metrics tables, and the history of runs, for dashboards.

    Which models: 'exports: {select: ...}' in sqlorch.yml, or meta.sqlorch.export: true on a model. Each file
    is replaced as a whole: a dashboard sees the old tables or the new ones.
    """
    from sqlorch.app.own_target import require_target  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.publishing import publish  # noqa: PLC0415 - likewise
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - likewise
    from sqlorch.domain.errors import ConfigError  # noqa: PLC0415 - likewise

    names = ("project_dir", "profiles_dir", "target")
    workspace = open_workspace(Choices(**{name: given[name] for name in names}))
    paths = [Path.cwd() / target for target in targets] or list(workspace.settings.exports.to)
    if not paths:
        raise ConfigError(
            "say where to: --to metrics.duckdb, or 'exports: {to: [metrics.duckdb]}' in sqlorch.yml"
        )
    with workspace.store() as store:
        session = workspace.session()
        try:
            require_target(store, session.target_name)
            published = publish(workspace, session, store, paths)
        finally:
            session.close()
    for publication in published.publications:
        click.echo(f"published to {publication.path} ({publication.size / 1_000_000:.1f} MB)")
        for name, rows in publication.rows.items():
            click.echo(f"  {name:<32} {rows:>10,} rows")
    for notice in published.notices:
        click.echo(notice)
