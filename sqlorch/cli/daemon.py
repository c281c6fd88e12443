"""``sqlorch daemon``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from sqlorch.cli.options import read_options

HELD = 3


@click.command()
@click.option("--once", is_flag=True, help="Do what is due, then end; for cron and for tests.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    help="Seconds a node under way gets when told to stop.  [default: daemon.grace, 30]",
)
@click.option(
    "--health",
    envvar="SQLORCH_HEALTH",
    show_envvar=True,
    help="Address for /healthz and /readyz, or off.  [default: daemon.health, 127.0.0.1:8391]",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the lines on standard error are written.",
)
@click.option("-v", "--verbose", is_flag=True, help="A line for every node, not only for runs.")
@click.option("--status", is_flag=True, help="Say how the daemon of this project is, and end.")
@click.option("--probe", is_flag=True, help="Ask the health address; for health checks of containers.")
@click.option("--threads", type=int, help="Nodes executed at once; the profile's number by default.")
@read_options
def daemon(*, status: bool, probe: bool, **given: Any) -> int:
    """Run what is due, for ever.

    Groups run on their schedules, and whatever was missed is caught up with. SIGTERM or Ctrl-C drains: nodes
    under way are finished for --grace seconds, then cut, and the run goes on at the next start. A second one
    cuts at once. SIGHUP reads the project anew, which also happens by itself when a file changes.

    \b
    Exit codes: 0 stopped as told, 1 a run failed (--once), 2 the project or the command line is wrong,
    3 another daemon is there, 4 the state could not be used for ten minutes.
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    if probe:
        return _probe(given["health"])
    if status:
        from sqlorch.cli.daemon_status import print_status  # noqa: PLC0415 - reads the settings

        return print_status(given)
    return _run(given)


def _run(given: Mapping[str, Any]) -> int:
    from sqlorch.app.daemon_start import (  # noqa: PLC0415 - likewise
        DaemonOptions,
        HeldError,
        run_daemon,
    )
    from sqlorch.app.journal import Journal  # noqa: PLC0415 - help must not wait for it

    options = DaemonOptions(
        project=_project_options(given),
        grace=given["grace"],
        once=given["once"],
        health=given["health"],
        command=_command(),
    )
    journal = Journal(as_json=given["log_format"] == "json", detailed=given["verbose"])
    try:
        return run_daemon(options, journal)
    except HeldError as error:
        click.echo(f"Error: {error}", err=True)
        return HELD


def _project_options(given: Mapping[str, Any]) -> list[str]:
    """The options that name and open the project, for the processes that do."""
    names = {"project_dir": "--project-dir", "profiles_dir": "--profiles-dir", "target": "--target"}
    names |= {"vars_": "--vars", "threads": "--threads"}
    words: list[str] = []
    for name, option in names.items():
        if given.get(name) is not None:
            words += [option, str(given[name])]
    return words


def _command() -> str:
    import sys  # noqa: PLC0415 - only here

    return " ".join(["sqlorch", *sys.argv[1:]])


def _probe(address: str | None) -> int:
    """Ask ``/healthz``; 0 when the daemon says it is well."""
    from urllib.error import URLError  # noqa: PLC0415 - only here
    from urllib.request import urlopen  # noqa: PLC0415 - likewise

    host, _, port = (address or "127.0.0.1:8391").rpartition(":")
    url = f"http://{'127.0.0.1' if host in {'', '0.0.0.0'} else host}:{port}/healthz"  # noqa: S104 - recognised, not bound
    try:
        with urlopen(url, timeout=4.0) as answer:
            click.echo(answer.read().decode().strip())
            return 0
    except (URLError, OSError) as error:
        click.echo(f"Error: {url}: {error}", err=True)
        return 1
