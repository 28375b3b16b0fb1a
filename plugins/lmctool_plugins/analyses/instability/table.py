"""The instability of each step as a table."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import best, fall_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Result, ScoreMetric, Variable
    from lmctool.api.advanced import Mark

    Variables = Mapping[str, Variable]


def tabulate(result: Result) -> Table:
    """Show the instability of each step with its interval, on each split, of each variant."""
    group = result.groups["instability/curve"]
    variables, metrics = group.variables, shown_metrics(result)
    splits, variants = (variables[dim].values for dim in ("split", "variant"))
    rows: list[tuple[str, ...]] = []
    marks: dict[tuple[int, int], Mark] = {}
    for (s, split), (k, step) in product(enumerate(splits), enumerate(variables["step"].values)):
        lowest = {
            metric.name: best(variables[metric.name].values[k, :, s], "lower") for metric in metrics
        }
        for v, variant in enumerate(variants):
            cells = [str(split), str(step), str(variables["siblings"].values[k]), str(variant)]
            for metric in metrics:
                if v in lowest[metric.name]:
                    marks[len(rows), len(cells)] = "best"
                cells += _cells(variables, metric, (k, v, s))
            rows.append(tuple(cells))
    heads = [head for metric in metrics for head in (metric.name, "95 % interval")]
    path = result.groups["instability/path"].variables
    how = f"{group.attributes['definition']}, {len(path['alpha'].values)} points"
    return Table(
        f"Instability of {len(variables['step'].values)} forks"
        f" ({how}, BatchNorm {group.attributes['batchnorm']})",
        ("split", "step", "siblings", "variant", *heads),
        tuple(rows),
        (*_criterion(result, metrics[0]), *fall_notes(metrics)),
        keys=4,
        marks=marks,
    )


def _cells(variables: Variables, metric: ScoreMetric, place: tuple[int, ...]) -> tuple[str, str]:
    """Return the texts of a mean, and of its interval or a dash."""
    mean, lower, upper = (
        float(variables[f"{metric.name}{bound}"].values[place])
        for bound in ("", "_lower95", "_upper95")
    )
    none = np.isnan(lower)
    return metric.text(mean), "-" if none else f"{metric.text(lower)} to {metric.text(upper)}"


def _criterion(result: Result, error: ScoreMetric) -> Iterator[str]:
    """Yield from which step on each variant is stable on each split."""
    group = result.groups["instability/stable"]
    below = error.text(float(str(group.attributes["threshold"])))
    splits, variants = (group.variables[dim].values for dim in ("split", "variant"))
    for s, split in enumerate(splits):
        said = ", ".join(
            f"{variant} {_since(group.variables['stable_from'].values[v, s])}"
            for v, variant in enumerate(variants)
        )
        yield f"stable on {split} (error instability below {below} from there on): {said}"


def _since(step: float) -> str:
    return "at no step" if np.isnan(step) else f"from step {step:.0f}"
