"""Normalisation layers and what is corrected: figures 3 (middle), 4, 5 (left), 10 and 11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from canvas import panels, styles
from claims import lowers, share, told
from page import Section, table
from readings import ALIGNED, BOTH, alphas, at, barrier, curve, mean_end, reduction
from recipes import Pair, Size, measure
from verdict import Finding, judged

from lmctool.report.scales import percent_axis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps import Steps

NORMS = {"BatchNorm": "batch", "LayerNorm": "layer", "Fixup": "fixup"}
TARGETS = {
    "BatchNorm statistics reset": ("--repair", "reset"),
    "REPAIR of layers": ("--repair", "--targets", "layers"),
    "REPAIR of layers and blocks": ("--repair", "--targets", "both"),
}
LEAST = 0.6
"""REPAIR's reduction of the barrier over alignment is 60 to 100 % in the paper."""
EQUAL = 0.002
"""A reset of BatchNorm equals REPAIR up to rounding: so few answers may differ."""


def norms(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Measure ResNet20s of three normalisations, and what is corrected in one of them."""
    points = ("--align", "--repair", "--points", str(size.points))
    wanted: dict[str, tuple[Pair, str, tuple[str, ...]]] = {
        f"norm-{word}": (size.resnet(word), "barrier", points) for word in NORMS.values()
    }
    for number, words in enumerate(TARGETS.values()):
        options = ("--align", *words, "--points", "3")
        wanted[f"targets-{number}"] = (size.resnet("batch"), "barrier", options)
    made = measure(steps, size, wanted)
    found = {name: made[f"norm-{word}"] for name, word in NORMS.items()}
    targets = {name: made[f"targets-{number}"] for number, name in enumerate(TARGETS)}
    return (of_norms(steps, found), of_targets(steps, targets))


def of_norms(steps: Steps, found: Mapping[str, Path]) -> Section:
    """Return the section of the three normalisations."""
    return Section(
        "Normalisation layers: figures 3 (middle), 4, 10 and 11",
        "REPAIR shrinks the barrier of aligned ResNets with BatchNorm, LayerNorm and Fixup (none)"
        " at every width. Networks with LayerNorm alone are good before it: at width 8 the"
        " midpoint has 90.3 % accuracy, 93.2 % with REPAIR; with BatchNorm 32.3 %, and then"
        " 94.4 %. But LayerNorm's ends are worse (92.4 % for 93.6 % at width 1).",
        "ResNet20s of width 1; barriers are rises over the chord between the ends.",
        tuple(steps.command(path) for path in found.values()),
        (tabulate(found),),
        ((draw(found, steps.folder / "norms.png"), "error along the path by normalisation"),),
        findings(found),
    )


def tabulate(found: Mapping[str, Path]) -> str:
    """Return ends, midpoints and barriers by normalisation."""
    heads = (
        "normalisation", "ends", "midpoint, align", "align+repair",
        "barrier of error, align", "align+repair", "less by",
        "barrier of loss, align", "align+repair", "less by",
    )  # fmt: skip
    rows = []
    for name, path in found.items():
        row = [name, told(mean_end(path)), told(at(path, ALIGNED)), told(at(path, BOTH))]
        for metric in ("error", "loss"):
            before, after = (barrier(path, each, metric) for each in (ALIGNED, BOTH))
            row += [told(before, metric), told(after, metric), share(reduction(path, metric))]
        rows.append(row)
    return table(heads, rows)


def findings(found: Mapping[str, Path]) -> tuple[Finding, ...]:
    """Return what the curves say of the paper's statements."""
    aligned = {name: barrier(path, ALIGNED) for name, path in found.items()}
    repaired = {name: barrier(path, BOTH) for name, path in found.items()}
    less = {name: reduction(path) for name, path in found.items()}
    before, *_ = (at(path, ALIGNED) for path in found.values())
    return (
        lowers(
            "REPAIR shrinks the barrier of all three",
            [(f"{name} ", repaired[name], aligned[name]) for name in found],
        ),
        Finding(
            "REPAIR takes off 60 to 100 % of the barrier that alignment leaves",
            judged(min(less.values()) >= LEAST),
            "; ".join(f"{name} {share(each)}" for name, each in less.items()),
        ),
        lowers(
            "before REPAIR the barrier is lowest with LayerNorm",
            [
                (f"{name}: ", aligned["LayerNorm"], aligned[name])
                for name in aligned
                if name != "LayerNorm"
            ],
        ),
        Finding(
            "with BatchNorm the midpoint is wrong on most examples before REPAIR",
            judged(before > 1 / 2),
            told(before),
        ),
        lowers(
            "the ends are better with BatchNorm than with LayerNorm",
            [("", mean_end(found["BatchNorm"]), mean_end(found["LayerNorm"]))],
        ),
    )


def draw(found: Mapping[str, Path], place: Path) -> Path:
    """Draw the error along the path, a panel for each normalisation."""
    with panels(place, len(found)) as axes:
        for axis, (name, path) in zip(axes, found.items(), strict=True):
            for variant in (ALIGNED, BOTH):
                look = styles([variant])[variant]
                axis.plot(alphas(path), curve(path, variant), label=variant, **look)
            axis.set_title(name)
            axis.set_xlabel("alpha (0 = A, 1 = B)")
            axis.set_ylim(0, 0.95)
            percent_axis(axis.yaxis)
        axes[0].set_ylabel("test error")
    return place


def of_targets(steps: Steps, found: Mapping[str, Path]) -> Section:
    """Return the section of what is corrected."""
    reset, layers, both = (at(path, BOTH) for path in found.values())
    before = at(next(iter(found.values())), ALIGNED)
    rows = [(name, told(error)) for name, error in zip(found, (reset, layers, both), strict=True)]
    return Section(
        "What is corrected: figure 5 (left)",
        "On ImageNet, REPAIR of the outputs of ResNet50's convolutions takes the midpoint's"
        " accuracy from under 1 % to 53.2 %, and that of its blocks' outputs too to 56.5 %. In"
        " networks with BatchNorm after every convolution the former equals a reset of the"
        " BatchNorm statistics.",
        "The ResNet20s with BatchNorm from above; ImageNet is not to be had here, and figure 5"
        " (right), its widths, stays open.",
        tuple(steps.command(path) for path in found.values()),
        (table(("corrected", "error at the midpoint"), [("nothing", told(before)), *rows]),),
        (),
        (
            Finding(
                "REPAIR of layers is a reset of the BatchNorm statistics",
                judged(abs(reset - layers) <= EQUAL),
                f"{told(layers)} and {told(reset)}",
            ),
            lowers("REPAIR of layers improves the midpoint", [("", layers, before)]),
            lowers("that of blocks improves it further", [("", both, layers)]),
        ),
    )
