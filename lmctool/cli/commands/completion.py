"""Print a script for shell completion of commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_LMCTOOL_COMPLETE"
HOW = {
    "bash": 'eval "$(lmctool completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(lmctool completion zsh)"  # in ~/.zshrc',
    "fish": "lmctool completion fish | source  # in ~/.config/fish/config.fish",
}


@click.command("completion", epilog="\b\n" + "\n".join(HOW.values()))
@click.argument("shell", type=click.Choice(list(HOW)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that completes commands, options and their values in a shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"this version of click completes nothing in {shell}")
    click.echo(kind(context.find_root().command, {}, "lmctool", VARIABLE).source())
