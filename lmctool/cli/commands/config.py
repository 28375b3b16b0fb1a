"""Show the settings of lmctool.toml and the environment, and the origin of each."""

from __future__ import annotations

import click


@click.group("config")
def command() -> None:
    """Settings of lmctool.toml in this folder, and of the environment."""


@command.command("show")
def show() -> None:
    """Show each setting with its value and its origin.

    The environment takes precedence over the file. Command-line options and the metadata of
    checkpoints are not shown.
    """
    from rich.console import Console

    from lmctool.config import origins
    from lmctool.report.terminal import render
    from lmctool.results.table import Table

    rows = tuple((key, value or "-", origin) for key, value, origin in origins())
    render(Table("Settings", ("key", "value", "from"), rows), Console())
