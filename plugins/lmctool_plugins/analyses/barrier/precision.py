"""What ``--precision bfloat16`` costs: the ends, and barriers on a sample, beside float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable, barrier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.api import Array, Result, Run, ScoreMetric, Variant
    from lmctool_plugins.analyses.barrier.paths import Paths

SAMPLE = 512
"""Examples of a split, at most, on which barriers are taken in both ways."""
END, DIFFERENCE = "end.float32.{}", "barrier.precision.{}"


def precision_group(run: Run, variants: Sequence[Variant], paths: Paths) -> Group:
    """Measure the ends in float32 on all examples, and the barriers in both ways on a sample.

    The sample has the classes in the proportions of its split, and barriers are taken over the ends
    and the places where a barrier of the run stands.  Of the difference between the barriers that
    much is known: what all examples would give, and other places, may differ.

    Args:
        run: the run, in another precision than float32.
        variants: the paths.
        paths: what was measured of them.
    """
    exact, samples = run.in_float32(), run.sample(SAMPLE)
    alpha = _places(paths)
    faster, slower = (each.follow(variants, alpha, splits=samples) for each in (run, exact))
    ends = exact.scores(variants[0].ends)
    group: dict[str, Variable] = {
        **paths.coordinates(),
        "end": Variable(np.array(["a", "b"], dtype=object), ("end",), long_name="checkpoint"),
        "examples": Variable(
            np.array([len(sample) for sample in samples]), ("split",), long_name="sampled examples"
        ),
    }
    for metric in ends.metrics:
        name = metric.name
        group[name] = metric.variable(
            ends.values(metric), ("split", "end"), f"{name} in float32", END.format(name)
        )
        heights = [
            barrier(alpha, metric.as_cost(curves.values(metric)), paths.definition)[0]
            for curves in (faster, slower)
        ]
        over, of = ("variant", "split"), f"barrier of the {name} on the sample"
        group[f"sample_{name}"] = metric.variable(heights[1], over, f"{of} in float32")
        group[f"difference_{name}"] = metric.variable(
            heights[0] - heights[1],
            over,
            f"{of} less that in float32",
            DIFFERENCE.format(name),
            of="difference",
            comparable=False,
        )
    return Group(group, {"precision": run.settings.precision, "sample": SAMPLE})


def _places(paths: Paths) -> Array:
    """Return both ends, and where the barriers stand."""
    found = [np.array([0.0, 1.0])]
    for metric in paths.curves.metrics:
        _, at = paths.barriers(metric.as_cost(paths.curves.values(metric)))
        found.append(at[np.isfinite(at)].ravel())
    return np.unique(np.concatenate(found))


def notes(result: Result, metrics: Sequence[ScoreMetric]) -> Iterator[str]:
    """Give what a table says of another precision than float32: what it costs."""
    group = result.groups.get("barrier/precision")
    if group is None:
        return
    precision, own = group.attributes["precision"], group.variables
    ends = result.groups["barrier/ends"].variables
    for s, split in enumerate(own["split"].values):
        told = []
        for metric in metrics:
            pair = zip(ends[metric.name].values[s], own[metric.name].values[s], strict=True)
            changes = [metric.signed(float(fast - slow)) for fast, slow in pair]
            greatest = own[f"difference_{metric.name}"].values[:, s]
            most = greatest[np.abs(greatest).argmax()]
            told.append(
                f"the {metric.name} of A by {changes[0]}, of B by {changes[1]}, and its barriers on"
                f" {own['examples'].values[s]} examples by {metric.signed(float(most))} at most"
            )
        yield f"{split}: {precision} in place of float32 changes {'; '.join(told)}"
