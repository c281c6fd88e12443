"""What shell completion offers for arguments: runs and groups, without importing dbt or SQLAlchemy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

    from sqlorch.config.settings import Settings


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest runs whose id begins as typed, with group and state."""
    from sqlorch.state.glance import newest_runs  # noqa: PLC0415 - only when it is asked for

    settings = _settings(ctx)
    found = newest_runs(_state_file(settings)) if settings and settings.state_url is None else []
    return [
        CompletionItem(run_id, help=f"{group}, {state}")
        for run_id, group, state in found
        if run_id.startswith(incomplete)
    ]


def groups(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Groups of sqlorch.yml, and those that ran before, such as groups the SQL defines."""
    from sqlorch.state.glance import known_groups  # noqa: PLC0415 - only when it is asked for

    settings = _settings(ctx)
    if settings is None:
        return []
    written = {group.name: group.description for group in settings.groups}
    # a completion does not wait for a database server
    known = known_groups(_state_file(settings)) if settings.state_url is None else []
    names = sorted({*written, *known})
    return [CompletionItem(name, help=written.get(name)) for name in names if name.startswith(incomplete)]


def _settings(ctx: click.Context) -> Settings | None:
    """The settings of the project the command line or the current folder is about, if there is one."""
    from sqlorch.config.locate import find_project  # noqa: PLC0415 - only when it is asked for
    from sqlorch.config.settings import load_settings  # noqa: PLC0415 - likewise
    from sqlorch.domain.errors import ConfigError  # noqa: PLC0415 - likewise

    try:
        return load_settings(find_project(ctx.params.get("project_dir"), os.environ, Path.cwd()), os.environ)
    except (ConfigError, OSError):  # there is nothing to offer, and a completion has nowhere to complain
        return None


def _state_file(settings: Settings) -> Path:
    from sqlorch.app.workspace import STATE_FILE  # noqa: PLC0415 - only when it is asked for

    return settings.state_path / STATE_FILE
