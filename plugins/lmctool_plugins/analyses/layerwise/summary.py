"""Barriers, shapes and shares of the curves of the parts, as groups of a result."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Group, Variable, barrier, metrics_of
from lmctool.api.advanced import ShapeRule, draw_up
from lmctool_plugins.analyses.layerwise.kernel import UNEQUAL, Paths, explained, shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Result, ScoreMetric, Weights

OVER = ("variant", "rest", "split", "part")
WHOLE = ("variant", "split")
FULL = ("the full path's", "layerwise.full_")
ATTRIBUTES = {
    "batchnorm": "interpolated with their part",
    "buffers": "of A, at alpha 1 of B",
    "share": "[L(part at alpha*) - L(rest)] / [L(all at alpha*) - L(rest)], alpha* that of the"
    " full path's barrier; of cumulative parts the difference to the parts moved before; none where"
    " that barrier is not above least_loss or least_error, where its height is another than the"
    f" denominator by more than {UNEQUAL:.0%}, or where the part rises or falls by more than it",
}
"""Attributes of every result."""


def summary(
    texts: Mapping[str, list[str]],
    metrics: Sequence[ScoreMetric],
    paths: Mapping[str, Paths],
    rule: ShapeRule,
    how: Mapping[str, str],
) -> dict[str, Group]:
    """Return the curves of the parts and of the full path, and what follows from them.

    Args:
        texts: the coordinates: ``variant``, ``rest``, ``split`` and ``part``.
        metrics: what the curves are of.
        paths: for each metric by name.
        rule: what shapes are.
        how: ``by``, ``cumulative`` and ``definition``.
    """
    names = coordinates(texts)
    alpha = Variable(paths["loss"].alpha, ("alpha",), long_name="position between A (0) and B (1)")
    curve, of_parts = names | {"alpha": alpha}, dict(names)
    full = {name: names[name] for name in WHOLE} | {"alpha": alpha}
    for metric in metrics:
        name, each = metric.name, paths[metric.name]
        curve[name] = metric.variable(each.parts, (*OVER, "alpha"))
        full[name] = metric.variable(each.full, (*WHOLE, "alpha"), f"{name} of the full path")
        if metric in metrics[:2]:
            meaning = f"{name} of the best constant answer"
            curve[f"chance_{name}"] = metric.variable(each.chance, ("split",), meaning)
        for group, dims, values, chance in (
            (of_parts, OVER, each.parts, each.chance[:, None]),
            (full, WHOLE, each.full, each.chance),
        ):
            shapes = rule.shapes(metric, each.alpha, values, chance)
            group[f"shape_{name}"] = Variable(shapes, dims, long_name=f"shape of the {name}")
        costs = each.costs(metric)
        full |= _barriers(metric, each.alpha, costs.full, how["definition"], WHOLE)
        of_parts |= _barriers(metric, each.alpha, costs.parts, how["definition"], OVER)
        of_parts |= _shares(metric, costs, how, rule)
        of_parts[f"other_{name}"] = metric.variable(
            each.other,
            OVER,
            f"{name} with the part in the other state",
            f"layerwise.other_{name}",
            comparable=False,
        )
    attributes = {**ATTRIBUTES, **how, **asdict(rule)}
    return {
        "layerwise/curve": Group(curve, attributes),
        "layerwise/full": Group(full, attributes),
        "layerwise/summary": Group(of_parts, attributes),
    }


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds.

    Raises:
        ValueError: the curves are not those of the parts that it names.
    """
    curve, full = (result.groups[f"layerwise/{name}"] for name in ("curve", "full"))
    metrics = metrics_of(result)
    texts = {dim: [str(name) for name in curve.variables[dim].values] for dim in OVER}
    alpha = curve.variables["alpha"].values
    for group, dims in ((curve, OVER), (full, WHOLE)):
        shape = (*(len(texts[dim]) for dim in dims), len(alpha))
        if any(group.variables[metric.name].values.shape != shape for metric in metrics):
            raise ValueError(f"curves that are not {shape}")
    paths = {
        metric.name: Paths(
            alpha,
            tuple(texts["rest"]),
            curve.variables[metric.name].values,
            full.variables[metric.name].values,
            curve.variables[f"chance_{metric.name}"].values
            if metric in metrics[:2]
            else np.full(len(texts["split"]), np.nan),
        )
        for metric in metrics
    }
    rule: Any = {each.name: curve.attributes[each.name] for each in fields(ShapeRule)}
    how = {key: str(curve.attributes[key]) for key in ("by", "cumulative", "definition")}
    return summary(texts, metrics, paths, ShapeRule(**rule), how)


def membership(parts: Mapping[str, Sequence[str]], weights: Weights) -> Group:
    """Return the size of each part, and the part of each tensor."""
    own = {name: number for number, names in enumerate(parts.values()) for name in names}
    member = np.array([own.get(name, -1) for name in weights])
    # integer buffers do not move, so they count for nothing
    numbers = {n: tensor.numel() * tensor.is_floating_point() for n, tensor in weights.items()}
    sizes = np.array([sum(numbers[name] for name in names) for names in parts.values()])
    return Group(
        coordinates({"part": list(parts), "tensor": list(weights)})
        | {
            "size": Variable(sizes, ("part",), long_name="numbers in the part"),
            "member": Variable(member, ("tensor",), long_name="number of its part, -1 for none"),
        },
        {"numbers": sum(numbers.values())},
    )


def coordinates(texts: Mapping[str, list[str]]) -> dict[str, Variable]:
    """Return a coordinate of texts for each dim."""
    return {
        name: Variable(np.array(values, dtype=object), (name,), long_name=name)
        for name, values in texts.items()
    }


def _barriers(
    metric: ScoreMetric, alpha: Array, costs: Array, definition: str, dims: tuple[str, ...]
) -> dict[str, Variable]:
    """Return barriers and largest rises of the parts' curves, or of the full path's."""
    height, at = barrier(alpha, costs, definition)
    name = metric.name
    whose, public = ("the part's", "layerwise.") if dims == OVER else FULL
    return {
        f"barrier_{name}": metric.variable(
            height, dims, f"barrier of {whose} {name}", f"{public}barrier_{name}", of="height"
        ),
        f"alpha_{name}": Variable(
            at, dims, "1", f"alpha of {whose} {name} barrier", f"{public}alpha_{name}"
        ),
        f"delta_{name}": metric.variable(
            draw_up(costs),
            dims,
            f"largest {metric.worsening} of {whose} {name} from an earlier point",
            f"{public}delta_{name}",
            of="height",
        ),
    }


def _shares(
    metric: ScoreMetric, costs: Paths, how: Mapping[str, str], rule: ShapeRule
) -> dict[str, Variable]:
    """Return the share of each part, and what it is a share of."""
    cumulative: Any = how["cumulative"]
    name = metric.name
    definition, least = how["definition"], rule.least(metric)
    share = shares(costs, definition, cumulative, least)
    whole, _ = explained(costs, definition, least)
    return {
        f"whole_{name}": metric.variable(
            whole,
            OVER[:-1],
            f"{metric.worsening} of the {name} from the rest to the full path's barrier",
        ),
        f"share_{name}": Variable(
            share,
            OVER,
            "1",
            f"share of the full path's {name} barrier that the part explains",
            f"layerwise.share_{name}",
        ),
    }
