"""The group of all commands: the installed analyses, and the host's own."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lmctool.cli import streams
from lmctool.cli.exit import exit_code
from lmctool.errors import LmctoolError, did_you_mean
from lmctool.plugin import registry
from lmctool.plugin.exits import no_exit
from lmctool.plugin.kinds import ANALYSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Checkpoints": ("inspect", "convert", "stamp"),
    "Results": (
        "show",
        "plot",
        "report",
        "metrics",
        "compare",
        "aggregate",
        "audit",
        "rerun",
        "work",
    ),
    "Set-up": ("config", "plugins", "completion", "schema"),
}
"""The host's own commands: modules of lmctool.cli.commands, each with a ``command``."""
HOST = tuple(name for names in SECTIONS.values() for name in names)


class Commands(click.Group):
    """A group that lists entry points, and imports only the command that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the installed analyses, then the host's commands."""
        return [*_analyses(), *HOST]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command of this name, or build it from its plugin."""
        if cmd_name in HOST:
            command: click.Command = import_module(f"lmctool.cli.commands.{cmd_name}").command
            return command
        if cmd_name in _analyses():
            from lmctool.cli.analysis import AnalysisCommand

            return AnalysisCommand(cmd_name, registry.load(ANALYSES, cmd_name))
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the nearest name."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = did_you_mean(args[0], known)
            ctx.fail(f"no command is called {args[0]!r}; {near}there are: {', '.join(known)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, in a folder that is there; only the host's own code may end it.

        Raises:
            LmctoolError: the current folder was removed.
        """
        try:
            Path.cwd()
        except OSError as cause:
            raise LmctoolError(
                f"the current folder cannot be used: {cause.strerror}; change to one that is there"
            ) from cause
        with no_exit():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List each command with the first line of its module's docstring."""
        summaries = {"Analyses": {n: _summary(n) for n in _analyses()}}
        summaries |= {title: {n: _summary(n) for n in SECTIONS[title]} for title in SECTIONS}
        widest = max(len(name) for names in summaries.values() for name in names)
        for title, names in summaries.items():
            with formatter.section(title):
                formatter.write_dl([(n.ljust(widest), text) for n, text in names.items()])
        formatter.write_paragraph()
        formatter.write("lmctool COMMAND --help shows examples and the main options.\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, importing none of them."""
        return [
            CompletionItem(name)
            for name in self.list_commands(ctx)
            if name.startswith(incomplete) and not incomplete.startswith("-")
        ]

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; as a program, exit with one of ``ExitCode``."""
        words = list(sys.argv[1:] if args is None else args)
        run = partial(super().main, words, prog_name, complete_var, standalone_mode=False, **extra)
        if standalone_mode:
            with no_exit():  # not even what prints an error of theirs
                sys.exit(streams.exit_code(partial(exit_code, run, words)))
        return run()


def _analyses() -> list[str]:
    """Return the names of analyses, except those that a command of the host has."""
    return [name for name in registry.names(ANALYSES) if name not in HOST]


def _summary(name: str) -> str:
    """Return the first line of the docstring of a command's module, without a full stop."""
    if name in HOST:
        return registry.first_line(f"lmctool.cli.commands.{name}").rstrip(".")
    return registry.summary(ANALYSES, name).rstrip(".")


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"lmctool {version('lmctool')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    options_metavar="",
    subcommand_metavar="COMMAND ...",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks of errors.")
def main() -> None:
    """Linear mode connectivity of saved checkpoints.

    Can two trained networks be joined by a straight line in weight space without a rise of the
    loss? Which layers and examples stand in the way? Do permutation of neurons and REPAIR help?

        lmctool barrier a.safetensors b.safetensors --align --repair
    """
