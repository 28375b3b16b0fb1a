"""Figure 2: what the interpolant of two children gains, by the steps of their parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curves import draw, error, gain, mean, points
from page import Section, percent, table
from runs import follow, train_children
from verdict import Finding, Outcome, judged

if TYPE_CHECKING:
    from pathlib import Path

    from runs import Size
    from steps import Steps


def gains(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the section of this part."""
    train_children(steps, size)
    done = follow(steps, size)
    last = size.epochs * size.epoch
    drops = (last // 2, 3 * last // 4)
    panels = {
        f"k = {fork} steps": {
            "children": mean(error(path, "children") for path in of(done, fork)),
            "interpolant": mean(error(path, "plain") for path in of(done, fork)),
        }
        for fork in size.forks
    }
    figure = draw(
        steps.folder / "gains.png", panels, ("steps of the children", "test error"), drops
    )
    least, *_, most = size.forks
    some = [fork for fork in size.forks if fork > 0]
    early = {fork: [greatest(path, drops[0]) for path in of(done, fork)] for fork in some}
    ends = {fork: [gain(path).values[-1] for path in of(done, fork)] for fork in size.forks}
    worst = [gain(path, "best").values.min() for path in of(done, most)]
    rising = [sum(ends[fork]) / size.seeds for fork in size.forks]
    section = Section(
        "Figure 2: gains over k and s",
        "A parent of k steps, two children on other SGD noise for s epochs, their midpoint at"
        " every s. From k = 0 the midpoint is poor. From a small k on it is better than both"
        " children early on, and later falls behind; the larger k, the longer it is better and"
        " the slower it falls behind; from a large k it is better, or as good, all the way.",
        f"k from {least} to {most} steps ({size.epoch} steps are an epoch), children of"
        f" {size.epochs} epochs, the rate a tenth from half of them on and again from three"
        f" quarters (dotted), parents: {size.seeds}. Gains are in percentage points of accuracy;"
        " the first column is the greatest gain over the mean of the children before the rate"
        " drops.",
        tuple(steps.command(path) for path in list(done.values())[-1:]),
        (table(HEADER, rows(size, done, drops[0])),),
        ((figure, "Test error of children and interpolant for each k"),),
        (
            Finding(
                "k = 0: the interpolant is poor",
                judged(max(ends[least]) < -0.1),
                "gain at the end " + points(ends[least]),
            ),
            Finding(
                "k > 0: better than the mean of the children early on",
                judged(min(map(min, early.values())) > 0),
                "; ".join(f"k = {fork}: {points(each)}" for fork, each in early.items()),
            ),
            Finding(
                "the larger k, the less it has fallen behind at the end",
                judged(rising == sorted(rising)),
                points(rising),
            ),
            Finding(
                "the largest k: never clearly worse than the better child",
                Outcome.AGREES if min(worst) > -0.01 else Outcome.DIFFERS,
                "least gain over the better child " + points(worst),
            ),
        ),
    )
    return (section,)


HEADER = ("k", "greatest early gain", "gain at the end", "children at the end", "interpolant")


def rows(size: Size, done: dict[tuple[int, int, int], Path], until: int) -> list[tuple[str, ...]]:
    """Return the cells of the table, one row for each k, one number for each seed."""
    return [
        (
            str(fork),
            points([greatest(path, until) for path in of(done, fork)]),
            points([float(gain(path).values[-1]) for path in of(done, fork)]),
            percent([float(error(path, "children").values[-1]) for path in of(done, fork)]),
            percent([float(error(path, "plain").values[-1]) for path in of(done, fork)]),
        )
        for fork in size.forks
    ]


def greatest(path: Path, until: int) -> float:
    """Return the greatest gain over the mean of the children up to a step, the fork left out."""
    curve = gain(path)
    return float(curve.values[(curve.steps > 0) & (curve.steps <= until)].max())


def of(done: dict[tuple[int, int, int], Path], fork: int) -> list[Path]:
    """Return the results of one k, one of each seed."""
    return [path for (each, _, _), path in done.items() if each == fork]
