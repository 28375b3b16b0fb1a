"""REPAIR without alignment: figure 14."""

from __future__ import annotations

from typing import TYPE_CHECKING

from canvas import panels, styles
from claims import lowers, told
from page import Section, table
from readings import ALIGNED, BOTH, PLAIN, REPAIRED, alphas, at, curve
from recipes import Pair, Size, measure

from lmctool.report.scales import percent_axis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps import Steps
    from verdict import Finding

NEAR_END = 0.1
SHOWN = (NEAR_END, 0.3, 0.5)


def unaligned(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Measure the four ways between two kinds of networks."""
    pairs = {
        "ResNet20, BatchNorm": size.resnet("batch"),
        f"{size.vggs[0].upper()}, no normalisation": size.vgg(size.vggs[0]),
    }
    points = ("--points", str(size.points))
    ways = {"unaligned": ("--repair", *points), "aligned": ("--align", "--repair", *points)}
    wanted: dict[str, tuple[Pair, str, tuple[str, ...]]] = {
        f"{way}-{pair.name}": (pair, "barrier", words)
        for pair in pairs.values()
        for way, words in ways.items()
    }
    made = measure(steps, size, wanted)
    found = {
        name: curves_of(*(made[f"{way}-{pair.name}"] for way in ways))
        for name, pair in pairs.items()
    }
    return (
        Section(
            "REPAIR without alignment: figure 14",
            "REPAIR alone helps near the ends of the path between networks that were not aligned,"
            " and alignment becomes essential near the midpoint: only both together give a good"
            " one. Shown for ResNet18, VGG11 and ResNet50.",
            "ResNet20 with BatchNorm and VGG without normalisation; the error at three positions.",
            tuple(steps.command(path) for path in made.values()),
            (tabulate(found),),
            ((draw(found, steps.folder / "unaligned.png"), "error along four paths"),),
            findings(found),
        ),
    )


def curves_of(unaligned: Path, aligned: Path) -> dict[str, Path]:
    """Return the result that holds each variant."""
    return {PLAIN: unaligned, REPAIRED: unaligned, ALIGNED: aligned, BOTH: aligned}


def tabulate(found: Mapping[str, Mapping[str, Path]]) -> str:
    """Return the errors of all variants at some positions."""
    heads = ("networks", "variant", *(f"alpha {alpha}" for alpha in SHOWN))
    rows = [
        (name, variant, *(told(at(path, variant, alpha)) for alpha in SHOWN))
        for name, paths in found.items()
        for variant, path in paths.items()
    ]
    return table(heads, rows)


def findings(found: Mapping[str, Mapping[str, Path]]) -> tuple[Finding, ...]:
    """Return what the curves say of the paper's statements."""
    near, middle = (
        {
            name: {variant: at(path, variant, alpha) for variant, path in paths.items()}
            for name, paths in found.items()
        }
        for alpha in (NEAR_END, 0.5)
    )
    return (
        lowers(
            f"without alignment, REPAIR helps near the ends (alpha {NEAR_END})",
            [(f"{name}: ", each[REPAIRED], each[PLAIN]) for name, each in near.items()],
        ),
        lowers(
            "at the midpoint REPAIR needs the alignment",
            [(f"{name}: ", each[BOTH], each[REPAIRED]) for name, each in middle.items()],
        ),
        lowers(
            "at the midpoint the alignment needs REPAIR",
            [(f"{name}: ", each[BOTH], each[ALIGNED]) for name, each in middle.items()],
        ),
    )


def draw(found: Mapping[str, Mapping[str, Path]], place: Path) -> Path:
    """Draw the error along the path, a panel for each kind of network."""
    with panels(place, len(found)) as axes:
        for axis, (name, paths) in zip(axes, found.items(), strict=True):
            for variant, path in paths.items():
                look = styles([variant])[variant]
                axis.plot(alphas(path), curve(path, variant), label=variant, **look)
            axis.set_title(name)
            axis.set_xlabel("alpha (0 = A, 1 = B)")
            axis.set_ylim(0, 0.95)
            percent_axis(axis.yaxis)
        axes[0].set_ylabel("test error")
    return place
