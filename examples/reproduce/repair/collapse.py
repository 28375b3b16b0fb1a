"""Variance collapse: figures 1 (left), 2 and 3 (left)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from canvas import panels, styles
from claims import share
from page import Section, table
from readings import ALIGNED, BOTH, PLAIN, correlation, deviations, ratio
from recipes import Pair, Size, measure
from verdict import Finding, judged

from lmctool.report.scales import log_axis

if TYPE_CHECKING:
    from pathlib import Path

    from steps import Steps

NINTH = "layer2.0.conv2"
"""The ninth convolution of a ResNet20, as the paper looks into the ninth layer of a ResNet18."""
TENTH = 0.1
LOST = 0.8
"""A channel has lost variance when its deviation is below this share of the ends'."""


def collapse(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Take the ratios of variances in three kinds of networks."""
    pairs = {
        f"MLP, {size.deep} layers": size.perceptron(size.deep),
        size.vggs[-1].upper(): size.vgg(size.vggs[-1]),
        "ResNet20, BatchNorm": size.resnet("batch"),
    }
    words = ("--align", "--repair")
    kept = {True: ("--layer", NINTH), False: ()}
    wanted: dict[str, tuple[Pair, str, tuple[str, ...]]] = {
        f"variance-{pair.name}": (pair, "variance", (*words, *kept["ResNet" in name]))
        for name, pair in pairs.items()
    }
    found = dict(zip(pairs, measure(steps, size, wanted).values(), strict=True))
    pictures = (
        (draw_ratios(found, steps.folder / "collapse.png"), "ratios of variances by layer"),
        (draw_channels(found, steps.folder / "channels.png"), "channels of one layer"),
    )
    return (
        Section(
            "Variance collapse: figures 1 (left), 2 and 3 (left)",
            "In an interpolated network the variance of the activations, over that of its ends,"
            " decays layer by layer: to nearly zero in an MLP of 35 layers, by more than ten times"
            " in VGG and ResNet50, and faster still without alignment. In the first layer it is"
            " 0.5 + 0.5 c, with c the correlation of matched units; c is typically 0.4. REPAIR"
            " brings every channel back.",
            f"The same ratios at alpha 0.5, on {size.measured} training images. A ResNet20 with"
            f" BatchNorm stands for ResNet50; its layer {NINTH} shows single channels.",
            tuple(steps.command(path) for path in found.values()),
            (tabulate(found),),
            pictures,
            findings(found),
        ),
    )


def tabulate(found: dict[str, Path]) -> str:
    """Return the first layer's correlation and the first and last ratios of each network."""
    heads = ("network", "correlation, layer 1", "variant", "layer 1", "middle layer", "last layer")
    rows = []
    for name, path in found.items():
        for variant in (PLAIN, ALIGNED, BOTH):
            ratios = ratio(path, variant)
            own = "" if variant == BOTH else f"{correlation(path, variant)[0]:.2f}"
            shown = (ratios[0], ratios[len(ratios) // 2], ratios[-1])
            rows.append((name, own, variant, *(f"{each:.2g}" for each in shown)))
    return table(heads, rows)


def findings(found: dict[str, Path]) -> tuple[Finding, ...]:
    """Return what the ratios say of the paper's statements."""
    last = {name: {v: ratio(path, v)[-1] for v in (PLAIN, ALIGNED)} for name, path in found.items()}
    repaired = np.concatenate([ratio(path, BOTH) for path in found.values()])
    first = [
        (ratio(path, ALIGNED)[0], (1 + correlation(path, ALIGNED)[0]) / 2)
        for path in found.values()
    ]
    goal, own = deviations(list(found.values())[-1], ALIGNED)
    _, after = deviations(list(found.values())[-1], BOTH)
    lost, still = ((each < LOST * goal).mean() for each in (own, after))
    shown = "; ".join(f"{name} {each[ALIGNED]:.2g}" for name, each in last.items())
    worse = "; ".join(f"{name} {each[PLAIN]:.2g}" for name, each in last.items())
    return (
        Finding(
            "aligned networks lose more than 10 times their variance by the last layer",
            judged(all(each[ALIGNED] < TENTH for each in last.values())),
            shown,
        ),
        Finding(
            "without alignment they lose more",
            judged(all(each[PLAIN] < each[ALIGNED] for each in last.values())),
            worse,
        ),
        Finding(
            "the first layer's ratio is 0.5 + 0.5 c",
            judged(all(abs(seen - due) < TENTH for seen, due in first)),
            "; ".join(f"{seen:.2f} for {due:.2f}" for seen, due in first),
        ),
        Finding(
            "REPAIR restores the variance in every layer",
            judged(bool((abs(repaired - 1) < 2 * TENTH).all())),
            f"all layers of all networks lie from {repaired.min():.2f} to {repaired.max():.2f}",
        ),
        Finding(
            "single channels lose theirs, and have it back with REPAIR",
            judged(bool(lost > 1 / 2 > still)),
            f"{share(lost)} of the channels of {NINTH} are below {LOST} of the ends' standard"
            f" deviation; with REPAIR {share(still)}",
        ),
    )


def draw_ratios(found: dict[str, Path], place: Path) -> Path:
    """Draw the ratios over depth."""
    from matplotlib.ticker import MaxNLocator

    with panels(place, len(found)) as axes:
        for axis, (name, path) in zip(axes, found.items(), strict=True):
            axis.axhline(1, color="0.6", linewidth=1, marker="")
            for variant in (PLAIN, ALIGNED, BOTH):
                ratios = ratio(path, variant)
                look = styles([variant])[variant]
                axis.plot(np.arange(1, len(ratios) + 1), ratios, label=variant, **look)
            log_axis(axis.yaxis)
            axis.set_ylim(bottom=max(1e-4, axis.get_ylim()[0]))
            axis.set_title(name)
            axis.set_xlabel("layer")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].set_ylabel("variance / mean of the ends'")
    return place


def draw_channels(found: dict[str, Path], place: Path) -> Path:
    """Draw the standard deviations of one layer's channels over those of the ends."""
    path = list(found.values())[-1]
    with panels(place, 2) as axes:
        for axis, variants in zip(axes, ((PLAIN, ALIGNED), (BOTH,)), strict=True):
            for variant in variants:
                goal, own = deviations(path, variant)
                look = {**styles([variant])[variant], "linestyle": ""}
                axis.plot(goal, own, label=variant, **look)
            axis.plot([0, goal.max()], [0, goal.max()], "-", color="0.6", marker="")
            axis.set_xlabel("standard deviation, ends interpolated")
        axes[0].set_ylabel(f"at the midpoint ({NINTH})")
    return place
