"""The same numbers: from run to run, strategy to strategy, and from a GPU as from a CPU."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gpu.checkout import ROOT
from benchmarks.gpu.command_run import lmctool, side_by_side
from benchmarks.gpu.setting import Found, tried

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.gpu.setting import Setting

    Arrays = dict[str, NDArray[np.float64] | NDArray[np.int64]]

PAIR = tuple(ROOT / f"examples/digits/{name}.safetensors" for name in "ab")
"""Two trained networks, which the checkout has."""
CLOSE = 1e-4
"""Greatest difference of a loss, in nats, or of an error between a GPU and a CPU."""
CURVES = ("curve/loss", "curve/error", "ends/loss", "ends/error", "barrier_loss", "barrier_error")
AT_ONCE = 4


def measure(setting: Setting) -> Iterator[Found]:
    """Run the main command on two trained networks in several ways, and compare the results."""
    gpu = str(setting.device)
    again = "graphs" if setting.on_gpu else "plain"
    ways = {
        "cpu": ("--align", "--device", "cpu"),
        "auto": ("--align", "--device", gpu),
        "auto again": ("--align", "--device", gpu),
        "plain": ("--align", "--device", gpu, "--strategy", "plain"),
        again: ("--align", "--device", gpu, "--strategy", again),
        "TF32": ("--align", "--device", gpu, "--precision", "tf32"),
    }
    if setting.on_gpu:  # on a CPU its search takes minutes
        ways["midpoint"] = ways["midpoint again"] = ("--align", "midpoint", "--device", gpu)
    places = {name: setting.folder / f"{name.replace(' ', '-')}.h5" for name in ways}
    common = ("--repair", "--points", setting.sized("11", "3"), "-q", "--force")
    commands = [
        ("barrier", *PAIR, *common, *words, "-o", places[name]) for name, words in ways.items()
    ]
    for name, done in zip(ways, side_by_side(commands, setting.sized(AT_ONCE, 1)), strict=True):
        yield Found(f"{name}: exit code", done.code, "", done.code == 0, "0")
        if done.code:
            yield Found(f"{name}: output", done.last)
    yield from tried("equal", partial(_equal, places, again))
    yield from tried("close", partial(_close, places))
    yield from tried("rerun", partial(_rerun, places["auto"]))


def _read(path: Path) -> Arrays:
    """Return all numbers of a result, by their names in the file."""
    import h5py

    found: Arrays = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


def _equal(places: dict[str, Path], again: str) -> Iterator[Found]:
    """Tell which numbers of two runs differ in any bit."""
    pairs = [("auto", "auto again", True), ("auto", "plain", False), ("plain", again, False)]
    if "midpoint" in places:
        pairs.append(("midpoint", "midpoint again", True))
    for one, other, wanted in pairs:
        a, b = _read(places[one]), _read(places[other])
        changed = [n for n in a if n not in b or a[n].tobytes() != b[n].tobytes()]
        text = f"{len(changed)} of {len(a)} arrays: {', '.join(changed)}".rstrip(": ")
        good = not changed if wanted else None
        expected = "none" if wanted else "the last bits at most"
        yield Found(f"{one} and {other}: arrays that differ in a bit", text, "", good, expected)


def _close(places: dict[str, Path]) -> Iterator[Found]:
    """Tell how far results are from each other, and whether they permute the same."""
    for one, other, wanted in (("cpu", "auto", True), ("auto", "TF32", False)):
        a, b = _read(places[one]), _read(places[other])
        for name in (n for n in a if n.endswith(CURVES)):
            difference = float(np.abs(a[name] - b[name]).max())
            good = difference <= CLOSE if wanted else None
            expected = f"<= {CLOSE}" if wanted else "the price of TF32"
            label = f"{one} and {other}: {name}, greatest difference"
            yield Found(label, difference, "", good, expected)
        moves = [n for n in a if n.startswith("permutations/permutation_")]
        same = bool(moves) and all(np.array_equal(a[n], b[n]) for n in moves)
        name = f"{one} and {other}: the same permutation"
        yield Found(name, str(same), "", same if wanted else None, "True")


def _rerun(result: Path) -> Iterator[Found]:
    done = lmctool("rerun", result)
    yield Found("rerun", done.last, "", done.code == 0, "bit for bit")
