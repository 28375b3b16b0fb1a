"""What follows from the curves over the steps: gains, and these at the last and best step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Group, Variable, metrics_of
from lmctool_plugins.analyses.trajectory.kernel import gains, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Result, ScoreMetric

    Variables = Mapping[str, Variable]

PUBLIC = {"trajectory": "trajectory.gain", "trajectory/parts": "trajectory.part.gain"}
"""What the metrics of the groups below a path are called."""


def curves(
    metrics: Sequence[ScoreMetric], values: Array, inner: tuple[str, ...]
) -> dict[str, Variable]:
    """Return metrics over the steps.

    Args:
        metrics: what the values are of.
        values: (metric, network, split, *inner, step).
        inner: dims between the split and the step.
    """
    dims = ("network", "split", *inner, "step")
    return {
        metric.name: metric.variable(own, dims) for metric, own in zip(metrics, values, strict=True)
    }


def gained(
    curve: Variables,
    metrics: Sequence[ScoreMetric],
    children: Sequence[int],
    interpolants: Sequence[int],
    public: str,
) -> tuple[dict[str, Variable], dict[str, Variable]]:
    """Return the gains over the steps, and at the last and the best of them.

    Args:
        curve: ``step``, and over (network, split, ..., step) each metric.
        metrics: what the curves are of.
        children: which networks the runs are.
        interpolants: which networks lie between them.
        public: what the names of the gains as metrics begin with.
    """
    over_steps, at_steps = {}, {}
    for metric in metrics:
        name, unit = metric.name, metric.unit
        costs, inner = metric.as_cost(curve[name].values), curve[name].dims[1:-1]
        gain = gains(costs[list(children)], costs[list(interpolants)])
        best, places = summary(gain)
        key, meaning, over = f"gain_{name}", f"gain in {name}", ("variant", "over", *inner)
        over_steps[key] = Variable(gain, (*over, "step"), unit, meaning)
        at_steps[key] = Variable(best, (*over, "at"), unit, meaning, f"{public}.{name}")
        at_steps[f"step_{name}"] = Variable(
            curve["step"].values[places], (*over, "at"), "1", f"step of the {meaning}"
        )
    return over_steps, at_steps


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    metrics, whole = metrics_of(result), result.groups["trajectory/curve"]
    rows = {str(name): row for row, name in enumerate(whole.variables["network"].values)}
    variants = result.groups["trajectory/gain"].variables["variant"].values
    interpolants = [rows[str(name)] for name in variants]
    runs = whole.attributes["runs"]
    count = len(runs) if isinstance(runs, list) else 0
    children = range(interpolants[0] - count, interpolants[0])
    groups: dict[str, Group] = {}
    for (path, public), own in zip(PUBLIC.items(), (metrics, metrics[:2]), strict=True):
        if f"{path}/curve" in result.groups:
            curve = result.groups[f"{path}/curve"].variables
            over, at = gained(curve, own, children, interpolants, public)
            groups |= {f"{path}/gain": Group(over), f"{path}/summary": Group(at)}
    return groups
