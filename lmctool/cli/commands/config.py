"""Show the settings of lmctool.toml and the environment, and the origin of each."""

from __future__ import annotations

import click

from lmctool.cli.options import TRUST_CONFIG

ANSWERS = {True: "yes", False: "no", None: "-"}


@click.group("config")
def command() -> None:
    """Settings of lmctool.toml in this folder and in your own, and of the environment."""


@command.command("show")
@click.option("--trust-config", **TRUST_CONFIG)
def show(trust_config: bool) -> None:
    """Show each setting with its value, its origin, and whether it may name Python code.

    The environment takes precedence over lmctool.toml of this folder, and that over the one in your
    own configuration folder. Command-line options and the metadata of checkpoints are not shown.
    """
    from rich.console import Console

    from lmctool.config import settings
    from lmctool.report.terminal import render
    from lmctool.results.table import Table

    rows = tuple(
        (each.key, each.value or "-", each.origin, ANSWERS[each.code])
        for each in settings(trusted=trust_config)
    )
    render(Table("Settings", ("key", "value", "from", "may name code"), rows), Console())
