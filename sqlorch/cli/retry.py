"""``sqlorch retry``."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import output_options, processes_option, project_options, retry_options, turn_options


@click.command()
@click.argument("run_id", shell_complete=suggest.runs)
@click.option("--fail-fast", is_flag=True, help="Stop at the first node that fails.")
@click.option("-t", "--target", help="Only to make sure: a retry runs on the target of the run.")
@click.option("--threads", type=int, help="Nodes executed at once; the profile's number by default.")
@processes_option
@turn_options
@retry_options
@project_options
@output_options
def retry(run_id: str, **given: Any) -> int:
    """Resume the failed and skipped nodes of a run, with its interval and variables.

    What a failed test or expectation reads is built again, so that repaired data gets there.

    RUN_ID is what 'sqlorch runs list' and the summary of a run show.
    """
    from sqlorch.cli.running import retry_command  # noqa: PLC0415 - help must not wait for it

    return retry_command(run_id, given)
