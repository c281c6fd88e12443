"""``sqlorch completion``."""

from __future__ import annotations

import click

_VARIABLE = "_SQLORCH_COMPLETE"  # the name click gives it for a program called sqlorch


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes commands, options, runs and groups.

    Put one line into your shell's start-up file:

    \b
    bash  ~/.bashrc                   eval "$(sqlorch completion bash)"
    zsh   ~/.zshrc, after compinit    eval "$(sqlorch completion zsh)"
    fish  ~/.config/fish/config.fish  sqlorch completion fish | source
    """  # noqa: D301 - click wants the control character, not a backslash and a b
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    from sqlorch.cli.main import cli  # noqa: PLC0415 - it imports this module by its table

    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click has brought these three since 8.0
    # not .source(): for bash that starts a bash to complain about its version, and needs one to print text
    found = made(cli, {}, "sqlorch", _VARIABLE)
    click.echo(found.source_template % found.source_vars())
