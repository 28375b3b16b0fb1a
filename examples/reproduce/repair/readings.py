"""What the page reads from results of lmctool: barriers, midpoints and ratios of variances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reading import pick, value

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PLAIN, ALIGNED, REPAIRED, BOTH = "plain", "align", "repair", "align+repair"
MIDDLE = 0.5


def alphas(path: Path) -> Array:
    """Return (alpha,) the positions of a barrier's curves."""
    return pick(path, "barrier/curve/alpha")


def curve(path: Path, variant: str, metric: str = "error") -> Array:
    """Return (alpha,) a variant's values along the path."""
    return pick(path, f"barrier/curve/{metric}", variant=variant)


def at(path: Path, variant: str, alpha: float = MIDDLE, metric: str = "error") -> float:
    """Return a variant's value at one position, by default the midpoint."""
    return value(path, f"barrier/curve/{metric}", variant=variant, alpha=alpha)


def barrier(path: Path, variant: str, metric: str = "error") -> float:
    """Return the barrier of a variant."""
    return value(path, f"barrier/summary/barrier_{metric}", variant=variant)


def reduction(path: Path, metric: str = "error") -> float:
    """Return by what share REPAIR lowers the barrier of alignment; NaN where there is none."""
    before, after = (barrier(path, variant, metric) for variant in (ALIGNED, BOTH))
    return 1 - after / before if before > 0 else float("nan")


def ends(path: Path, metric: str = "error") -> list[float]:
    """Return the values of both ends."""
    return [float(each) for each in pick(path, f"barrier/ends/{metric}")]


def mean_end(path: Path, metric: str = "error") -> float:
    """Return the mean value of both ends."""
    return sum(ends(path, metric)) / 2


def ratio(path: Path, variant: str) -> Array:
    """Return (layer,) the variance at the midpoint over that of the ends, from first to last."""
    return pick(path, "variance/layers/ratio", variant=variant)


def correlation(path: Path, variant: str) -> Array:
    """Return (layer,) the mean correlation of matched units."""
    return pick(path, "variance/pairs/correlation", variant=variant)


def deviations(path: Path, variant: str) -> tuple[Array, Array]:
    """Return (channel,) the goals and the standard deviations of the one layer that was kept."""
    goal, own = (
        pick(path, f"variance/channels/{name}", variant=variant) for name in ("goal_std", "std")
    )
    return goal, own
