"""Figures 1, 3 and 5 to 7: what becomes of an interpolant that is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from curves import Curve, draw, error, gain, mean, points
from page import Section, table
from runs import follow, train_children, train_interpolants
from verdict import Finding, Outcome, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from runs import Size
    from steps import Steps

    Key = tuple[int, int, int]

HEADER = ("k", "s", "gain at the merge", "an epoch later", "at the end", "change of its own error")


def further(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the sections of this part."""
    train_children(steps, size)
    train_interpolants(steps, size)
    done = follow(steps, size, "on")
    return figure_3(steps, size, done), figures_6_and_7(steps, size, done)


def figure_3(steps: Steps, size: Size, done: Mapping[Key, Path]) -> Section:
    """Train interpolants of several k and s on at the children's rate."""
    starts = [gain_at(path, after, network="plain") for (_, after, _), path in done.items()]
    epoch = [gain_at(path, after + size.epoch) for (_, after, _), path in done.items()]
    ends = [gain_at(path, last(path)) for path in done.values()]
    changes = [rise(path, after, size.epoch) for (_, after, _), path in done.items()]
    panels = {
        f"k = {fork}, s = {after} steps": shown(
            path for (k, s, _), path in done.items() if (k, s) == (fork, after)
        )
        for fork, after in size.merged
    }
    figure = draw(steps.folder / "further.png", panels, ("steps of the children", "test error"), ())
    return Section(
        "Figures 1, 3 and 5: the interpolant trained on",
        "The midpoint is better than the children, but trained on it gets worse at once, or"
        " better no more: after an epoch or two the children have caught up. So it is for every"
        " k and s, and the size of the gain does not depend on them.",
        f"Interpolants of several k and s, trained on for {size.further} epochs at the"
        " children's rate. Gains over the mean of the children at the same step, percentage"
        " points of accuracy, one for each of the seeds. The last column is the interpolant's mean"
        " error within the first further epoch, less that at the merge.",
        (steps.command(next(iter(done.values()))),),
        (table(HEADER, rows(size, done)),),
        ((figure, "Children, and the interpolant trained on"),),
        (
            Finding(
                "the interpolant is better than the children",
                judged(min(starts) > 0),
                points(starts),
            ),
            Finding(
                "trained on, it is worse within the first epoch than at the merge",
                judged(sum(each > 0 for each in changes) > len(changes) / 2),
                f"{sum(each > 0 for each in changes)} of {len(changes)}: {points(changes)}",
            ),
            Finding(
                "after an epoch the gain is gone or small",
                judged(float(np.mean(epoch)) < float(np.mean(starts)) / 3),
                f"{points([float(np.mean(starts))])} to {points([float(np.mean(epoch))])}"
                f" on average; {points([float(np.mean(ends))])} at the end",
            ),
        ),
    )


def figures_6_and_7(steps: Steps, size: Size, done: Mapping[Key, Path]) -> Section:
    """Train an interpolant on at a lower rate, and at a rate that rises again."""
    first = size.merged[0]
    ways = {
        "the same rate": [path for key, path in done.items() if key[:2] == first],
        "a tenth of it": list(follow(steps, size, "dropped").values()),
        "a rate that rises": list(follow(steps, size, "warmed").values()),
    }
    panels = {name: shown(paths) for name, paths in ways.items()}
    figure = draw(steps.folder / "rates.png", panels, ("steps of the children", "test error"), ())
    changes = {
        name: [rise(path, first[1], size.epoch) for path in paths] for name, paths in ways.items()
    }
    cells = [
        (name, points(changes[name]), points([gain_at(path, last(path)) for path in paths]))
        for name, paths in ways.items()
    ]
    return Section(
        "Figures 6 and 7: another learning rate after the merge",
        "A lower rate after the merge removes the drop, but costs accuracy at convergence; a"
        " warm-up after it changes nothing.",
        f"k = {first[0]}, s = {first[1]} steps; a tenth of the rate, or the rate rising from zero"
        " over a third of the further steps. The accuracy at convergence is not followed.",
        (),
        (table(("rate", "change of its own error", "gain at the end"), cells),),
        ((figure, "The interpolant trained on at three rates"),),
        (
            Finding(
                "a lower rate removes the drop",
                judged(max(changes["a tenth of it"]) <= 0.005),
                points(changes["a tenth of it"]),
            ),
            Finding(
                "a warm-up does not",
                judged(min(changes["a rate that rises"]) > 0.005),
                points(changes["a rate that rises"]),
            ),
            Finding(
                "a lower rate costs accuracy at convergence",
                Outcome.UNDECIDED,
                "not trained to convergence",
            ),
        ),
    )


def rows(size: Size, done: Mapping[Key, Path]) -> list[tuple[str, ...]]:
    """Return the cells of the table, one row for each k and s."""
    cells: list[tuple[str, ...]] = []
    for fork, after in size.merged:
        paths = [path for (k, s, _), path in done.items() if (k, s) == (fork, after)]
        cells.append(
            (
                str(fork),
                str(after),
                points([gain_at(path, after, network="plain") for path in paths]),
                points([gain_at(path, after + size.epoch) for path in paths]),
                points([gain_at(path, last(path)) for path in paths]),
                points([rise(path, after, size.epoch) for path in paths]),
            )
        )
    return cells


def shown(paths: Iterable[Path]) -> dict[str, Curve]:
    """Return the curves of a panel: the mean over seeds of children and of what was merged."""
    each = list(paths)
    until = last(each[0])
    children = mean(error(path, "children") for path in each)
    near = children.steps <= until
    return {
        "children": Curve(children.steps[near], children.values[near]),
        "interpolant, trained on": mean(error(path, "then") for path in each),
    }


def last(path: Path) -> int:
    """Return the last step of the interpolant that was trained on."""
    return int(error(path, "then").steps[-1])


def gain_at(path: Path, step: int, network: str = "then") -> float:
    """Return the gain over the mean of the children at a step of theirs."""
    curve = gain(path, network=network)
    return float(curve.values[curve.steps == step].item())


def rise(path: Path, after: int, epoch: int) -> float:
    """Return how much the interpolant's own error rose in the epoch after the merge.

    It is the mean over what was saved within that epoch, less the error at the merge.
    """
    curve = error(path, "then")
    near = (curve.steps > after) & (curve.steps <= after + epoch)
    return float(curve.values[near].mean() - curve.values[curve.steps == after].item())
