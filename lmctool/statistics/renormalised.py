"""Moments of a network while its taps are renormalised, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from lmctool.errors import LmctoolError
from lmctool.graph.stages import stages
from lmctool.graph.tap_affine import affine
from lmctool.statistics.moments import (
    TOO_FEW,
    Averages,
    Moments,
    Part,
    batch_moments,
    joined,
    part_of,
    samples,
    unbiased,
)
from lmctool.statistics.pieces import WHOLE, Pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx

    from lmctool.graph.graph import Edit, Graph
    from lmctool.graph.stages import Stage

Weights = Mapping[str, Tensor]
Batches = Iterable[Tensor]


@dataclass(frozen=True, slots=True)
class Goal:
    """The mean and standard deviation that a tap's channels are renormalised to.

    Attributes:
        axis: the axis of the channels.
        mean: (channel,) float64; None keeps each channel's own.
        std: (channel,) float64; None keeps each channel's own.
        epsilon: added to the variance that a channel has, as a BatchNorm does.
    """

    axis: int
    mean: Tensor | None
    std: Tensor | None
    epsilon: float = 1e-5

    def correction(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and the shift that bring channels to the goal, (channel,) each.

        Args:
            mean: (channel,) the mean that they have.
            variance: (channel,) the variance that they have.
        """
        scale = torch.ones_like(variance)
        if self.std is not None:
            scale = self.std / (variance + self.epsilon).sqrt()
        return scale, (mean if self.mean is None else self.mean) - mean * scale


class _Renormalising:
    """Brings the value at one tap to its goal, batch after batch, and shows its moments."""

    def __init__(self, goal: Goal, show: Callable[[Tensor, Tensor], None]) -> None:
        self.goal, self.show = goal, show
        self.norm: tuple[Tensor, ...] = ()

    def __call__(self, value: Tensor) -> Tensor:
        """Return a batch with the mean and the standard deviation of the goal."""
        if value.dtype.itemsize < 4 or self.goal.mean is None or self.goal.std is None:
            return self._affine(value)
        if self.goal.axis == 1:
            return self._normalised(value, self.goal.mean, self.goal.std)
        if value.device.type != "cpu" and self.goal.axis % value.ndim == value.ndim - 1:
            rows = value.flatten(0, -2)
            return self._normalised(rows, self.goal.mean, self.goal.std).view(value.shape)
        return self._affine(value)

    def _affine(self, value: Tensor) -> Tensor:
        mean, variance = batch_moments(value, self.goal.axis)
        self.show(mean, unbiased(variance, samples(value, self.goal.axis)))
        return affine(
            value, self.goal.axis, *self.goal.correction(mean.double(), variance.double())
        )

    def _normalised(self, value: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Return (example, channel, ...) values by torch's own BatchNorm, in one operation."""
        if samples(value, 1) < 2:
            raise LmctoolError(TOO_FEW)
        if not self.norm:  # what it measures replaces the last two each time
            goal = std.to(value.dtype), mean.to(value.dtype)
            self.norm = (*goal, *map(torch.zeros_like, goal))
        weight, bias, seen_mean, seen_variance = self.norm
        renormalised = batch_norm(
            value,
            seen_mean,
            seen_variance,
            weight,
            bias,
            training=True,
            momentum=1.0,
            eps=self.goal.epsilon,
        )
        self.show(seen_mean, seen_variance)
        return renormalised


def renormalised(
    graph: Graph,
    weights: Weights,
    goals: Mapping[str, Goal],
    batches: Batches,
    pieces: Pieces = WHOLE,
) -> dict[str, Moments]:
    """Return the moments at each tap while every tap is renormalised batch by batch.

    The exact variant of REPAIR (Jordan et al. 2023, section 4.2): behind each tap stands a
    BatchNorm in training mode, whose weight and bias are the goal's standard deviation and mean;
    what it measures is what a network corrected up to there shows.

    Args:
        graph: the model's graph.
        weights: the network to be corrected.
        goals: tap -> what its channels are renormalised to.
        batches: (example, ...) the inputs of each batch; their size is part of the result.
        pieces: how batches go through the graph, of which only rounding depends.
    """
    averages = Averages(goals)
    if pieces.size is None:
        edits = {t: _Renormalising(goal, partial(averages.show, t)) for t, goal in goals.items()}
    else:
        ways = stages(graph, goals)
    with torch.no_grad():
        for inputs in batches:
            if pieces.size is None:
                graph.run(weights, inputs, edits)
            else:
                values = [graph.bound(weights, each) for each in pieces.of(inputs)]
                _in_stages(ways, values, goals, averages, pieces)
            averages.add_batch()
    return {tap: Moments.of(each) for tap, each in averages.of_taps().items()}


def _in_stages(
    ways: Sequence[Stage],
    values: Sequence[dict[fx.Node, Tensor]],
    goals: Mapping[str, Goal],
    averages: Averages,
    pieces: Pieces,
) -> None:
    """Show the moments of a batch at each tap, where its pieces meet to be renormalised alike.

    Args:
        ways: the stages to the taps.
        values: of each piece, those of the placeholders.
        goals: tap -> what its channels are renormalised to.
        averages: is shown the moments.
        pieces: computes pieces side by side.
    """
    replaced: tuple[fx.Node, Edit] | None = None
    for stage in ways:
        goal = goals[stage.tap.name]

        def advance(
            of_piece: dict[fx.Node, Tensor],
            stage: Stage = stage,
            replaced: tuple[fx.Node, Edit] | None = replaced,
            axis: int = goal.axis,
        ) -> Part:
            part: Part = stage.run(of_piece, replaced, partial(part_of, axis=axis))
            return part

        whole = joined(pieces.map(advance, values))
        averages.show(stage.tap.name, whole.mean, whole.unbiased)
        replaced = stage.tap, partial(_renormalised, goal, whole.mean, whole.variance)


def _renormalised(goal: Goal, mean: Tensor, variance: Tensor, value: Tensor) -> Tensor:
    """Return a piece of a batch that shows a mean and a variance, brought to a goal."""
    if goal.axis == 1 and goal.mean is not None and goal.std is not None:
        shown, spread, std, middle = (
            each.to(value.dtype) for each in (mean, variance, goal.std, goal.mean)
        )
        return batch_norm(value, shown, spread, std, middle, training=False, eps=goal.epsilon)
    return affine(value, goal.axis, *goal.correction(mean, variance))
