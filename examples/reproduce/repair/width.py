"""Width and depth: figures 6 and 12, and the barriers of all networks, figure 1 (right)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from canvas import panels, styles
from claims import every, lower, lowers, share, told
from page import Section, table
from readings import ALIGNED, BOTH, barrier, mean_end, reduction
from recipes import LAYERS, Pair, Size, measure
from verdict import Finding, Outcome, judged

from lmctool.report.scales import percent_axis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps import Steps

    Series = Mapping[str, Path]

FLAT = 0.05
"""A barrier that moves by less over all depths is called roughly flat."""


def width(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Measure perceptrons and ResNets of several widths, and VGGs of several depths."""
    series: dict[str, dict[str, Pair]] = {
        "MLP, units": {str(units): size.perceptron(LAYERS, units) for units in size.widths},
        "ResNet20, width": {f"{factor}x": size.wider(factor) for factor in size.factors},
        "VGG, depth": {word.removeprefix("vgg"): size.vgg(word) for word in size.vggs},
    }
    options = ("--align", "--repair", "--points", "5")
    made = measure(
        steps,
        size,
        {
            f"width-{pair.name}": (pair, "barrier", options)
            for pairs in series.values()
            for pair in pairs.values()
        },
    )
    found = {
        kind: {place: made[f"width-{pair.name}"] for place, pair in pairs.items()}
        for kind, pairs in series.items()
    }
    where = f"on {size.widened}" if size.widened else "on the same images"
    return (
        Section(
            "Width and depth: figures 6 and 12, and 1 (right)",
            "On four datasets REPAIR shrinks the barrier of 10-layer MLPs (32 to 2048 units) and"
            " of ResNet20s (width 1 to 16), and the barrier falls as they get wider. Of VGGs on"
            " CIFAR-10 it grows with depth without REPAIR, and is small and roughly flat with it."
            " Over all of these the reduction is 60 to 100 %.",
            f"MLPs of {LAYERS} layers; ResNet20s with BatchNorm, here {where}; VGGs without"
            f" normalisation, of {size.channels} to {8 * size.channels} channels. So for each:",
            tuple(
                steps.command(path) for paths in found.values() for path in [*paths.values()][-1:]
            ),
            (tabulate(found),),
            ((draw(found, steps.folder / "width.png"), "barriers over width and depth"),),
            findings(found),
        ),
    )


def tabulate(found: Mapping[str, Series]) -> str:
    """Return the barriers of all pairs."""
    heads = (
        "", "", "ends", "barrier of error, align", "align+repair", "less by",
        "barrier of loss, align", "align+repair", "less by",
    )  # fmt: skip
    rows = []
    for kind, paths in found.items():
        for place, path in paths.items():
            row = [kind, place, told(mean_end(path))]
            for metric in ("error", "loss"):
                before, after = (barrier(path, each, metric) for each in (ALIGNED, BOTH))
                row += [told(before, metric), told(after, metric), share(reduction(path, metric))]
            rows.append(row)
    return table(heads, rows)


def findings(found: Mapping[str, Series]) -> tuple[Finding, ...]:
    """Return what the barriers say of the paper's statements."""
    pairs = [path for paths in found.values() for path in paths.values()]
    less = [reduction(path) for path in pairs]
    perceptrons, resnets, vggs = found.values()
    shallow, *_, deep = vggs
    change = {
        variant: abs(barrier(vggs[deep], variant) - barrier(vggs[shallow], variant))
        for variant in (ALIGNED, BOTH)
    }
    return (
        Finding(
            "REPAIR shrinks every barrier",
            every(lower(barrier(path, BOTH), barrier(path, ALIGNED)) for path in pairs),
            f"{len(pairs)} pairs, by {share(min(less))} to {share(max(less))}",
        ),
        narrower("the barrier of MLPs falls with width, with REPAIR", perceptrons),
        narrower("that of ResNets falls with width, with REPAIR", resnets),
        lowers(
            "that of VGGs grows with depth without REPAIR",
            [
                (
                    f"{shallow} and {deep} layers: ",
                    barrier(vggs[shallow], ALIGNED),
                    barrier(vggs[deep], ALIGNED),
                )
            ],
        ),
        Finding(
            "with REPAIR it is roughly flat over depth",
            judged(change[BOTH] < FLAT),
            f"from {shallow} to {deep} layers it moves by {told(change[BOTH])}, without REPAIR by"
            f" {told(change[ALIGNED])}",
        ),
    )


def narrower(statement: str, paths: Series) -> Finding:
    """Return whether the barrier with REPAIR is lower for the widest than for the narrowest."""
    first, *_, last = paths
    values = {place: barrier(path, BOTH) for place, path in paths.items()}
    shown = "; ".join(f"{place}: {told(value)}" for place, value in values.items())
    outcome: Outcome = lower(values[last], values[first])
    return Finding(statement, outcome, shown)


def draw(found: Mapping[str, Series], place: Path) -> Path:
    """Draw the barriers over width and depth, and before against after REPAIR."""
    with panels(place, len(found) + 1) as axes:
        for axis, (kind, paths) in zip(axes, found.items(), strict=False):
            for variant in (ALIGNED, BOTH):
                heights = [barrier(path, variant) for path in paths.values()]
                axis.plot(list(paths), heights, label=variant, **styles([variant])[variant])
            axis.set_xlabel(kind)
            axis.set_ylim(0, 0.95)
            percent_axis(axis.yaxis)
        axes[0].set_ylabel("barrier of the error")
        looks = styles(list(found))
        for kind, paths in found.items():
            style: dict[str, Any] = {**looks[kind], "linestyle": ""}
            for rank, path in enumerate(paths.values()):
                before, after = (barrier(path, each) for each in (ALIGNED, BOTH))
                label = kind.split(",")[0] if rank == 0 else None
                axes[-1].plot(before, after, markersize=4 + 2 * rank, label=label, **style)
        axes[-1].plot([0, 0.9], [0, 0.9], "-", color="0.6", marker="")
        axes[-1].set_xlabel("before REPAIR (larger: wider, deeper)")
        axes[-1].set_ylabel("barrier after REPAIR")
        for scale in (axes[-1].xaxis, axes[-1].yaxis):
            percent_axis(scale)
    return place
