"""Align the second checkpoint's hidden units with the first's, and write it.

The written checkpoint is the same function as the second, proved on real examples; only the
order of its hidden units is another, the one that the aligner matched with the first, or that
an earlier result holds.  Without data the proof uses an example input, and there are no scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Analysis, Group, NewCheckpoint, Result, Variable, hookimpl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Permutation, Run, Table, Weights

SCORES = "align/scores"
MOST = 24
"""Groups that a figure names; of more, the largest."""


def compute(run: Run) -> Result:
    """Align B; where there is data, compare the midpoints before and after."""
    b, scores = measured(run) if run.data is not None else aligned(run)
    groups = {"align": moved(run.permutations[0][0]), **scores}
    return Result("align", groups, NewCheckpoint(b, like=1, metadata={"lmctool.made": "align"}))


def moved(permutation: Permutation) -> Group:
    """Return the share of units that moved, of all that may, as metric ``align.moved``."""
    import numpy as np

    units = sum(map(permutation.spec.units, permutation.spec.groups))
    share = sum(map(permutation.moved, permutation.spec.groups)) / units if units else np.nan
    told = "share of units that moved"
    return Group({"moved": Variable(np.array(share), long_name=told, metric="align.moved")})


def aligned(run: Run) -> tuple[Weights, dict[str, Group]]:
    """Return B with its units in A's order, and no scores."""
    a, b = run.weights(0), run.weights(1)
    return run.align(a, b).apply(b), {}


def measured(run: Run) -> tuple[Weights, dict[str, Group]]:
    """Return B with its units in A's order, and the scores of the ends and the midpoints."""
    from lmctool.api import score_group

    ends = run.ends
    plain, best = run.variants()
    scores = run.evaluate([best.b, plain.at(0.5), best.at(0.5)])
    names = ["a", "b", "aligned b", "midpoint", "aligned midpoint"]
    return best.b, {SCORES: score_group("align", names, [ends, scores])}


def table(result: Result) -> Table:
    """Show how many units moved, what the proof says, and the scores or else the groups."""
    from lmctool.api import Table, score_table

    held = result.groups["permutations"].variables
    proof = result.groups["proof"].variables
    units = held.get("units", held["size"]).values  # earlier results have no inner groups
    notes = (
        f"{held['moved'].values.sum()} of {units.sum()} units moved, in {len(units)} groups",
        f"proof: outputs of B and aligned B differ by {proof['difference'].values.max():.2g},"
        f" rounding explains {proof['tolerance'].values.min():.2g}",
    )
    if SCORES in result.groups:
        return score_table("Alignment", result.groups[SCORES], notes)
    columns = (held["group"].values, units, held["moved"].values)
    rows = tuple(tuple(map(str, row)) for row in zip(*columns, strict=True))
    return Table("Alignment", ("group", "units", "moved"), rows, notes)


def draw(result: Result, figure: Figure) -> None:
    """Draw how many units of each group moved, and the error of each network where it is known."""
    scores = result.groups.get(SCORES)
    figure.set_size_inches(9.2 if scores else 6, 4.6)
    axes = figure.subplots(1, 2 if scores else 1, squeeze=False)[0]
    _draw_moved(axes[0], result.groups["permutations"])
    if scores is not None:
        names = [str(name) for name in scores.variables["network"].values]
        errors = scores.variables["error"].values
        splits = scores.variables["split"].values
        for number, split in enumerate(splits):
            height = 0.8 / len(splits)
            places = [place + number * height for place in range(len(names))]
            axes[1].barh(places, errors[:, number], height, label=str(split))
        axes[1].set_yticks(range(len(names)), names)
        axes[1].invert_yaxis()
        axes[1].set_xlabel("error (share of examples)")
        axes[1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)


def _draw_moved(axes: Axes, held: Group) -> None:
    variables = held.variables
    units = variables.get("units", variables["size"]).values
    largest = sorted(sorted(range(len(units)), key=lambda n: -units[n])[:MOST])
    names = [str(variables["group"].values[number]) for number in largest]
    places = range(len(largest))
    axes.barh(places, units[largest], color="0.85", label="units")
    axes.barh(places, variables["moved"].values[largest], label="moved")
    axes.set_yticks(places, names, fontsize="small" if len(names) < MOST else "x-small")
    axes.invert_yaxis()
    axes.set_xlabel("units")
    axes.set_title(f"{len(units)} groups" + (f", the largest {MOST}" if len(units) > MOST else ""))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool align``."""
    return Analysis(
        compute,
        needs=frozenset({"model"}),
        optional=frozenset({"data"}),
        aligner="always",
        writes=True,
        table=table,
        figure=draw,
    )
