"""Taking the moments of the ends, and of every variant at every alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lmctool.api import Group, LmctoolError, Result, Variable, grid
from lmctool.api.advanced import numbered, predicted, selected_names
from lmctool_plugins.analyses.variance.kernel import QUANTILES, aim, ratio, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Array, Run, Variant
    from lmctool.api.advanced import PairedMoments, Target


@dataclass(frozen=True)
class TapVariances:
    """Moments of the ends and variances between them, by tap.

    Attributes:
        variants: the variants.
        alpha: (alpha,) positions.
        pairs: for each variant the moments of its ends.
        variances: for each variant and alpha (channel,) the variances at each tap.
    """

    variants: Sequence[Variant]
    alpha: Array
    pairs: Sequence[Mapping[str, PairedMoments]]
    variances: Sequence[Sequence[Mapping[str, Array]]]


def measure(
    run: Run, alphas: str, at: Literal["layers", "blocks", "both"], layer: str | None
) -> Result:
    """Take the moments of the ends, and of every variant at every alpha.

    Raises:
        LmctoolError: no alpha lies between the ends, or there is no such layer.
    """
    alpha = grid(3, alphas)[1:-1]
    targets = run.resources.targets(at)
    if not targets:
        raise LmctoolError(f"this model has no {at} to measure (--at {at})")
    names = numbered([target.name for target in targets])
    if layer is not None:
        layer = _one(layer, names)
    measured = _variances(run, alpha, targets)
    attributes = {"at": at, "batchnorm": run.settings.batchnorm, "batch": run.settings.calib_batch}
    groups = {
        "variance/layers": Group(_layers(measured, names, targets), attributes),
        "variance/pairs": Group(_pairs(measured, names, targets), attributes),
    }
    if layer is not None:
        tap = targets[names.index(layer)].tap
        groups["variance/channels"] = Group(
            _channels(measured, tap), {"layer": layer, **attributes}
        )
    return Result("variance", groups)


def _one(word: str, names: Sequence[str]) -> str:
    """Return the one layer that a word selects.

    Raises:
        LmctoolError: it selects none, or several.
    """
    found = selected_names(word, names)
    if len(found) == 1:
        return found[0]
    several = f"--layer takes one layer, but {word!r} selects {', '.join(found)}"
    none = f"no layer is called {word!r}; there are: {', '.join(names)}"
    raise LmctoolError(several if found else none)


def _variances(run: Run, alpha: Array, targets: Sequence[Target]) -> TapVariances:
    axes = {target.tap: target.axis for target in targets}
    variants = run.variants()
    pairs: list[Mapping[str, PairedMoments]] = []
    for number, variant in enumerate(variants):
        shared = number and variant.b is variants[number - 1].b
        pairs.append(
            pairs[-1] if shared else run.calibration.paired_moments(variant.a, variant.b, axes)
        )

    def measured(point: tuple[Variant, float]) -> dict[str, Array]:
        variant, place = point
        moments = run.calibration.moments(variant.at(place), axes)
        return {tap: _array(moments[tap].variance) for tap in axes}

    points = [(variant, float(place)) for variant in variants for place in alpha]
    each = run.map(points, measured, key=_point, description="points")
    rows = [each[start : start + len(alpha)] for start in range(0, len(each), len(alpha))]
    return TapVariances(variants, alpha, pairs, rows)


def _point(point: tuple[Variant, float]) -> str:
    """Return what a variant at a place is called."""
    variant, place = point
    return f"{variant.name} at {place:g}"


def _array(tensor: Tensor) -> Array:
    values: Array = tensor.cpu().numpy()
    return values


def _ends(pair: PairedMoments) -> tuple[Array, Array]:
    return _array(pair.first.variance), _array(pair.second.variance)


def _correlation(pair: PairedMoments) -> Array:
    first, second = _ends(pair)
    return np.where((first > 0) & (second > 0), _array(pair.correlation()), np.nan)


def _names(measured: TapVariances, variants: Sequence[int]) -> dict[str, Variable]:
    names = [measured.variants[number].name for number in variants]
    return {
        "variant": Variable(np.array(names, dtype=object), ("variant",), long_name="variant"),
        "alpha": Variable(measured.alpha, ("alpha",), long_name="alpha"),
    }


def _depth(names: Sequence[str], targets: Sequence[Target]) -> dict[str, Variable]:
    place = np.arange(1, len(names) + 1)
    kinds = np.array([target.kind for target in targets], dtype=object)
    return {
        "layer": Variable(np.array(names, dtype=object), ("layer",), long_name="layer"),
        "layer_position": Variable(place, ("layer",), long_name="depth"),
        "kind": Variable(kinds, ("layer",), long_name="what is measured"),
    }


def _layers(
    measured: TapVariances, names: Sequence[str], targets: Sequence[Target]
) -> dict[str, Variable]:
    ratios = [
        [[ratio(point[t.tap], *_ends(pair[t.tap])) for t in targets] for point in points]
        for pair, points in zip(measured.pairs, measured.variances, strict=True)
    ]
    units = np.array([len(measured.pairs[0][t.tap].covariance) for t in targets])
    dims = ("variant", "alpha", "layer")
    meaning = "variance over the mean of the ends'"
    return {
        **_names(measured, range(len(measured.variants))),
        **_depth(names, targets),
        "units": Variable(units, ("layer",), long_name="channels"),
        "ratio": Variable(np.array(ratios), dims, long_name=meaning, metric="variance.ratio"),
    }


def _pairs(
    measured: TapVariances, names: Sequence[str], targets: Sequence[Target]
) -> dict[str, Variable]:
    """Return what the ends' units say: a row for B as it is, and one for B aligned."""
    own = [n for n, v in enumerate(measured.variants) if v.name in {"plain", "align"}]
    pairs = [[measured.pairs[number][t.tap] for t in targets] for number in own]
    spreads = [[spread(_correlation(pair)) for pair in row] for row in pairs]
    mean = np.array([[mean for mean, _ in row] for row in spreads])
    quantiles = np.moveaxis(np.array([[own for _, own in row] for row in spreads]), 2, 1)

    def mixed(pair: PairedMoments, alpha: float) -> float:
        return ratio(_array(predicted(pair, alpha).variance), *_ends(pair))

    def aimed(pair: PairedMoments, alpha: float) -> float:
        return ratio(aim(*_ends(pair), alpha), *_ends(pair))

    over = ("variant", "alpha", "layer")
    ratios = {
        name: np.array([[[f(pair, x) for pair in row] for x in measured.alpha] for row in pairs])
        for name, f in (("predicted", mixed), ("goal", aimed))
    }
    meaning = "correlation of matched units"
    return {
        **_names(measured, own),
        **_depth(names, targets),
        "quantile": Variable(np.array(QUANTILES), ("quantile",), long_name="quantile"),
        "correlation": Variable(mean, ("variant", "layer"), "1", meaning, "variance.correlation"),
        "correlation_quantile": Variable(
            quantiles, ("variant", "quantile", "layer"), long_name=f"{meaning}, by quantile"
        ),
        "predicted": Variable(ratios["predicted"], over, long_name="ratio of mixed units"),
        "goal": Variable(ratios["goal"], over, long_name="ratio that REPAIR aims at"),
    }


def _channels(measured: TapVariances, tap: str) -> dict[str, Variable]:
    deviations = [[np.sqrt(point[tap]) for point in points] for points in measured.variances]
    pairs = [pair[tap] for pair in measured.pairs]
    goals = [[np.sqrt(aim(*_ends(pair), float(x))) for x in measured.alpha] for pair in pairs]
    second = np.sqrt([_ends(pair)[1] for pair in pairs])
    over, ends = ("variant", "alpha", "channel"), ("variant", "channel")
    deviation = "standard deviation"
    place = np.arange(len(pairs[0].covariance))
    both = np.array([_correlation(pair) for pair in pairs])
    return {
        **_names(measured, range(len(measured.variants))),
        "channel": Variable(place, ("channel",), long_name="channel"),
        "std": Variable(np.array(deviations), over, long_name=deviation),
        "goal_std": Variable(np.array(goals), over, long_name=f"{deviation}, interpolated"),
        "std_a": Variable(np.sqrt(_ends(pairs[0])[0]), ("channel",), long_name=f"{deviation} in A"),
        "std_b": Variable(second, ends, long_name=f"{deviation} in B"),
        "correlation": Variable(both, ends, long_name="correlation of matched units"),
    }
