"""How the time of an evaluation grows with points, examples, width and depth, and its figure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.speed.clock import in_turns
from benchmarks.speed.subject import run, write_images, write_pair
from lmctool.report.look import look_of
from lmctool.report.scales import log_axis
from lmctool.report.style import applied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.run.run import Run

POINTS = (2, 4, 8, 16, 32)
EXAMPLES = (1000, 2000, 4000, 8000, 16000)
WIDTHS = (128, 256, 512, 1024)
DEPTHS = (4, 8, 16, 32)
FEW = 4000
"""Examples where their number is not what varies."""
WIDTH = 512


def growth(folder: Path, device: str, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Return the median seconds over each size of the work.

    Perceptrons are evaluated along a path; what does not vary is 4 points, 4,000 examples, a
    width of 512 and 8 layers.

    Returns:
        For each size its values and the ``seconds``; width as the number of weights.
    """
    standard = {"width": WIDTH, "depth": 8}

    def prepared(examples: int = FEW, **arguments: int) -> Run:
        (folder / str(arguments)).mkdir(exist_ok=True)
        pair = write_pair(folder / str(arguments), "MLP", **standard | arguments)
        return run(pair, write_images(folder, 2, examples), device, 2)

    one = prepared()
    wide = {width: prepared(width=width) for width in WIDTHS}
    sizes: dict[str, list[tuple[float, Callable[[], object]]]] = {
        "points": [(points, partial(_follow, one, points)) for points in POINTS],
        "examples": [(count, partial(_follow, prepared(count))) for count in EXAMPLES],
        "weights (by width)": [(_weights(each), partial(_follow, each)) for each in wide.values()],
        "layers": [(depth, partial(_follow, prepared(depth=depth))) for depth in DEPTHS],
    }
    found = {}
    for name, ways in sizes.items():
        for _, way in ways:
            way()
        taken: NDArray[np.float64] = in_turns([way for _, way in ways], repeats)
        found[name] = {
            "size": [float(size) for size, _ in ways],
            "seconds": np.median(taken, axis=0).tolist(),
        }
    return found


def _follow(work: Run, points: int = 4) -> None:
    a, b = work.weights(0), work.weights(1)
    alphas = np.linspace(0.1, 0.9, points)
    work.evaluate((work.batchnorm.mix(a, b, float(alpha)) for alpha in alphas), count=points)


def _weights(work: Run) -> int:
    return sum(tensor.numel() for tensor in work.weights(0).values())


def exponent(curve: Mapping[str, list[float]]) -> float:
    """Return the slope of seconds over size, both as logarithms, of the upper half of sizes."""
    size, seconds = (np.log(curve[name]) for name in ("size", "seconds"))
    upper = len(size) // 2
    return float(np.polyfit(size[upper - 1 :], seconds[upper - 1 :], 1)[0])


def _short(size: float) -> str:
    """Return a number for an axis: 32, 4k, 2.2M."""
    if size < 1000:
        return f"{size:.0f}"
    return f"{size / 1e3:.0f}k" if size < 1e5 else f"{size / 1e6:.1f}M"


def draw(found: Mapping[str, Mapping[str, list[float]]], path: Path) -> None:
    """Draw the time over each size, beside a line that is proportional to it."""
    with applied():
        figure = Figure(figsize=(10, 3), layout="constrained")
        for axes, (name, curve) in zip(figure.subplots(1, len(found)), found.items(), strict=True):
            size, seconds = np.array(curve["size"]), np.array(curve["seconds"])
            even: dict[str, Any] = {"color": "0.6", "linestyle": "--", "marker": ""}
            axes.plot(size, seconds[-1] * size / size[-1], label="proportional", **even)
            axes.plot(size, seconds, label="measured", **look_of(0).line)
            axes.set_xlabel(name)
            axes.set_title(f"exponent {exponent(dict(curve)):.2f}")
            log_axis(axes.xaxis)
            log_axis(axes.yaxis)
            axes.set_xticks(size, [_short(each) for each in size])
        figure.axes[0].set_ylabel("seconds")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        figure.savefig(path, dpi=100)
