"""``sqlorch _poke``: looks at sensors for the daemon, which must stay small and wait for nothing."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import click

from sqlorch.cli.options import read_options


@click.command(name="_poke", hidden=True)
@click.option("--seconds", type=float, default=600.0, help="End after this long, whatever is going on.")
@read_options
def poke_child(*, seconds: float, **given: Any) -> int:
    """Look at what standard input says, and tell what was found on standard output, in lines of JSON."""
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody else ends this process when the daemon is gone
    outgoing = os.dup(1)
    os.dup2(2, 1)  # nothing that is printed can get between the answers

    from sqlorch.app.looking import look_at_all, opened_warehouse  # noqa: PLC0415 - help must not wait for it
    from sqlorch.app.poke_messages import decode_pokes, encode_answer  # noqa: PLC0415 - likewise
    from sqlorch.app.workspace import open_workspace  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    workspace = open_workspace(choices(given))
    pokes = decode_pokes(sys.stdin.buffer.read())
    with opened_warehouse(workspace, "sqlorch daemon (a sensor)") as warehouse:
        for key, look in look_at_all(workspace, pokes, warehouse):
            os.write(outgoing, encode_answer(key, look))
    return 0
