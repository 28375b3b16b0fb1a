"""Training the curve, evaluating it and the straight lines, and writing the bends."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, NewCheckpoint, Result, Variable, grid
from lmctool.api.advanced import ShapeRule, chance_levels
from lmctool_plugins.analyses.curve.kernel import arc_length
from lmctool_plugins.analyses.curve.paths import bent, path_names, resets, straight
from lmctool_plugins.analyses.curve.summary import CURVES, SUMMARY, summed_up
from lmctool_plugins.analyses.curve.training import Training, vector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.api import Curves, Run
    from lmctool_plugins.analyses.curve.training import Curve

    Attributes = dict[str, str | int | float]


def network_count(run: Run, points: int, alphas: str | None, **_: object) -> int:
    """Return how many networks are measured: the ends, and those between on each path."""
    count = len(grid(points, alphas))
    more = 2 if resets(run) else 1
    return run.count + run.count_followed(count) + more * (count - 2)


def beside(bends: int, **_: object) -> list[str]:
    """Return what stands behind the names of all bends but the first."""
    return [f"-{number}" for number in range(2, bends + 1)]


def measure(
    run: Run,
    kind: str,
    bends: int,
    curve_steps: int,
    curve_lr: float,
    curve_batch: int,
    points: int,
    alphas: str | None,
    definition: str,
    **thresholds: float,
) -> Result:
    """Train a curve between the ends of the last straight line, and measure all of them.

    Raises:
        LmctoolError: no curve can be trained of such a model.
        UnjudgedError: the training diverged, or a loss on a path isn't a number.
    """
    alpha = grid(points, alphas)
    splits = run.ends.splits  # before the alignment, so that a wrong model is reported at once
    training = Training(kind, bends, curve_steps, curve_lr, curve_batch)
    lines = straight(run)
    curve = training.curve(run, lines[-1])
    curves = run.follow([*lines, bent(run, curve)], alpha)
    rule = ShapeRule(**thresholds)
    attributes: Attributes = {
        "definition": definition,
        "batchnorm": run.settings.batchnorm,
        **asdict(training),
        "examples": len(run.calibration.split),
        **asdict(rule),
    }
    names = path_names(lines)
    variables = _curves(run, curves, names, splits)
    groups = {
        CURVES: Group(variables, attributes),
        SUMMARY: Group(summed_up(variables, run.metrics, definition, rule), attributes),
        "curve/length": _lengths(curve, names),
        "curve/training": _course(run, curve),
    }
    first, *others = (_checkpoint(run, curve, number) for number in range(1, bends + 1))
    behind = dict(zip(beside(bends), others, strict=True))
    return Result("curve", groups, replace(first, beside=behind))


def _curves(
    run: Run, curves: Curves, names: Iterable[str], splits: Iterable[str]
) -> dict[str, Variable]:
    """Return each metric along each path, (path, split, alpha)."""
    variables = {
        "path": _texts("path", names),
        "split": _texts("split", splits),
        "alpha": Variable(curves.alpha, ("alpha",), long_name="position between A (0) and B (1)"),
    }
    assert run.task is not None  # an analysis of curves has data
    levels = chance_levels(run.task, run.splits)
    for metric in run.metrics:
        name = metric.name
        variables[name] = metric.variable(curves.values(metric), ("path", "split", "alpha"))
        if name in levels:
            meaning = f"{name} of the best constant answer"
            variables[f"chance_{name}"] = metric.variable(levels[name], ("split",), meaning)
    return variables


def _lengths(curve: Curve, names: Sequence[str]) -> Group:
    """Return how long each path is, as a multiple of the distance of its ends."""
    import torch

    ends = (curve.path.a, *curve.bends, curve.path.b)
    points = torch.stack([vector(each, curve.names).double() for each in ends])
    steps = points.diff(dim=0)
    products = (steps @ steps.T).cpu().numpy()
    distance = math.sqrt(max(0.0, products.sum()))
    long = arc_length(curve.training.kind, products)
    share = long / distance if distance else math.nan
    lengths = np.array([1.0 if distance else math.nan] * (len(names) - 1) + [share])
    return Group(
        {
            "path": _texts("path", names),
            "length": Variable(
                lengths,
                ("path",),
                long_name="arc length, as a multiple of the straight distance",
                metric="curve.length",
            ),
            "distance": Variable(
                np.array(distance), long_name="straight distance of the parameters (L2)"
            ),
        }
    )


def _course(run: Run, curve: Curve) -> Group:
    """Return the loss of each step of the training, and where it was taken."""
    metric = run.metrics[0]
    return Group(
        {
            "step": Variable(np.arange(len(curve.loss)), ("step",), long_name="step"),
            "loss": metric.variable(curve.loss, ("step",), "loss of the step's batch"),
            "place": Variable(curve.training.places(run), ("step",), long_name="alpha of the step"),
        },
        {**asdict(curve.training), "examples": len(run.calibration.split)},
    )


def _checkpoint(run: Run, curve: Curve, number: int) -> NewCheckpoint:
    """Return a bend, with the BatchNorm statistics of the calibration examples."""
    training, line = curve.training, curve.path
    a, b = (run.checkpoints[end].path.name for end in line.ends)
    aligned = "" if line.transform is None else f" brought into A's order ({line.name})"
    made = (
        f"curve ({training.kind}), bend {number} of {training.bends} between {a} and {b}{aligned}"
    )
    weights = run.batchnorm.reset(curve.bends[number - 1])
    return NewCheckpoint(weights, metadata={"lmctool.made": made})


def _texts(dim: str, words: Iterable[str]) -> Variable:
    return Variable(np.array(list(words), dtype=object), (dim,), long_name=dim)
