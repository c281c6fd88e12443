"""``sqlorch catchup``."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli import suggest
from sqlorch.cli.options import read_options


@click.command()
@click.argument("group", shell_complete=suggest.groups)
@click.option("--all", "policy", flag_value="all", help="Run every one, oldest first.")
@click.option("--latest", "policy", flag_value="latest", help="Run the newest, skip the others on record.")
@click.option("--coalesce", "policy", flag_value="coalesce", help="One run over all of them.")
@click.option("--skip", "policy", flag_value="none", help="Skip all of them on record.")
@read_options
def catchup(group: str, *, policy: str | None, **given: Any) -> None:
    """Decide what becomes of the due intervals of a group that is held because there are too many."""
    from sqlorch.app.operating import decide, open_desk  # noqa: PLC0415 - help must not wait for it
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise
    from sqlorch.domain.catchup import CatchupPolicy  # noqa: PLC0415 - likewise
    from sqlorch.domain.errors import ConfigError  # noqa: PLC0415 - likewise

    if policy is None:
        raise ConfigError("say what becomes of the due intervals: --all, --latest, --coalesce or --skip")
    with open_desk(choices(given)) as desk:
        decide(desk, group, CatchupPolicy(policy))
    click.echo(f"{group} is active; what was due: {policy}")
