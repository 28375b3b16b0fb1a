"""Table 1 and Figure A11: every intervention, the shape of its path and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from networks import BLOCKS
from page import Section, percent, table
from study import ABBREVIATIONS, Study, nats, study, told
from verdict import Finding, Outcome

from lmctool.report.scales import percent_axis
from lmctool.report.style import applied

if TYPE_CHECKING:
    from pathlib import Path

    from networks import Size
    from steps import Steps

NUMBERS = range(1, len(BLOCKS) + 1)
# intervention: (the network it is compared with, the paper's shapes, the paper's accuracy)
PAPER = {
    "pre-trained": ("scratch", "NB", "better"),
    "random labels": ("no decay", "H-LB", "worse"),
    "before the barrier": ("no decay", "NB", "better"),
    "at the barrier": ("no decay", "NB", "better"),
    "behind the barrier": ("no decay", "NB", "better"),
    **{f"T-All but RI-{n}": ("scratch", "B/NB/P", "often worse") for n in NUMBERS},
    **{f"P-All but RI-{n}": ("scratch", "B/NB/P", "often worse") for n in NUMBERS},
    **{f"random labels in {n}": ("no decay", "B/NB", "often worse") for n in NUMBERS},
    "less data": ("scratch", "NB / L-LB", "worse"),
    "augmentation": ("scratch", "H-LB", "better"),
    "no decay": ("scratch", "NB/B", "worse"),
    "little decay": ("scratch", "NB", "worse"),
    "much decay": ("scratch", "P", "worse"),
    "middle rate": ("high rate", "P", "better"),
    "low rate": ("middle rate", "NB", "worse"),
    "deeper": ("scratch", "H-LB", "better"),
    "no BatchNorm": ("no decay", "NB", "worse"),
}


def shape_found(found: Study, name: str, base: str, paper: str) -> str:
    """Return our shapes, and where the paper speaks of blocks how their barriers compare."""
    shapes = told(found.shapes(name))
    if "LB" not in paper:
        return shapes
    first, second = sum(found.heights(name)), sum(found.heights(base))
    return f"{shapes}, {'H-LB' if first > second else 'L-LB'}"


def accuracy_found(found: Study, name: str, base: str) -> str:
    """Return whether a network is better or worse than another, if that can be told."""
    words = {Outcome.AGREES: "better", Outcome.DIFFERS: "worse", Outcome.UNDECIDED: "alike"}
    return words[found.compared(name, base)]


def rows(found: Study) -> list[tuple[str, ...]]:
    """Return the cells of the table."""
    return [
        (
            name,
            base,
            paper,
            shape_found(found, name, base, paper),
            nats(found.rises(name)),
            accuracy,
            accuracy_found(found, name, base),
            percent(found.errors(name)),
        )
        for name, (base, paper, accuracy) in PAPER.items()
        if name in found.paths
    ]


def scatter(found: Study, place: Path) -> Path:
    """Draw the test error of every network against the rise on its path."""
    with applied():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for shape in ABBREVIATIONS:
            points = [
                point
                for name in found.paths
                for point, each in zip(
                    zip(found.rises(name), found.errors(name), strict=True),
                    found.shapes(name),
                    strict=True,
                )
                if each == shape
            ]
            if points:
                axes.plot(*zip(*points, strict=True), linestyle="", label=shape, markersize=6)
        axes.set_xlabel("largest rise of the training loss on the path, Delta (nats)")
        axes.set_ylabel("test error (share of examples)")
        percent_axis(axes.yaxis)
        axes.legend()
        figure.savefig(place)
    return place


def overview(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the section of this part."""
    found = study(steps, size)
    compared = [row for row in rows(found) if row[6] != "alike"]
    rises = np.array([np.mean(found.rises(name)) for name in found.paths])
    errors = np.array([np.mean(found.errors(name)) for name in found.paths])
    rank = float(correlation(rises, errors))
    header = (
        "intervention", "against", "shape, paper", "shape, here", "Delta, nats", "accuracy, paper",
        "accuracy, here", "test error, here",
    )  # fmt: skip
    shared = {word: {row[3] for row in compared if row[6] == word} for word in ("better", "worse")}
    both = shared["better"] & shared["worse"]
    return (
        Section(
            "Table 1 and Figure A11: everything side by side",
            "The shape of the path does not tell the test accuracy: every shape goes with better"
            " networks and with worse ones.",
            "NB: no barrier (monotone), P: plateau, B: barrier (the loss rises by more than 5 %"
            " of its least value before), one letter for each shape among the seeds; H-LB and"
            " L-LB: higher or lower barriers of blocks. Alike: closer than two standard errors,"
            f" with a standard deviation of {percent(found.noise(), 2)} from seed to seed, which is"
            " typical of all interventions, or their own where it is larger.",
            (),
            (table(header, rows(found)),),
            ((scatter(found, steps.folder / "overview.png"), "Test error against Delta"),),
            (
                Finding(
                    "one shape goes with better networks and with worse ones",
                    Outcome.AGREES if both else Outcome.UNDECIDED,
                    f"here: {', '.join(sorted(both)) or 'none'}",
                ),
                Finding(
                    "the rise on the path does not tell the test error",
                    Outcome.AGREES if abs(rank) < 0.5 else Outcome.DIFFERS,
                    f"rank correlation {rank:.2f} over {len(rises)} interventions",
                ),
            ),
        ),
    )


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation."""
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)
