"""``sqlorch alerts``: list, send, test."""

from __future__ import annotations

from typing import Any

import click

from sqlorch.cli.options import project_options


@click.group()
def alerts() -> None:
    """Look at alerts: what people were told, what waits to be sent, whether messages arrive."""


@alerts.command("list")
@click.option("--unsent", is_flag=True, help="Only what waits to be sent, and what nobody could be told.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def list_(**given: Any) -> int:
    """List alerts, the newest first, and how each stands with its receivers."""
    from sqlorch.cli.alerts_text import list_alerts  # noqa: PLC0415 - help must not wait for it

    return list_alerts(given)


@alerts.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@project_options
def send(**given: Any) -> int:
    """Send now what waits, and once more what was given up.

    \b
    Exit codes: 0 all of it was taken, 1 a receiver did not take it, 2 nothing could be sent.
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.cli.alerts_text import send_alerts  # noqa: PLC0415 - help must not wait for it

    return send_alerts(given)


@alerts.command()
@click.option("--receiver", "names", multiple=True, help="Only this one, by name.")
@project_options
def test(**given: Any) -> int:
    """Send a test message to each receiver, and say what happened.

    \b
    Exit codes: 0 all have taken it, 1 one has not, 2 there is no receiver.
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from sqlorch.cli.alerts_text import test_receivers  # noqa: PLC0415 - help must not wait for it

    return test_receivers(given)
