"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

_PROJECT = (
    click.option("--project-dir", help="Folder of dbt_project.yml.  [env: DBT_PROJECT_DIR]"),
    click.option("--profiles-dir", help="Folder of profiles.yml.  [env: DBT_PROFILES_DIR]"),
)
_DBT = (
    click.option("-t", "--target", help="Target of the profile."),
    click.option("--threads", type=int, help="Nodes executed at once; the profile's number by default."),
    click.option("--vars", "vars_", help="Your own variables, as YAML: '{name: value}'."),
    click.option("--full-refresh", is_flag=True, help="Rebuild incremental models from scratch."),
)
_PROCESSES = click.option(
    "--processes",
    type=int,
    help="Processes that share these; one for each processor by default, always one on DuckDB.",
)
_ADAPTER = click.option("--adapter", help="Read the SQL as of this adapter, not the profile's: snowflake ...")
_READ = (_DBT[0], _ADAPTER, _DBT[2], *_PROJECT)
_RETRY = (
    click.option("--retries", type=click.IntRange(min=0), help="Further attempts after a transient error."),
    click.option("--retry-delay", type=click.FloatRange(min=0), help="Seconds before the first of them."),
)
_OUTPUT = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
)


_TURN = (
    click.option(
        "--no-wait", is_flag=True, help="Be refused, instead of waiting, while the daemon drives runs."
    ),
)


def _all(options: tuple[Callable[[Any], Any], ...]) -> Callable[[_F], _F]:
    def add(function: _F) -> _F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


project_options = _all(_PROJECT)
dbt_options = _all(_DBT)
read_options = _all(_READ)
retry_options = _all(_RETRY)
processes_option = _PROCESSES
output_options = _all(_OUTPUT)
turn_options = _all(_TURN)


def warn(message: str) -> None:
    """Say in one line on standard error what is wrong with a project that is steered all the same."""
    first, _, more = message.partition("\n")
    click.echo(f"Warning: {first}{' (and more)' if more else ''}; going by the state alone", err=True)
