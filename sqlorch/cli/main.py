"""The ``sqlorch`` command: finds subcommands lazily and turns errors into sentences and exit codes.

Exit codes: 0 all went well (warnings included), 1 a node, test or check failed, 2 the command line, the
configuration or the project is wrong or nothing could be executed, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from sqlorch import __version__
from sqlorch.domain.errors import SqlorchError

_NEW_OBJECTS = 20_000  # Python's default is 700
_COMMANDS = {
    "alerts": "look at alerts, send them, test their receivers",
    "backfill": "make intervals of the past again, or for the first time",
    "cancel": "cancel runs",
    "catchup": "decide on the due intervals of a group that is held",
    "check": "find cycles, unknown refs, unused sources, untested models",
    "completion": "print the completion script of your shell",
    "cron": "explain a schedule: its next fires, local and UTC",
    "daemon": "run what is due, for ever",
    "db": "look after the state file: check, backup, prune, upgrade, recover",
    "doctor": "examine the set-up: schedules, disk, versions, state, clock, daemon",
    "docs": "make pages of what Great Expectations found",
    "export": "publish metrics tables to DuckDB or SQLite files",
    "groups": "list the groups: schedules, what is due, how they fared",
    "impact": "show what a change to a model or column breaks downstream",
    "init": "make a new project that runs at once on DuckDB",
    "intervals": "show which intervals of each model are done, missing, failed or changed",
    "lineage": "show which model is made from which, down to columns",
    "mark": "set intervals to done, failed or missing by hand",
    "metrics": "show trends: slowest, flakiest and growing nodes, days, queues",
    "pause": "make no more runs of a group",
    "plan": "show what would run and why, without running it",
    "report": "write a page on a run: one file to open, print or send",
    "resume": "make runs of a paused group again",
    "retry": "resume the failed and skipped nodes of a run",
    "run": "run models and tests for an interval",
    "runs": "look at runs: list, show, logs",
    "schema": "print the JSON Schema of sqlorch.yml",
    "sensors": "look at what groups wait for: check",
    "trace": "show where a column comes from, step by step",
    "trigger": "queue a run of a group for the daemon",
    "why": "say what a group, a model or a run waits for",
}
_HIDDEN = {  # started by us, not by people
    "_deliver": "deliver_child",
    "_poke": "poke_child",
    "_snapshot": "snapshot_child",
    "_worker": "worker_child",
}
_USAGE = 2
_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command by its name."""
        if cmd_name in _HIDDEN:
            command = getattr(import_module(f"sqlorch.cli.{_HIDDEN[cmd_name]}"), _HIDDEN[cmd_name])
        elif cmd_name in _COMMANDS:
            command = getattr(import_module(f"sqlorch.cli.{cmd_name}"), cmd_name)
        else:
            return None
        assert isinstance(command, click.Command)  # noqa: S101 - each module defines its own name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command in the message when there is none of that name."""
        from difflib import get_close_matches  # noqa: PLC0415 - only for a mistyped command

        near = get_close_matches(args[0], _COMMANDS, n=1) if args else []
        if near and args[0] not in _COMMANDS | _HIDDEN and not args[0].startswith("-"):
            ctx.fail(f"There is no command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="sqlorch")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(*, debug: bool) -> None:
    """Orchestrate dbt SQL models: in lineage order, interval by interval, every node run and tested."""
    del debug


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script; never returns."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # imports and parsed projects are many objects and no garbage, in which Python would look for some
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    try:
        result = cli.main(args=arguments, prog_name="sqlorch", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else the interpreter complains at exit
        return 0
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user without --debug
        _report(error, debug="--debug" in arguments)
    else:
        return result if isinstance(result, int) else 0
    return _USAGE


def _report(error: Exception, *, debug: bool) -> None:
    if debug:
        raise error
    if isinstance(error, SqlorchError):
        text = str(error)
    elif isinstance(error, OSError):
        text = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    else:
        text = f"{type(error).__name__}: {error} (a defect of sqlorch: sqlorch --debug ... shows where)"
    click.echo(f"Error: {text}", err=True)
