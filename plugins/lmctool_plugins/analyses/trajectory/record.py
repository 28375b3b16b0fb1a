"""The metrics of networks over the steps, and the result that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Result, Variable
from lmctool.api.advanced import fall_notes
from lmctool_plugins.analyses.trajectory.kernel import AT, OVER
from lmctool_plugins.analyses.trajectory.summary import PUBLIC, curves, gained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Partition, ScoreMetric, Scores

    Attributes = Mapping[str, str | int | list[str]]

PARENT, THEN = "parent", "then"
"""What the run before the children, and the run after an interpolant, are called."""
DEFINITION = (
    "mean (over=best: the least) loss or error of the runs at a step less that of their"
    " interpolant, positive where the interpolant is better"
)


class Record:
    """The metrics of networks, filled in step by step.

    Attributes:
        metrics: loss, error and what else is measured.
        steps: (step,) int64 rising.
        children: the names of the runs that are interpolated.
        interpolants: the names of what lies between them, or was trained from it.
        networks: those, and what came before.
        splits: the names of the splits.
        partitions: the partition of each split by its name; empty where none is asked for.
        parts: the names of the parts of every split.
        whole: (metric, network, split, step), NaN where a network has none.
        partial: (metric, network, split, part, step) loss and error of each part of a split.
    """

    def __init__(
        self,
        metrics: Sequence[ScoreMetric],
        steps: Sequence[int],
        children: Sequence[str],
        interpolants: Sequence[str],
        before: Sequence[str],
        splits: Sequence[str],
        partitions: Mapping[str, Partition],
    ) -> None:
        """Begin with nothing measured."""
        self.metrics = tuple(metrics)
        self.steps = np.array(steps, np.int64)
        self.children, self.interpolants = tuple(children), tuple(interpolants)
        self.networks = (*before, *children, *interpolants)
        self.splits, self.partitions = tuple(splits), partitions
        self.parts = next((each.parts for each in partitions.values()), ())
        over = len(self.networks), len(self.splits)
        self.whole = np.full((len(self.metrics), *over, len(self.steps)), np.nan)
        self.partial = np.full((2, *over, len(self.parts), len(self.steps)), np.nan)

    def put(self, network: str, step: int, scores: Scores, place: int) -> None:
        """Enter the scores of one network at one step.

        Args:
            network: its name.
            step: the step on the axis.
            scores: of several networks; per example where there are partitions.
            place: which of them.
        """
        row, column = self.networks.index(network), int(np.searchsorted(self.steps, step))
        for number, metric in enumerate(self.metrics):
            self.whole[number, row, :, column] = scores.values(metric)[:, place]
        for s, split in enumerate(self.splits if self.partitions else ()):
            values = np.stack([scores.losses[split][place], scores.errors[split][place]])
            means = self.partitions[split].means(values, scores.weights.get(split))
            self.partial[:, row, s, :, column] = means

    def result(self, attributes: Attributes) -> Result:
        """Return the curves, the gains, and these at the last and the best step."""
        definition = "; ".join((DEFINITION, *fall_notes(self.metrics)))
        defined: Attributes = {"definition": definition, **attributes}
        over = {
            "variant": _names(self.interpolants, "variant", "interpolant"),
            "over": _names(OVER, "over", "what the gain is over"),
            "split": _names(self.splits, "split"),
        }
        step = {"step": Variable(self.steps, ("step",), "1", "optimizer step")}
        networks = {"network": _names(self.networks, "network"), "split": over["split"]}
        children, interpolants = (
            [self.networks.index(name) for name in which]
            for which in (self.children, self.interpolants)
        )
        values = curves(self.metrics, self.whole, ())
        gain, best = gained(
            {**step, **values}, self.metrics, children, interpolants, PUBLIC["trajectory"]
        )
        groups = {
            "trajectory/curve": Group({**networks, **step, **values}, attributes),
            "trajectory/gain": Group({**over, **step, **gain}, defined),
            "trajectory/summary": Group({**over, "at": _names(AT, "at"), **best}, defined),
        }
        if self.parts:
            part = {"part": _names(self.parts, "part", "part of the split's examples")}
            means, public = self.metrics[:2], PUBLIC["trajectory/parts"]
            values = curves(means, self.partial, ("part",))
            gain, best = gained({**step, **values}, means, children, interpolants, public)
            at = {"at": _names(AT, "at")}
            by: Attributes = {"by": next(iter(self.partitions.values())).by}
            groups |= {
                "trajectory/parts/curve": Group(
                    {**networks, **part, **step, **values}, {**attributes, **by}
                ),
                "trajectory/parts/gain": Group({**over, **part, **step, **gain}, {**defined, **by}),
                "trajectory/parts/summary": Group(
                    {**over, **part, **at, **best}, {**defined, **by}
                ),
            }
        return Result("trajectory", groups)


def _names(values: Sequence[str], dim: str, meaning: str = "") -> Variable:
    return Variable(np.array(values, dtype=object), (dim,), long_name=meaning or dim)
