"""What a merged network is compared with when its ends saw different data.

These are the baselines of Jordan et al. 2023 (section 5.4, figure 13): the ensemble mixes the
logits of the ends; a balanced end has its logits rescaled until it predicts every class equally
often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LazyNetworks, LmctoolError, Variable
from lmctool.api.advanced import partition
from lmctool_plugins.analyses.barrier.balance import balance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lmctool.api import Array, Run, Split
    from lmctool_plugins.analyses.barrier.paths import Paths

BASELINES = ("ensemble", "balanced a", "balanced b")
MIDDLE = 0.5


def check_classes(run: Run) -> None:
    """Check that the task is one with logits of classes.

    Raises:
        LmctoolError: it is another.
    """
    if run.task_name != "classification":
        raise LmctoolError(
            "--baselines mixes and rescales the logits of classes, which task"
            f" {run.task_name!r} has none of"
        )


def baseline_groups(run: Run, paths: Paths) -> dict[str, Group]:
    """Return the baselines, the ensemble along the path, and all networks class by class.

    Args:
        run: the run.
        paths: the curves, per example too.
    """
    each = [_baselines(run, paths, split) for split in run.splits]
    alpha = paths.curves.alpha
    middle = int(np.abs(alpha - MIDDLE).argmin())
    rows = [
        _by_class(paths, split, points, middle)
        for split, (_, points) in zip(run.splits, each, strict=True)
    ]
    ensemble = {"split": paths.coordinates()["split"]} | paths.alpha()
    single = _coordinates(paths, BASELINES)
    classes = _coordinates(paths, ("a", "b", *paths.variants, *BASELINES))
    names = np.array([str(number) for number in range(rows[0].shape[-1])], dtype=object)
    classes["class"] = Variable(names, ("class",), long_name="class")
    over = ("network", "split")
    for number, metric in enumerate(paths.means):
        along = np.stack([between[number].mean(axis=-1) for between, _ in each])
        name = metric.name
        ensemble[name] = metric.variable(along, ("split", "alpha"), f"{name} of the ensemble")
        means = np.stack([points[number].mean(axis=-1) for _, points in each], axis=-1)
        single[name] = metric.variable(means, over, metric=f"barrier.baselines.{name}")
        means = np.stack([row[number] for row in rows], axis=1)
        classes[name] = metric.variable(
            means, (*over, "class"), f"{name} on a class", f"barrier.classes.{name}"
        )
    return {
        "barrier/baselines": Group(single, {"alpha": MIDDLE}),
        "barrier/ensemble": Group(ensemble),
        "barrier/classes": Group(classes, {"alpha": float(alpha[middle])}),
    }


def _coordinates(paths: Paths, networks: Sequence[str]) -> dict[str, Variable]:
    names = np.array(networks, dtype=object)
    return {
        "network": Variable(names, ("network",), long_name="network"),
        "split": paths.coordinates()["split"],
    }


def _baselines(run: Run, paths: Paths, split: Split) -> tuple[Array, Array]:
    """Return the ensemble along the path and the baselines, (metric, alpha|network, example)."""
    a, b = run.read(LazyNetworks(run.weights, range(2)), split, _logits, description="logits")
    score = _scorer(run, split)
    path = np.stack([score(mixed(a, b, float(alpha))) for alpha in paths.curves.alpha], axis=1)
    points = (mixed(a, b, MIDDLE), a + balance(a), b + balance(b))
    return path, np.stack([score(logits) for logits in points], axis=1)


def mixed(a: Array, b: Array, alpha: float) -> Array:
    """Return (1 - alpha) a + alpha b; two equal logits stay what they are."""
    return a + alpha * (b - a) if alpha < 1 else b


def _by_class(paths: Paths, split: Split, points: Array, middle: int) -> Array:
    """Return the mean of each class of every network, (metric, network, class)."""
    members = partition(split, "class", None)
    ends = paths.examples(split.name)[:, 0][:, [0, -1]]
    between = paths.examples(split.name)[:, :, middle]
    return members.means(np.concatenate([ends, between, points], axis=1))


def _logits(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs


def _scorer(run: Run, split: Split) -> Callable[[Array], Array]:
    """Return the function from logits to loss and error, (metric, example)."""
    import torch

    assert run.task is not None
    targets = split.targets.cpu()
    task = run.task.on(targets)

    def score(logits: Array) -> Array:
        pair = task.score(torch.from_numpy(logits), targets)
        return np.stack([values.double().numpy() for values in pair])

    return score
