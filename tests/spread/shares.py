"""An analysis as files, whose items meet with what a folder says, in whichever process they are.

Files of the folder ``meet`` are called ``NUMBER-WHAT`` or ``NUMBER-WHAT-ONCE``; one of the latter
kind is gone once it was met with.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from lmctool.testing import tiny_pair

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result

ITEMS = 12
MODULE = '''
"""Measure shares of a network."""
import os
import signal
import time
from pathlib import Path

import click
from lmctool.api import Analysis, Group, LazyNetworks, LmctoolError, Result, Variable, hookimpl


def meet(folder, number):
    """Meet with what the folder says of an item."""
    for path in sorted(folder.glob(f"{number}-*")):
        _, what, *once = path.name.split("-")
        if once:
            path.unlink(missing_ok=True)
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raise":
            raise LmctoolError(f"item {number} is none of its kind")
        if what == "memory":
            raise MemoryError("no room")
        while what == "wait" and path.exists():
            (folder / f"reached-{number}").touch()
            time.sleep(0.02)


def compute(run, meet_with, seconds):
    """Measure the network with ever less of its weights."""
    import numpy as np

    weights = run.weights(0)

    def formed(number):
        time.sleep(seconds)
        meet(Path(meet_with), number)
        return {name: tensor * (1 - number / 20) for name, tensor in weights.items()}

    def measured(number):
        networks = LazyNetworks(formed, [number], lambda each: f"share {each}")
        return float(run.evaluate(networks).values(run.metrics[0])[0, 0])

    losses = run.map(range(ITEMS), measured, description="shares")
    values = Variable(np.array(losses), ("share",), metric="shares.loss")
    return Result("shares", {"shares": Group({"loss": values})})


@hookimpl
def lmctool_analysis():
    """Add lmctool shares."""
    options = (
        click.Option(["--meet-with"], default="meet"),
        click.Option(["--seconds"], type=float, default=0.0),
    )
    return Analysis(compute, arity=1, options=options)
'''
ENTRY = "[lmctool.analyses]\nshares = shares_of_a_network\n"
WORDS = ("shares", "a.safetensors", "--limit", "60", "--allow-chance", "-q")


def install(place: Path, items: int = ITEMS) -> Path:
    """Write the analysis as an installed distribution, and return the folder that has it."""
    site = place / "site"
    record = site / "shares-0.1.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: shares\nVersion: 0.1\n")
    (record / "entry_points.txt").write_text(ENTRY)
    source = dedent(MODULE).replace("range(ITEMS)", f"range({items})")
    (site / "shares_of_a_network.py").write_text(source)
    return site


def begin(place: Path) -> Path:
    """Write a network, and return the empty folder of what items meet with."""
    tiny_pair(place)
    (place / "meet").mkdir()
    return place / "meet"


def losses(result: Result) -> list[float]:
    """Return what was measured of each item."""
    return [float(value) for value in result.groups["shares"].variables["loss"].values]
