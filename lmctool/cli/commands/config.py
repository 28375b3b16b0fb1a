"""Show the standing choices of lmctool.toml and the environment, and where each was found."""

from __future__ import annotations

import click


@click.group("config")
def command() -> None:
    """Standing choices: lmctool.toml of this folder, and the environment."""


@command.command("show")
def show() -> None:
    """Show each choice with its value and where it was found.

    The environment goes before the file; options and what checkpoints say of themselves are not
    among these.
    """
    from rich.console import Console

    from lmctool.config import origins
    from lmctool.report.terminal import render
    from lmctool.results.table import Table

    rows = tuple((key, value or "-", origin) for key, value, origin in origins())
    render(Table("Standing choices", ("key", "value", "from"), rows), Console())
