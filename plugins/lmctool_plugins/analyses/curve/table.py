"""A curve result as a table."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import best, fall_notes
from lmctool_plugins.analyses.curve.kernel import tenths
from lmctool_plugins.analyses.curve.summary import CURVES, SUMMARY, rule_of

if TYPE_CHECKING:
    from lmctool.api import Group, Result
    from lmctool.api.advanced import Mark

COLUMNS = (
    *("split", "metric", "path"),
    *("A", "B", "highest", "barrier", "at", "Delta", "shape", "length"),
)


def tabulate(result: Result) -> Table:
    """Show ends, greatest value, barrier, Delta, shape and length of every path."""
    curves, summary = result.groups[CURVES], result.groups[SUMMARY]
    values = {name: variable.values for name, variable in summary.variables.items()}
    lengths = result.groups["curve/length"].variables["length"].values
    metrics = shown_metrics(result)
    rows: list[tuple[str, ...]] = []
    marks: dict[tuple[int, int], Mark] = {}
    for (s, split), metric in product(enumerate(values["split"]), metrics):
        name = metric.name
        lowest = best(values[f"barrier_{name}"][:, s], "lower")
        marks |= {(len(rows) + p, COLUMNS.index("barrier")): "best" for p in lowest}
        for p, path in enumerate(values["path"]):
            ends = curves.variables[name].values[p, s][[0, -1]]
            here = {key: values[f"{key}_{name}"][p, s] for key in KEYS}
            rows.append(
                (
                    *map(str, (split, name, path)),
                    *map(metric.text, (*ends, here["highest"], here["barrier"])),
                    f"{here['alpha']:.3g}",
                    metric.text(here["delta"]),
                    str(here["shape"]),
                    f"{lengths[p]:.3f}",
                )
            )
    how = f"{curves.attributes['definition']}, {len(curves.variables['alpha'].values)} points"
    return Table(
        f"Curve ({how}, BatchNorm of the line {curves.attributes['batchnorm']})",
        COLUMNS,
        tuple(rows),
        (
            *_course(result.groups["curve/training"]),
            *rule_of(curves).notes(metrics),
            *fall_notes(metrics),
        ),
        keys=COLUMNS.index("A"),
        marks=marks,
    )


KEYS = ("highest", "barrier", "alpha", "delta", "shape")


def _course(training: Group) -> tuple[str, str]:
    """Say how the curve was trained, and what became of its loss."""
    how, loss = training.attributes, training.variables["loss"]
    first, last = tenths(loss.values)
    several = "s" if int(str(how["bends"])) > 1 else ""
    unit = "" if loss.unit == "1" else f" {loss.unit}s"
    return (
        f"curve: {how['kind']} with {how['bends']} bend{several}, {how['steps']} steps of"
        f" {how['batch']} of {how['examples']} calibration examples, learning rate {how['rate']:g};"
        f" mean loss {first:.4f}{unit} in the first tenth of them, {last:.4f} in the last",
        "length: as a multiple of the straight distance",
    )
