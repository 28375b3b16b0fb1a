"""Show how far an unfinished run is: what is done, by whom, and what failed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli.command import Command
from lmctool.cli.key_values import aligned
from lmctool.report.terminal import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.results.table import Table
    from lmctool.spread.tally import Tally


@click.command("work", cls=Command)
@click.argument("folder", metavar="OUT.h5.work", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of the tables.")
def command(folder: Path, as_json: bool) -> None:
    """Show how far the run is whose finished work OUT.h5.work has, which may be at work now.

    Of each list of independent items (pairs, networks) that it has come to: how many are done, on
    which machines and in what time, and which failed; then who is at work on what, the time left as
    far as the times so far tell it, and what to type next. Lists that come later are not known.
    """
    from lmctool.spread.tally import tally

    told = tally(folder)
    if as_json:
        echo_json(_document(told))
    else:
        _show(told)


def _show(told: Tally) -> None:
    from rich.console import Console

    from lmctool.report.terminal import render

    console = Console()
    for table in _tables(told):
        render(table, console)
        echo()
    left = told.seconds_left
    lines = [("time left", _duration(left))] if left is not None else []
    echo(aligned([*lines, ("next", _next(told))]))


def _tables(told: Tally) -> Iterator[Table]:
    """Yield what there is to show."""
    from lmctool.results.table import Table

    lists = tuple(
        (_name(each.told.what), str(each.done), str(each.told.count), str(len(each.failures)))
        for each in told.lists
    )
    notes = () if lists else ("nothing is known to be done yet",)
    title = told.command or "Work of a run that does not say its command"
    yield Table(title, ("items", "done", "of", "failed"), lists, notes)
    rows = tuple(
        (
            *(_name(each.told.what), part.host, part.device, str(part.items)),
            f"{part.seconds / part.items:.3g}",
        )
        for each in told.lists
        for part in each.parts
    )
    if rows:
        yield Table("Done by", ("items", "host", "device", "done", "s each"), rows, keys=2)
    failed = tuple(
        (_name(each.told.what), failure.key, failure.worker.host, failure.cause)
        for each in told.lists
        for failure in each.failures
    )
    if failed:
        yield Table("Failed", ("items", "item", "host", "why"), failed, keys=2)
    busy = tuple(
        (
            f"{each.role} {each.share}".rstrip(),
            each.worker.host,
            str(each.worker.process),
            each.item or "-",
        )
        for each in told.processes
    )
    if busy:
        yield Table("At work", ("who", "host", "process", "on"), busy)


def _next(told: Tally) -> str:
    """Return what is to be done next."""
    roles = {each.role for each in told.processes}
    gather = f"type: {told.resumed}" if told.resumed else "give its command with --resume"
    if "run" in roles:
        return "wait for the run that is at work; it writes the result"
    if "shard" in roles:
        return f"once the shards have ended, {gather}"
    if any(each.failures for each in told.lists):
        return f"see to what failed; then start its shards again, or {gather}"
    if any(each.left for each in told.lists):
        return f"start the shards again whose items are left, or compute all here; {gather}"
    return gather


def _document(told: Tally) -> dict[str, Any]:
    """Return the JSON form."""
    return {
        "command": told.command,
        "lists": [
            {
                "items": each.told.what,
                "done": each.done,
                "of": each.told.count,
                "by": [
                    {
                        "host": part.host,
                        "device": part.device,
                        "done": part.items,
                        "seconds": part.seconds,
                    }
                    for part in each.parts
                ],
                "failed": [
                    {"item": one.key, "host": one.worker.host, "why": one.cause}
                    for one in each.failures
                ],
            }
            for each in told.lists
        ],
        "at_work": [
            {
                "role": each.role,
                "share": each.share,
                "host": each.worker.host,
                "device": each.worker.device,
                "process": each.worker.process,
                "item": each.item,
            }
            for each in told.processes
        ],
        "seconds_left": told.seconds_left,
        "next": _next(told),
    }


def _name(what: str) -> str:
    return what or "(not said)"


def _duration(seconds: float) -> str:
    """Return a time in two units at most.

    >>> [_duration(seconds) for seconds in (4.2, 75, 3725)]
    ['about 4 s', 'about 1 min 15 s', 'about 1 h 2 min']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"about {hours} h {minutes} min"
    return f"about {minutes} min {rest} s" if minutes else f"about {rest} s"
