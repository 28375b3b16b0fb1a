"""List the installed plugins, their distributions, and whether they load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, KINDS
from lmctool.report.terminal import echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from lmctool.plugin.kinds import Kind


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(as_json: bool) -> None:
    """List the installed plugins, their distributions, and whether they load.

    Each plugin is imported to try it; the list shows why a broken one fails.
    """
    plugins = list(_plugins())
    if as_json:
        echo_json({"schema": "lmctool.plugins/1", "plugins": plugins})
        return
    from rich.console import Console

    from lmctool.report.terminal import render
    from lmctool.results.table import Table

    columns = ("kind", "name", "distribution", "loads", "help")
    rows = tuple(
        (p["kind"], p["name"], p["distribution"], p["problem"] or "yes", p["help"]) for p in plugins
    )
    broken = sum(1 for plugin in plugins if plugin["problem"])
    notes = (f"{len(plugins)} plugins, {broken} broken",)
    render(Table("Installed plugins", columns, rows, notes), Console())


def _plugins() -> Iterator[dict[str, str]]:
    for kind in KINDS:
        for entry in registry.installed(kind):
            yield {
                "kind": kind.word,
                "name": entry.name,
                "distribution": _distribution(entry),
                "problem": _problem(kind, entry.name),
                "help": registry.summary(kind, entry.name),
            }


def _distribution(entry: EntryPoint) -> str:
    return f"{registry.owner(entry)} {entry.dist.version if entry.dist else ''}".strip()


def _problem(kind: Kind[Any], name: str) -> str:
    """Return why a plugin cannot be used; empty if it can."""
    from lmctool.cli.group import HOST

    if kind is ANALYSES and name in HOST:
        return f"no: {name!r} is a command of lmctool itself"
    try:
        registry.load(kind, name)
    except LmctoolError as error:
        return f"no: {error}"
    return ""
