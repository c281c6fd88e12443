"""``sqlorch _deliver``: sends alerts for the daemon and for runs, neither of which may wait for receivers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command(name="_deliver", hidden=True)
@click.option("--state-dir", required=True, type=click.Path(path_type=Path), help="The state folder.")
def deliver_child(*, state_dir: Path) -> int:
    """Deliver by the book on standard input, and say in a line of JSON what came of it."""
    from sqlorch.app.alerting import deliver, told_line  # noqa: PLC0415 - help must not wait for it
    from sqlorch.config.references import STATE_URL  # noqa: PLC0415 - likewise
    from sqlorch.domain.alert_codec import decode_book  # noqa: PLC0415 - likewise

    book = decode_book(sys.stdin.read())
    told = deliver(
        book, state_dir, command="sqlorch _deliver", url=os.environ.get(STATE_URL) or None, wait=20.0
    )
    click.echo(told_line(told))
    sys.stdout.flush()
    os._exit(0)  # a receiver that hangs has a thread that never ends
