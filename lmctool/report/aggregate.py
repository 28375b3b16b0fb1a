"""An average over results as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.report.notation import PLAIN, Notation
from lmctool.results.aggregate.aggregate import DIMS, DRAW
from lmctool.results.aggregate.eligible import AGGREGATE
from lmctool.results.aggregate.summary import VARIANT, VARIANTS
from lmctool.results.best import best
from lmctool.results.metrics import elements, full_name
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmctool.results.array import Array
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.result import Result, Variable

MEAN, DIFFERENCE = "_mean", "_difference"


def tabulate(result: Result) -> Table:
    """Show mean, standard deviation and interval of each metric, then how variants differ.

    Of draws, in which one number hides how much it is one of chance, also the extremes.
    """
    rows = [*_rows(result, MEAN), *_rows(result, DIFFERENCE)]
    columns = ["metric", "mean", "std", "95 % interval", "lowest", "highest", "p", "unit"]
    chosen = [n for n in range(len(columns)) if n < 4 or any(row[n] for row in rows)]
    return Table(
        title(result),
        tuple(columns[n] for n in chosen),
        tuple(tuple(row[n] for n in chosen) for row in rows),
        tuple(_notes(result)),
        marks={(row, columns.index("mean")): "best" for row in _best(result)},
    )


def title(result: Result) -> str:
    """Return what is averaged over what."""
    about = result.groups[AGGREGATE].attributes
    noun = DIMS[str(about["over"])] + ("s" if about["count"] != 1 else "")
    networks = f" of {about['networks']} networks" if "networks" in about else ""
    examples = " of the calibration examples" if about["over"] == DRAW else ""
    return f"Average of {about['of']} over {about['count']} {noun}{networks}{examples}"


def _best(result: Result) -> Iterator[int]:
    """Yield the rows, of which means come first, that are better than those of other variants."""
    found = [
        metric
        for path, _, variable in _summed(result, MEAN)
        for metric in elements(result, path, variable)
    ]
    alike: dict[str, list[int]] = {}
    for row, metric in enumerate(found):
        others = {dim: name for dim, name in metric.where.items() if dim != VARIANT}
        alike.setdefault(full_name(metric.name, others), []).append(row)
    for rows in alike.values():
        values = [found[row].value for row in rows]
        yield from (rows[place] for place in best(values, found[rows[0]].better))


def _summed(result: Result, kind: str) -> Iterator[tuple[str, str, Variable]]:
    """Yield the path, the name and the array of each mean or difference that is a metric."""
    for path, group in result.groups.items():
        for name, variable in group.variables.items():
            if variable.metric and name.endswith(kind):
                yield path, name, variable


def _rows(result: Result, kind: str) -> Iterator[tuple[str, ...]]:
    """Yield the row of each element of the means, or of the differences of variants."""
    notation = Notation.of(result)
    draws = result.groups[AGGREGATE].attributes["over"] == DRAW
    for path, name, variable in _summed(result, kind):
        held, known = result.groups[path].variables, notation.metric(variable.metric)
        lower, upper = (held[f"{name}_{side}95"].values.flat for side in ("lower", "upper"))
        std = held.get(f"{name.removesuffix(MEAN)}_std") if kind == MEAN else None
        spread = _texts(std, variable, known)
        each = held[name.removesuffix(MEAN)] if draws and kind == MEAN else None
        extremes = [
            _texts(each and _over_all(each, of), variable, known) for of in (np.min, np.max)
        ]
        p = _texts(held.get(f"{name}_p"), variable, PLAIN)
        unit = "points" if known.in_points else "" if variable.unit == "1" else variable.unit
        for place, metric in enumerate(elements(result, path, variable)):
            between = [_text(bound[place], known) for bound in (lower, upper)]
            yield (
                full_name(metric.name.removesuffix(".mean"), metric.where),
                _text(variable.values.flat[place], known),
                spread[place],
                "-" if "-" in between else " to ".join(between),
                *(texts[place] for texts in extremes),
                p[place],
                unit,
            )


def _over_all(each: Variable, extreme: Callable[..., Array]) -> Variable:
    """Return the least or the greatest of what a variable holds of each draw."""
    return replace(each, values=np.asarray(extreme(each.values, axis=0)), dims=each.dims[1:])


def _texts(variable: Variable | None, like: Variable, known: DeclaredMetric) -> list[str]:
    """Return the elements of a variable as texts; empty ones where there is none."""
    if variable is None:
        return [""] * like.values.size
    return [_text(value, known) for value in variable.values.flat]


def _text(value: float, known: DeclaredMetric) -> str:
    """Return a value, without its unit where that has a column."""
    if known.in_points:
        return PLAIN.text(100 * value, ".2f")
    return known.text(value, ".2f" if known.in_percent else ".4g")


def _notes(result: Result) -> Iterator[str]:
    """Say what the intervals are, and what is to be known of them."""
    about = result.groups[AGGREGATE].attributes
    networks = about.get("networks")
    if about["count"] == 1:
        yield "a single number has no standard deviation and no interval"
        return
    way = "a paired t-test" if networks is None else "the jackknife"
    if networks is None:
        over = " over draws" if about["over"] == DRAW else ""
        yield f"95 % intervals of the mean{over}, by Student's t"
    else:
        yield (
            "95 % intervals of the mean over pairs, by the jackknife over networks: pairs that"
            " share a network are not independent"
        )
    if any(VARIANTS in group.variables for group in result.groups.values()):
        yield f"differences: the later variant less the earlier; each p by itself, of {way}"
    yield "in gates: METRIC.mean, METRIC.std, METRIC.mean.lower95 and METRIC.mean.upper95"
    notes = about.get("notes", [])
    yield from map(str, notes if isinstance(notes, list) else [notes])
