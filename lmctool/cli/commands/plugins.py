"""List the installed plugins and whether they load; write the package of a new one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli.command import OutputFile
from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, KINDS
from lmctool.report.terminal import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from lmctool.plugin.kinds import Kind


@click.group("plugins", invoke_without_command=True, subcommand_metavar="[new NAME KIND]")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins, their distributions, and whether they load.

    Each plugin is imported to try it; the list shows why a broken one fails.
    """
    if ctx.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json is for the list of plugins alone")
        return
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
    render(Table("Installed plugins", columns, rows, notes, keys=2), Console())


@command.command("new")
@click.argument("name")
@click.argument("kind")
@click.option(
    "-o",
    "--out",
    type=OutputFile(),
    metavar="FOLDER",
    help="The folder to write, which must not exist.  [default: lmctool-NAME]",
)
def new(name: str, kind: str, out: Path | None) -> None:
    """Write a package with a plugin NAME, to be changed into your own.

    KIND is analysis, aligner, correction, merge, model, dataset, task, score, executor or observer.
    The package can be installed and tested as it is, and the plugin does something small.
    """
    from lmctool.plugin.new_package import NewPackage, kind_called

    package = NewPackage(name, kind_called(kind))
    package.check()
    if reason := _reserved(package.kind, name):
        raise PluginError(f"{reason}; choose another name")
    folder = out or Path(package.distribution)
    package.write(folder)
    module = f"src/{package.package}/{package.module}.py"
    echo(f"{folder}: {package.kind.word} {name!r}, in {module}")
    echo("Next:")
    for words in (
        f"cd {shlex.quote(str(folder))}",
        'pip install --editable ".[dev]"',
        "python -m pytest",
        package.usage,
    ):
        echo(f"    {words}")
    echo("What describes the sample, and is to describe yours:")
    for place in (f"the docstring of {module}", "README.md", "the description in pyproject.toml"):
        echo(f"    {place}")


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
    if reason := _reserved(kind, name):
        return f"no: {reason}"
    try:
        registry.load(kind, name)
    except LmctoolError as error:
        return f"no: {error}"
    return ""


def _reserved(kind: Kind[Any], name: str) -> str:
    """Return why no plugin of a kind can have a name; empty if it can."""
    from lmctool.cli.group import HOST

    if kind is ANALYSES and name in HOST:
        return f"{name!r} is a command of lmctool itself"
    return ""
