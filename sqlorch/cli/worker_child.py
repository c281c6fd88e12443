"""``sqlorch _worker``: executes runs for the daemon, which must stay small."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli.options import processes_option, read_options


@click.command(name="_worker", hidden=True)
@click.option("--keep", type=int, multiple=True, help="Inherited descriptors that end with this process.")
@click.option("--threads", type=int, help="Nodes executed at once; the profile's number by default.")
@processes_option
@read_options
def worker_child(*, keep: tuple[int, ...], **given: Any) -> int:
    """Execute runs as told on standard input, and tell of them on standard output, in lines of JSON."""
    from sqlorch.executors.worker_streams import take_over_streams  # noqa: PLC0415 - help must not wait for it

    channel = take_over_streams(keep)  # first of all: from here on nothing printed can reach the daemon

    from sqlorch.app.worker import serve  # noqa: PLC0415 - likewise
    from sqlorch.cli.running import choices  # noqa: PLC0415 - likewise

    return serve(choices(given), channel)
