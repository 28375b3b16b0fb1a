"""Print the JSON Schema of the documents that --json writes."""

from __future__ import annotations

import click

from lmctool.cli.command import Command

NAMES = {"result": "result-2", "audit": "audit-2", "compare": "compare-1"}
"""The newest schema of each document, in report/schemas."""


@click.command("schema", cls=Command)
@click.argument("name", metavar="|".join(NAMES), type=click.Choice(list(NAMES)))
def command(name: str) -> None:
    """Print the JSON Schema (2020-12) of a document that --json writes.

    The document of every analysis and of lmctool show is result; audit and compare are those of
    the commands with these names.
    """
    from importlib.resources import files

    path = files("lmctool") / "report/schemas" / f"{NAMES[name]}.json"
    click.echo(path.read_text(encoding="utf-8"), nl=False)
