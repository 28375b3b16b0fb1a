"""The linear maps of an alignment, as lines of a table and a panel of a figure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmctool.api import Group, Result

MAPS = "transforms"
COLUMNS = ("map", "distance", "condition")
MOST = 24
"""Groups that a figure names; of more, the largest."""
COLOURS = {"orthogonal": "C0", "invertible": "C1", "rotation": "C2", "scale": "C3"}


def maps_of(result: Result) -> Group | None:
    """Return the group of a result that holds linear maps; None where it has none."""
    group = result.groups.get(MAPS)
    return group if group is not None and "group" in group.variables else None


def map_rows(maps: Group) -> dict[str, tuple[str, str, str]]:
    """Return the kind of each map, how far it is from the identity, and how it is conditioned.

    By the permutation group of the same units, or by the map's own name where there is none.
    """
    names = ("group", "units", "kind", "distance", "condition")
    columns = (maps.variables[name].values for name in names)
    return {
        str(units) or str(group): (str(kind), f"{distance:.3f}", f"{condition:.3g}")
        for group, units, kind, distance, condition in zip(*columns, strict=True)
    }


def map_notes(result: Result, maps: Group) -> list[str]:
    """Return in words which maps act, and where a straight path to aligned B starts."""
    kinds = Counter(map(str, maps.variables["kind"].values))
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    worst = maps.variables["condition"].values.max()
    notes = [f"linear maps on {counts} groups; condition numbers up to {worst:.3g}"]
    folded = "norm_kind" in maps.variables or bool(maps.variables["centred"].values.any())
    untied = "untied" in result.groups["permutations"].variables
    options = " ".join(["--fold-norms"] * folded + ["--untie"] * untied)
    if options:
        notes.append(
            "aligned B is in canonical form, and so has to be what a straight path to it starts"
            f" at: lmctool convert A {options}"
        )
    return notes


def map_count(maps: Group) -> int:
    """Return how many rows the panel of maps has."""
    return min(len(maps.variables["group"].values), MOST)


def draw_maps(axes: Axes, maps: Group, width: float, height: float) -> None:
    """Draw how far the map of each group is from the identity, by kind.

    Args:
        axes: an empty panel.
        maps: the group of the result.
        width: of the panel, in inches.
        height: likewise.
    """
    from lmctool.api.advanced import legend_below, name_rows, row_share

    columns = ("group", "kind", "size", "count", "distance", "condition")
    names, kinds, sizes, counts, far, condition = (maps.variables[c].values for c in columns)
    units = sizes * counts
    largest = sorted(sorted(range(len(names)), key=lambda n: -units[n])[:MOST])
    thick = row_share(len(largest), height)
    for kind, colour in COLOURS.items():
        rows = [row for row, number in enumerate(largest) if kinds[number] == kind]
        own = [largest[row] for row in rows]
        if not own:
            continue
        bars = axes.barh(rows, far[own], thick, color=colour, label=kind)
        texts = [f"condition {condition[number]:.3g}" for number in own]
        if kind != "orthogonal":
            axes.bar_label(bars, texts, padding=3, fontsize="small")
    name_rows(axes, [str(names[number]) for number in largest])
    axes.margins(x=0.34)
    axes.set_xlabel("distance from the identity, RMS of a unit")
    axes.set_title("linear maps" + (f", the largest {MOST}" if len(names) > MOST else ""))
    legend_below(axes, width)
