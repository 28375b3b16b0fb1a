"""Figures 1B, 10, A18 and A19: blocks, depth and BatchNorm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from curves import paths
from networks import BLOCKS
from page import Section, table
from reading import pick, text, value
from study import Study, nats, study
from verdict import Finding, judged

if TYPE_CHECKING:
    from networks import Size
    from steps import Steps

COLUMNS = ("network", "shape", "Delta, nats", "test error")
KINDS = r"\..*(running|bn|conv|shortcut)"
"""What the tensors of a block are; the word nearest to the end of a name is its part, so that
``bn`` is weights and biases of BatchNorm, and ``running`` its statistics."""


def figure_1b(found: Study) -> Section:
    """The whole path, and the path of each block."""
    results = found.blocks("scratch")
    parts = [str(part) for part in pick(results[0], "layerwise/summary/part")]
    rows = [
        (
            part,
            "/".join(text(each, "layerwise/summary/shape_loss", part=part) for each in results),
            nats([value(each, "layerwise/summary/other_loss", part=part) for each in results]),
            nats([value(each, "layerwise/summary/delta_loss", part=part) for each in results]),
        )
        for part in parts
    ]
    shapes = {
        text(each, "layerwise/summary/shape_loss", part=part) for each in results for part in BLOCKS
    }
    most = max(found.heights("scratch"))
    return Section(
        "Figure 1B: a residual network, whole and block by block",
        "The loss of a ResNet-18 stays at the level of chance until near the end of the path. One"
        " block at a time, the others at their final state, gives barriers for some blocks and"
        " monotone paths for others.",
        "ResNet20 (three blocks of three residual units) on 14 x 14 images. Initial: the loss"
        " with this part put back to its initial state; Delta: the largest rise on its path.",
        (found.steps.command(found.paths["scratch"][0]), found.steps.command(results[0])),
        (table(("part", "shape", "initial, nats", "Delta, nats"), rows),),
        ((results[0].with_suffix(".png"), "Block by block, the whole path dashed"),),
        (
            found.has_shape("the whole path is a plateau", "scratch", "plateau"),
            Finding("some blocks have barriers", judged("barrier" in shapes), f"{most:.3f} nats"),
            Finding("others do not", judged(shapes != {"barrier"}), ", ".join(sorted(shapes))),
        ),
    )


def depth(found: Study) -> Section:
    """A deeper network."""
    names = ("scratch", "deeper")
    rows = [(*found.row(name), nats(found.heights(name))) for name in names]
    results = found.blocks("deeper")
    return Section(
        "Figure 10: depth",
        "Deeper ResNets have more or higher barriers of their blocks, and a higher accuracy.",
        "ResNet32 beside ResNet20.",
        (found.steps.command(results[0]),),
        (table((*COLUMNS, "blocks, nats"), rows),),
        (paths(found, "depth", names),),
        (
            found.higher("deeper: higher block barriers", "deeper", "scratch", blocks=True),
            found.better("deeper: better", "deeper", "scratch"),
        ),
    )


def groups(found: Study) -> Section:
    """The kinds of parameters of each block, one kind at a time."""
    initial, final = (each["scratch"][0] for each in (found.networks.initial, found.networks.final))
    done = found.steps.measure_all(
        {
            f"kinds-of-{block}": ("layerwise", initial, final, *found.examples(), "--by", by)
            for block in BLOCKS
            for by in [f"{block}{KINDS}"]
        }
    )
    rows, nearest = [], []
    for block, path in zip(BLOCKS, done.values(), strict=True):
        whole = pick(found.blocks("scratch")[0], "layerwise/curve/loss", part=block)
        curves = {
            str(part): pick(path, "layerwise/curve/loss", part=part)
            for part in pick(path, "layerwise/summary/part")
        }
        apart = {part: float(np.abs(each - whole).mean()) for part, each in curves.items()}
        nearest.append(min(apart, key=lambda part, apart=apart: apart[part]))
        rows += [
            (
                block,
                part,
                f"{each[0]:.3f}",
                f"{each.max() - each[0]:.3f}",
                f"{apart.get(part, 0):.3f}",
            )
            for part, each in {**curves, "all of it": whole}.items()
        ]
    return Section(
        "Figure A18: the kinds of parameters of a block",
        "Of the parameter groups of a convolutional block, the running mean and variance of"
        " BatchNorm seem to govern the path of the whole block.",
        "Every block of the network from scratch, seed 0; `bn` is weights and biases of"
        " BatchNorm, `running` its statistics. Apart: the mean distance of the curve from that of"
        " the whole block.",
        tuple(found.steps.command(path) for path in done.values()),
        (table(("block", "part", "initial, nats", "rise above it", "apart, nats"), rows),),
        ((done["kinds-of-layer2"].with_suffix(".png"), "Kinds of parameters of layer2"),),
        (
            Finding(
                "the running statistics' path is nearest to the block's",
                judged(nearest.count("running") > len(BLOCKS) / 2),
                "nearest: " + ", ".join(nearest),
            ),
        ),
    )


def without_batchnorm(found: Study) -> Section:
    """A residual network without BatchNorm."""
    names = ("scratch", "no decay", "no BatchNorm")
    return Section(
        "Figure A19: no BatchNorm",
        "Without BatchNorm ResNets and VGGs often fall monotonically, and are worse.",
        "ResNet20 in the Fixup form with Adam, without weight decay. VGG-11 is left out: it does"
        " not take 14 x 14 images.",
        (found.steps.command(found.paths["no BatchNorm"][0]),),
        (table(COLUMNS, map(found.row, names)),),
        (paths(found, "no BatchNorm", names),),
        (
            found.has_shape("no BatchNorm: monotone", "no BatchNorm", "monotone"),
            found.better("no BatchNorm: worse", "no decay", "no BatchNorm"),
        ),
    )


def model(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the sections of this part."""
    found = study(steps, size)
    return figure_1b(found), depth(found), groups(found), without_batchnorm(found)
