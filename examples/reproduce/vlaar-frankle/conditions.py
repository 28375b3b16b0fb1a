"""Figures 6 and 9 and appendix E: data, weight decay and learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curves import paths
from page import Section, table
from reading import value
from study import Study, nats, study
from verdict import Finding, Outcome, explained, judged

if TYPE_CHECKING:
    from networks import Size
    from steps import Steps

COLUMNS = ("network", "shape", "Delta, nats", "test error")
RATES = ("high rate", "middle rate", "low rate")


def figure_6(found: Study) -> Section:
    """Less data, and data augmentation."""
    size, names = found.size, ("scratch", "less data", "augmentation")
    rows = [(*found.row(name), nats(found.heights(name))) for name in names]
    return Section(
        "Figures 6, A14 and A15: the data",
        "Fewer training images make the path monotone, lower the barriers of the blocks, and the"
        " accuracy falls. Leaving out augmentation lowers the blocks' barriers as well, more"
        " augmentation raises them.",
        f"{size.fewer} in place of {size.limit} training images, for as many steps. Our network"
        " from scratch has no augmentation, so the comparison runs the other way: flips and"
        " crops are added. Less data without augmentation (A14) is therefore the second line."
        " Blocks: the highest Delta of any block's own path.",
        (
            found.steps.command(found.paths["less data"][0]),
            found.steps.command(found.blocks("less data")[0]),
        ),
        (table((*COLUMNS, "blocks, nats"), rows),),
        (paths(found, "data", names),),
        (
            explained(
                found.has_shape("less data: monotone", "less data", "monotone"),
                "it had as many steps, and as much weight decay, as with all data",
            ),
            found.better("less data: worse", "scratch", "less data"),
            found.higher("less data: lower block barriers", "scratch", "less data", blocks=True),
            found.higher(
                "no augmentation: lower block barriers", "augmentation", "scratch", blocks=True
            ),
            explained(
                found.better("no augmentation: worse", "augmentation", "scratch"),
                f"{size.epochs} epochs are too few to gain by it, and crops by 4 pixels cut much"
                " from a small image",
            ),
        ),
    )


def weight_decay(found: Study) -> Section:
    """From no weight decay to too much of it."""
    decay = found.size.decay
    names = ("no decay", "little decay", "scratch", "much decay")
    best = min(names, key=lambda name: sum(found.errors(name)))
    return Section(
        "Figure 9, weight decay",
        "Without weight decay some runs have a barrier and some are monotone; a little (1e-4) is"
        " always monotone; at 5e-4, where the accuracy is highest, and above, the loss stays on a"
        " plateau until near the end.",
        f"Weight decay 0, {decay / 10:g}, {decay:g} and {4 * decay:g}: with fewer steps than the"
        " paper's, more of it is needed for the same shrinkage (rate x decay x steps).",
        tuple(found.steps.command(found.paths[name][0]) for name in (names[0], names[-1])),
        (table(COLUMNS, map(found.row, names)),),
        (paths(found, "weight decay", names),),
        (
            found.has_shape("no decay: barriers on some runs", "no decay", "barrier"),
            found.has_shape("little decay: monotone", "little decay", "monotone"),
            found.has_shape("the usual decay: a plateau", "scratch", "plateau"),
            found.has_shape("more: a plateau", "much decay", "plateau"),
            Finding("the usual decay is the best", judged(best == "scratch"), f"best: {best}"),
            found.better("more decay: worse", "scratch", "much decay"),
        ),
    )


def learning_rate(found: Study) -> Section:
    """Three fixed learning rates, and how far each network travels."""
    words = {
        f"distance-{final.stem}": ("distance", initial, final)
        for name in RATES
        for initial, final in zip(
            found.networks.initial[name], found.networks.final[name], strict=True
        )
    }
    done = found.steps.measure_all(words)
    lengths: dict[str, dict[str, tuple[float, ...]]] = {
        name: {
            kind: tuple(
                value(done[f"distance-{final.stem}"], f"distance/whole/{kind}")
                for final in found.networks.final[name]
            )
            for kind in ("symmetric", "relative")
        }
        for name in RATES
    }
    rows = [(*found.row(name), *map(nats, lengths[name].values())) for name in RATES]
    middle = [sum(lengths[name]["symmetric"]) for name in RATES]
    shapes = {name: found.shapes(name) for name in RATES}
    far = shapes["high rate"].count("barrier") >= shapes["middle rate"].count("barrier")
    any_barrier = any("barrier" in each for each in shapes.values())
    why = "training is short, and far from converged at a fixed rate"
    return Section(
        "Figure 9, fixed learning rate, and the distances of appendix E",
        "Of three fixed rates the middle one gives no monotone path and the best accuracy, the"
        " higher and the lower ones are monotone. The higher the rate, the farther the network"
        " travels (1.03, 0.88, 0.22), so distance does not tell the shape.",
        "Rates 0.1, 0.01 and 0.001 all the way, weight decay as from scratch. The paper's measure"
        " of distance (equation 4) was not at hand in full; both common forms are shown:"
        " symmetric is the root of ||A-B||^2 / (||A|| ||B||), relative is ||A-B|| / ||A||.",
        tuple(found.steps.command(path) for path in list(done.values())[:1]),
        (table((*COLUMNS, "distance, symmetric", "distance, relative"), rows),),
        (paths(found, "fixed learning rate", RATES),),
        (
            Finding(
                "the higher the rate, the farther",
                judged(middle[0] > middle[1] > middle[2]),
                "; ".join(nats(lengths[name]["symmetric"]) for name in RATES),
            ),
            explained(found.has_shape("high rate: monotone", "high rate", "monotone"), why),
            found.has_shape("middle rate: not monotone", "middle rate", "barrier", "plateau"),
            explained(found.has_shape("low rate: monotone", "low rate", "monotone"), why),
            Finding(
                "the farthest network is not the one with barriers",
                judged(not far) if any_barrier else Outcome.UNDECIDED,
                "; ".join(f"{name}: {', '.join(each)}" for name, each in shapes.items()),
            ),
            found.better("middle rate: better than the high one", "middle rate", "high rate"),
            found.better("middle rate: better than the low one", "middle rate", "low rate"),
        ),
    )


def conditions(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the sections of this part."""
    found = study(steps, size)
    return figure_6(found), weight_decay(found), learning_rate(found)
