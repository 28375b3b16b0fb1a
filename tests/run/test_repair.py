"""What the variants of REPAIR share: goals, the prediction of a mixture, BatchNorms behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lmctool.graph.targets import BatchNorm, Target
from lmctool.run.repair import corrected, goal, predicted, settled
from lmctool.statistics import Goal, Moments, PairedMoments

PLAIN = Target("t", "t", 1, 1, "layer", "w", "b")
NORMED = Target("t", "t", 1, 1, "layer", "w", "", BatchNorm("m", "v", 0.5))


def moments(mean: float, variance: float) -> Moments:
    both = torch.tensor([[mean], [variance]], dtype=torch.float64)
    return Moments(*both)


def held(wanted: Goal) -> tuple[float, float]:
    assert wanted.mean is not None and wanted.std is not None
    return wanted.mean.item(), wanted.std.item()


def test_goals_average_standard_deviations_not_variances() -> None:
    assert held(goal(PLAIN, moments(0, 1), moments(4, 9), 0.25)) == (1, 0.75 * 1 + 0.25 * 3)


def test_a_goal_in_front_of_a_batchnorm_holds_its_epsilon() -> None:
    wanted = goal(NORMED, moments(0, 1), moments(0, 1), 0.3)
    assert held(wanted)[1] == pytest.approx(1.5**0.5)
    assert wanted.epsilon == 0.5


def test_a_condition_that_is_left_out_keeps_what_is_there() -> None:
    ends = moments(0, 1), moments(4, 9)
    rescale = goal(PLAIN, *ends, 0.5, frozenset({"std"}))
    scale, shift = rescale.correction(torch.tensor([3.0]), torch.tensor([16.0]))
    assert scale.item() == pytest.approx(2 / 4)
    assert scale.item() * 3 + shift.item() == pytest.approx(3)
    moved = goal(PLAIN, *ends, 0.5, frozenset({"mean"}))
    scale, shift = moved.correction(torch.tensor([3.0]), torch.tensor([4.0]))
    assert (scale.item(), 3 + shift.item()) == (1, 2)


def test_the_mixture_of_uncorrelated_channels_of_one_variance_has_half_of_it() -> None:
    pair = PairedMoments(moments(1, 4), moments(3, 4), torch.zeros(1).double())
    shown = predicted(pair, 0.5)
    assert (shown.mean.item(), shown.variance.item()) == (2, 2)


def test_a_mixture_is_predicted_as_it_is_measured() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 50, dtype=torch.float64, generator=generator)
    covariance = torch.stack([x, y]).cov()[0, 1]
    first, second = (Moments(end.mean()[None], end.var()[None]) for end in (x, y))
    shown = predicted(PairedMoments(first, second, covariance[None]), 0.3)
    mixture = 0.7 * x + 0.3 * y
    assert shown.mean.item() == pytest.approx(mixture.mean().item(), rel=1e-12)
    assert shown.variance.item() == pytest.approx(mixture.var().item(), rel=1e-12)


def test_channels_that_cancel_leave_no_negative_variance() -> None:
    pair = PairedMoments(moments(0, 0.1), moments(0, 0.1), torch.tensor([-0.1000001]).double())
    assert predicted(pair, 0.5).variance.item() == 0


@pytest.mark.parametrize(
    ("conditions", "mean", "variance"),
    [({"mean", "std"}, 1, 3.5), ({"mean"}, 1, 7), ({"std"}, 8, 3.5)],
    ids=["both", "mean", "std"],
)
def test_a_batchnorm_gets_the_statistics_that_are_corrected(
    conditions: set[str], mean: float, variance: float
) -> None:
    weights = {"m": torch.tensor([8.0]), "v": torch.tensor([7.0])}
    wanted = Goal(1, torch.tensor([1.0]).double(), torch.tensor([2.0]).double(), 0.5)
    kept = replace(
        wanted,
        mean=wanted.mean if "mean" in conditions else None,
        std=wanted.std if "std" in conditions else None,
    )
    found = settled(weights, [NORMED], {"t": kept})
    assert (found["m"].item(), found["v"].item()) == (mean, variance)
    assert found["m"].dtype == torch.float32


def test_corrected_weights_bring_what_is_shown_to_the_goal() -> None:
    weights = {"w": torch.tensor([[2.0]]).double(), "b": torch.tensor([1.0]).double()}
    wanted = Goal(1, torch.tensor([5.0]).double(), torch.tensor([3.0]).double(), 0.0)
    found = corrected(weights, [PLAIN], {"t": wanted}, {"t": moments(1, 4)})  # x ~ (0, 1)
    assert (found["w"].item(), found["b"].item()) == (3, 5)
