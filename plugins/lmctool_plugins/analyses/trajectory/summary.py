"""What follows from loss and error over the steps: gains, and these at the last and best step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import ERROR, LOSS, Group, Variable
from lmctool_plugins.analyses.trajectory.kernel import gains, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Result

    Variables = Mapping[str, Variable]

METRICS = (LOSS, ERROR)
PUBLIC = {"trajectory": "trajectory.gain", "trajectory/parts": "trajectory.part.gain"}
"""What the metrics of the groups below a path are called."""


def curves(values: Array, inner: tuple[str, ...]) -> dict[str, Variable]:
    """Return loss and error over the steps.

    Args:
        values: (metric, network, split, *inner, step).
        inner: dims between the split and the step.
    """
    dims = ("network", "split", *inner, "step")
    return {
        score.name: score.variable(own, dims) for score, own in zip(METRICS, values, strict=True)
    }


def gained(
    curve: Variables, children: Sequence[int], interpolants: Sequence[int], metric: str
) -> tuple[dict[str, Variable], dict[str, Variable]]:
    """Return the gains over the steps, and at the last and the best of them.

    Args:
        curve: ``step``, and loss and error over (network, split, ..., step).
        children: which networks the runs are.
        interpolants: which networks lie between them.
        metric: what the metrics' names begin with.
    """
    over_steps, at_steps = {}, {}
    for score in METRICS:
        name, unit = score.name, score.unit
        values, inner = curve[name].values, curve[name].dims[1:-1]
        gain = gains(values[list(children)], values[list(interpolants)])
        best, places = summary(gain)
        key, meaning, over = f"gain_{name}", f"gain in {name}", ("variant", "over", *inner)
        over_steps[key] = Variable(gain, (*over, "step"), unit, meaning)
        at_steps[key] = Variable(best, (*over, "at"), unit, meaning, f"{metric}.{name}")
        at_steps[f"step_{name}"] = Variable(
            curve["step"].values[places], (*over, "at"), "1", f"step of the {meaning}"
        )
    return over_steps, at_steps


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    whole = result.groups["trajectory/curve"]
    rows = {str(name): row for row, name in enumerate(whole.variables["network"].values)}
    variants = result.groups["trajectory/gain"].variables["variant"].values
    interpolants = [rows[str(name)] for name in variants]
    runs = whole.attributes["runs"]
    count = len(runs) if isinstance(runs, list) else 0
    children = range(interpolants[0] - count, interpolants[0])
    groups: dict[str, Group] = {}
    for path, metric in PUBLIC.items():
        if f"{path}/curve" in result.groups:
            curve = result.groups[f"{path}/curve"].variables
            over, at = gained(curve, children, interpolants, metric)
            groups |= {f"{path}/gain": Group(over), f"{path}/summary": Group(at)}
    return groups
