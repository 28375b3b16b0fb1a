"""A sharpness result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, metrics_of
from lmctool_plugins.analyses.sharpness.summary import CURVATURE, SCORES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Array, Group, Result, ScoreMetric, Variable


def tabulate(result: Result) -> Table:
    """Show a row for each part of each network: its curvature, its scores, and how they rise."""
    group, scores = result.groups[CURVATURE], result.groups[SCORES].variables
    own, metrics = group.variables, metrics_of(result)
    dims = own["lowest"].dims
    leading = [dim for dim in dims if dim not in {"split", "part"} or len(own[dim].values) > 1]
    rows = []
    for place in np.ndindex(own["lowest"].values.shape):
        at = dict(zip(dims, place, strict=True))
        lead = [_text(own[dim].values[at[dim]]) for dim in leading]
        numbers = [own["eigenvalue"].values[place][0]]
        numbers += [own[name].values[place] for name in ("lowest", "trace", "trace_error")]
        cells = [str(own["size"].values[at["part"]]), *map(significant, numbers)]
        for metric in metrics:
            cells.append(metric.text(float(scores[metric.name].values[place[:-1]])))
            if f"rise_{metric.name}" in own:
                cells.append(metric.signed(float(own[f"rise_{metric.name}"].values[place])))
        rows.append((*lead, *cells))
    heads = [head for metric in metrics for head in (metric.name, *_rises(metric, own))]
    return Table(
        _title(group),
        (*leading, "parameters", "largest", "lowest", "trace", "+-", *heads),
        tuple(rows),
        tuple(_notes(result, group)),
        keys=len(leading),
    )


def _rises(metric: ScoreMetric, own: Mapping[str, Variable]) -> list[str]:
    return [f"{metric.worsening}s"] if f"rise_{metric.name}" in own else []


def significant(value: float) -> str:
    """Return a number of any size as a table shows it; a dash for none."""
    return "-" if np.isnan(value) else f"{value:.4g}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _title(group: Group) -> str:
    own, how = group.variables, group.attributes
    splits = own["split"].values
    of = f" of {splits[0]}" if len(splits) == 1 else ""
    return f"Curvature of the loss (at most {how['curvature_size']} examples{of})"


def _notes(result: Result, group: Group) -> Iterator[str]:
    how, own = group.attributes, group.variables
    yield "largest, lowest: eigenvalues of the Hessian; +-: standard error of its trace"
    percent = [metric.name for metric in metrics_of(result)[:2] if metric.percent]
    points = f"; of {', '.join(percent)} in percentage points" if percent else ""
    steps = "one step" if how["ascent"] == 1 else f"{how['ascent']} steps"
    shares = ", in shares of each parameter" if how["adaptive"] else ""
    yield f"rises: in a ball of radius {how['rho']:g}{shares}, by {steps} of ascent{points}"
    if "alpha" in own:
        yield f"BatchNorm {how['batchnorm']}, by running statistics"
    worst = _worst(own)
    if not np.isnan(worst):
        yield f"greatest residual of an eigenvalue: {worst:.1g} of the largest"


def _worst(own: Mapping[str, Variable]) -> float:
    """Return the greatest residual of an eigenvalue, as a share of the largest of its part."""
    values, residuals = (own[name].values for name in ("eigenvalue", "residual"))
    sizes: Array = np.abs(values[..., :1])
    there = (sizes > 0) & ~np.isnan(residuals)
    return float((residuals / np.where(there, sizes, 1))[there].max()) if there.any() else np.nan
