"""Depth: the midpoint of perceptrons before and after correction, figure 3 (right)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from canvas import panels, styles
from claims import against, every, lower, lowers, told
from page import Section, table
from readings import ALIGNED, BOTH, PLAIN, at, mean_end
from recipes import Pair, Size, measure
from verdict import Finding, Outcome, judged

from lmctool.report.scales import percent_axis

if TYPE_CHECKING:
    from pathlib import Path

    from steps import Steps

METHODS = {"exact": "repair", "closed form": "closed-form"}
NEAR = 0.2
"""A midpoint within so much of the error of its ends is called near them."""
Depths = Mapping[int, Mapping[str, float]]
"""By the number of hidden layers, and by what is evaluated."""


def depth(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Measure the midpoint of perceptrons of many depths, corrected in two ways."""
    wanted: dict[str, tuple[Pair, str, tuple[str, ...]]] = {}
    for layers in size.depths:
        pair = size.perceptron(layers)
        for word in METHODS.values():
            options = ("--align", "--repair", word, "--points", "3")
            wanted[f"depth-{layers}-{word}"] = (pair, "barrier", options)
    made = measure(steps, size, wanted)
    found = {
        layers: {name: made[f"depth-{layers}-{word}"] for name, word in METHODS.items()}
        for layers in size.depths
    }
    errors = {layers: values(paths) for layers, paths in found.items()}
    shown = tuple(steps.command(path) for path in found[size.depths[-1]].values())
    return (
        Section(
            "Depth: figure 3 (right)",
            "On MNIST, midpoints between aligned MLPs of 2 to 50 hidden layers stay above 90 %"
            " accuracy up to 6 layers without correction, and up to 27 with the closed-form"
            " variant, which needs no pass through the interpolated network.",
            f"MLPs of {', '.join(map(str, size.depths))} hidden layers of 128 units; the error at"
            " alpha 0.5. So for each depth:",
            shown,
            (tabulate(errors),),
            ((draw(errors, steps.folder / "depth.png"), "midpoints over depth"),),
            findings(errors),
        ),
    )


def values(paths: Mapping[str, Path]) -> dict[str, float]:
    """Return the error of the ends, of the midpoints without correction, and with each."""
    one = paths["exact"]
    found = {"ends": mean_end(one, "error")}
    found |= {variant: at(one, variant) for variant in (PLAIN, ALIGNED)}
    return found | {name: at(path, BOTH) for name, path in paths.items()}


def tabulate(errors: Depths) -> str:
    """Return the errors of all depths."""
    heads = ["hidden layers", *next(iter(errors.values()))]
    rows = [(layers, *map(told, each.values())) for layers, each in errors.items()]
    return table(heads, rows)


def reach(errors: Depths, method: str) -> int:
    """Return the most layers up to which every midpoint is near its ends; 0 for none."""
    most = 0
    for layers, each in errors.items():
        if each[method] > each["ends"] + NEAR:
            break
        most = layers
    return most


def findings(errors: Depths) -> tuple[Finding, ...]:
    """Return what the errors say of the paper's statements."""
    first, *_, last = errors
    far = {name: reach(errors, name) for name in ("align", *METHODS)}
    shown = ", ".join(f"{name} {layers}" for name, layers in far.items())
    return (
        lowers(
            "without correction the midpoint gets worse with depth",
            [(f"{first} and {last} layers: ", errors[first]["align"], errors[last]["align"])],
        ),
        Finding(
            "the closed form keeps midpoints near their ends in deeper networks than alignment",
            judged(far["closed form"] > far["align"]),
            f"most layers with a midpoint within {100 * NEAR:.0f} points of its ends: {shown}",
        ),
        no_worse("the closed form improves the midpoint", errors, "closed form", "align"),
        no_worse("the exact variant improves the midpoint", errors, "exact", "align"),
        no_worse(
            "and more than the closed form does (section 4.2)", errors, "exact", "closed form"
        ),
    )


def no_worse(statement: str, errors: Depths, one: str, other: str) -> Finding:
    """Return whether one way is better than the other at some depth, and at none worse."""
    cases = [lower(each[one], each[other]) for each in errors.values()]
    found = every(case for case in cases if case is not Outcome.UNDECIDED)
    outcome = found if set(cases) != {Outcome.UNDECIDED} else Outcome.UNDECIDED
    shown = (f"{layers}: {against(each[one], each[other])}" for layers, each in errors.items())
    return Finding(statement, outcome, "; ".join(shown))


def draw(errors: Depths, place: Path) -> Path:
    """Draw the error over depth."""
    with panels(place, 1, legend_rows=2) as (axes,):
        for name, look in styles(list(next(iter(errors.values())))).items():
            axes.plot(list(errors), [each[name] for each in errors.values()], label=name, **look)
        axes.set_xlabel("hidden layers")
        axes.set_ylabel("error at the midpoint")
        axes.set_ylim(0, 0.95)
        percent_axis(axes.yaxis)
    return place
