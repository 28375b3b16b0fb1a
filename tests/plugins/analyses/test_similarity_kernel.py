"""Sums that CKA, correlations and the Procrustes distance are made of: references, invariances."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool_plugins.analyses.similarity.alignments import OfAllExamples, OfMinibatches
from lmctool_plugins.analyses.similarity.kernel import correlation, gram, hsic, procrustes
from lmctool_plugins.analyses.similarity.units import MatchedUnits, narrow
from tests import reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool_plugins.analyses.similarity.alignments import KernelAlignments

PAIR = (0, 1)
Kind = type[OfAllExamples] | type[OfMinibatches]
KINDS: tuple[Kind, ...] = (OfAllExamples, OfMinibatches)


def layers(seed: int, *sizes: int, examples: int = 40, shift: float = 3.0) -> list[Tensor]:
    """Return features of layers that have something in common, far from the origin."""
    own = torch.Generator().manual_seed(seed)
    common = torch.randn(examples, 3, dtype=torch.float64, generator=torch.Generator())
    draws = [torch.randn(examples + 3, size, dtype=torch.float64, generator=own) for size in sizes]
    return [shift + common @ each[:3] + each[3:] for each in draws]


def found(
    kind: Kind,
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    batch: int = 100,
) -> NDArray[np.float64]:
    """Return CKA of layers that are shown in batches."""
    gathered: KernelAlignments = kind([PAIR])
    for several in zip(*(torch.split(each, batch) for each in (*first, *second)), strict=True):
        gathered.show(0, several[: len(first)])
        gathered.show(1, several[len(first) :])
        gathered.add_batch()
    return gathered.of(PAIR).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_cka_is_that_of_centring_matrices(kind: Kind, dtype: torch.dtype, near: float) -> None:
    first, second = layers(0, 5, 90), layers(1, 7, 60)
    expected = [[reference.cka([x.numpy()], [y.numpy()]) for y in second] for x in first]
    a, b = ([each.to(dtype) for each in both] for both in (first, second))
    np.testing.assert_allclose(found(kind, a, b), expected, atol=near)


@pytest.mark.parametrize("batch", [8, 10, 20])
def test_cka_of_minibatches_is_that_of_their_mean_hsic(batch: int) -> None:
    (x,), (y,) = layers(0, 6), layers(1, 9)
    parts = ([part.numpy() for part in torch.split(each, batch)] for each in (x, y))
    expected = reference.cka(*parts)
    assert found(OfMinibatches, [x], [y], batch).item() == pytest.approx(expected, abs=1e-12)


def test_no_batch_decides_cka_of_all_examples() -> None:
    first, second = layers(0, 5, 12), layers(1, 7, 3)
    whole = found(OfAllExamples, first, second)
    for batch in (1, 4, 8, 20):
        np.testing.assert_allclose(found(OfAllExamples, first, second, batch), whole, atol=1e-12)


def test_the_mean_hsic_of_all_minibatches_that_there_are_is_that_of_all_examples() -> None:
    (x,), (y,) = layers(0, 3, examples=7), layers(1, 2, examples=7)
    whole = hsic(gram(x)[None], gram(y)[None]).item()
    several = [
        hsic(gram(x[list(drawn)])[None], gram(y[list(drawn)])[None]).item()
        for drawn in combinations(range(7), 4)
    ]
    assert np.mean(several) == pytest.approx(whole, rel=1e-12)  # unbiased, draw for draw
    assert np.std(several) > 0.1 * abs(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_cka_does_not_see_orthogonal_maps_scales_and_shifts(kind: Kind) -> None:
    first, (y,) = layers(0, 5, 8), layers(1, 6)
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    expected = found(kind, first, [y])
    turned = y[:, [3, 1, 0, 5, 4, 2]], 0.01 * y @ turn, y + 5
    for other in turned:
        np.testing.assert_allclose(found(kind, first, [other]), expected, atol=1e-10)
    np.testing.assert_allclose(found(kind, [y], [turned[1]]), 1, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_cka_of_what_has_nothing_in_common_is_about_zero_and_may_be_below(
    kind: Kind,
) -> None:
    draws = torch.Generator().manual_seed(0)
    several = [torch.randn(200, 500, generator=draws) for _ in range(8)]
    ckas = found(kind, several[:4], several[4:])
    assert abs(ckas.mean()) < 0.02  # a biased estimator gives 0.7 with so many features
    assert ckas.min() < 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_layer_that_never_varies_has_no_cka(kind: Kind, dtype: torch.dtype) -> None:
    first, second = layers(0, 5), [torch.full((40, 3), 0.1, dtype=torch.float64)]
    a, b = ([each.to(dtype) for each in both] for both in (first, second))
    assert np.isnan(found(kind, a, b, batch=8)).all()


def units(
    first: Tensor, second: Tensor, batch: int = 100, *, full: bool = True
) -> tuple[float, float]:
    """Return the mean correlation and the distance of a layer that is shown in batches."""
    gathered = MatchedUnits([PAIR], [full])
    for x, y in zip(torch.split(first, batch), torch.split(second, batch), strict=True):
        gathered.show(0, [x])
        gathered.show(1, [y])
    (own,), (distance,) = gathered.of(PAIR)
    return own, distance


@pytest.mark.parametrize("batch", [1, 7, 40])
@pytest.mark.parametrize("full", [True, False])
def test_correlations_of_matched_units_are_those_of_loops(batch: int, full: bool) -> None:
    (x,), (y,) = layers(0, 6), layers(1, 6)
    expected = np.diagonal(reference.correlation(x.T.numpy(), y.T.numpy())).mean()
    assert units(x, y, batch, full=full)[0] == pytest.approx(expected, abs=1e-12)


def test_the_distance_is_the_least_over_orthogonal_maps() -> None:
    (x,), (y,) = layers(0, 6), layers(1, 6)
    own = [each - each.mean(0) for each in (x, y)]
    x1, y1 = (each / each.norm() for each in own)
    left, _, right = torch.linalg.svd(y1.T @ x1)
    expected = float((x1 - y1 @ (left @ right)).square().sum())
    for batch in (1, 7, 40):
        assert units(x, y, batch)[1] == pytest.approx(expected, abs=1e-12)
    for seed in range(20):
        torch.manual_seed(seed)
        other = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
        assert float((x1 - y1 @ other).square().sum()) > expected


def test_the_distance_does_not_see_orthogonal_maps_scales_and_shifts() -> None:
    (x,) = layers(0, 6)
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    assert units(x, 3 * x @ turn + 1)[1] == pytest.approx(0, abs=1e-12)
    assert units(x, x.flip(1)) == pytest.approx((units(x, x.flip(1))[0], 0), abs=1e-12)


def test_layers_with_nothing_in_common_are_two_apart() -> None:
    t = torch.arange(40, dtype=torch.float64) * 2 * torch.pi / 40
    assert units(t.sin()[:, None], t.cos()[:, None]) == pytest.approx((0, 2), abs=1e-12)


def test_units_that_never_vary_have_no_part_in_the_mean_and_none_alone() -> None:
    (x,) = layers(0, 3)
    dead = torch.full((40, 1), 0.1, dtype=torch.float64)
    own, distance = units(torch.cat([x, dead], 1).float(), torch.cat([x, dead], 1).float(), 8)
    assert own == pytest.approx(1, abs=1e-6) and distance == pytest.approx(0, abs=1e-6)
    assert np.isnan(units(dead, dead)).all()
    assert np.isnan(correlation(torch.zeros(2), torch.zeros(2), torch.ones(2)))
    assert np.isnan(procrustes(torch.zeros(2, 2), 0.0, 1.0))


def test_of_layers_that_do_not_fit_together_the_narrowest_are_taken() -> None:
    assert narrow([64, 10, 512], pairs=9) == [True, True, True]
    assert narrow([20_000, 10, 1000, 10_000], pairs=3) == [False, True, True, False]
