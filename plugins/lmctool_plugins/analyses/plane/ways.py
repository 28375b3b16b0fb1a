"""The ways to span a plane, of which one command line asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from lmctool.api import Run
    from lmctool.api.advanced import Series

Way = Literal["checkpoints", "align", "random", "run"]
COUNTS: dict[Way, int] = {"checkpoints": 3, "align": 2, "random": 1, "run": 1}
"""How many checkpoints each takes."""
FLAGS: dict[Way, str] = {"align": "--align", "random": "--random", "run": "--run"}
WAYS = (
    "a plane is spanned by three checkpoints, by two and --align, or by one and either --random or"
    " --run FOLDER"
)
MARGIN, REACH = 0.2, 1.0


def chosen_way(
    run: Run, *, random: bool, path: Series | None, margin: float | None, reach: float | None
) -> Way:
    """Return the way that the options ask for.

    Raises:
        LmctoolError: they ask for none, for more than one, or for something that it has not.
    """
    asked: dict[Way, bool] = {
        "align": run.settings.aligns,
        "random": random,
        "run": path is not None,
    }
    named: list[Way] = [way for way, is_asked in asked.items() if is_asked]
    way = named[0] if named else "checkpoints"
    if len(named) > 1 or run.count != COUNTS[way]:
        flags = " and ".join(FLAGS[each] for each in named)
        s = "" if run.count == 1 else "s"
        raise LmctoolError(
            f"{WAYS}; given: {run.count} checkpoint{s}{f' and {flags}' if flags else ''}"
        )
    if reach is not None and way != "random":
        raise LmctoolError("--reach is how far --random goes; give that too, or --margin")
    if margin is not None and way == "random":
        raise LmctoolError("--margin is room around checkpoints or a run; --random has --reach")
    if run.settings.batchnorm == "b" and COUNTS[way] == 1:
        raise LmctoolError(
            f"--batchnorm b takes the running statistics of B, and a plane of {FLAGS[way]} has A"
            " alone; --batchnorm a takes those"
        )
    return way


def grid_shape(points: str) -> tuple[int, int]:
    """Return how many points a grid has along x and along y.

    >>> grid_shape("21"), grid_shape("41x21")
    ((21, 21), (41, 21))

    Args:
        points: the value of ``--points``.

    Raises:
        LmctoolError: it says something else, or fewer than 3.
    """
    words = points.lower().split("x")
    if len(words) > 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise LmctoolError(
            f"--points takes a number such as 21, or two as in 41x21, not {points!r}"
        )
    numbers = [int(word) for word in words]
    if min(numbers) < 3:
        raise LmctoolError(f"--points must be 3 or more along each side, not {points!r}")
    return numbers[0], numbers[-1]
