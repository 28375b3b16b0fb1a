"""Figures 2 to 5: where training starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curves import paths
from networks import BLOCKS
from page import Section, table
from study import Study, study
from verdict import Finding, Outcome, explained, judged

if TYPE_CHECKING:
    from networks import Size
    from steps import Steps

COLUMNS = ("start", "shape", "Delta, nats", "test error")
PLACES = ("before the barrier", "at the barrier", "behind the barrier")


def figure_2(found: Study) -> Section:
    """Pre-trained on other images, and trained on random labels."""
    size = found.size
    names = ("scratch", "pre-trained", "no decay", "random labels")
    return Section(
        "Figure 2: pre-training, and random labels",
        "From weights pre-trained on ImageNet the loss falls monotonically and the test accuracy"
        " is higher; from weights that have memorised random labels, trained on without weight"
        " decay, the barrier is higher and the accuracy lower.",
        f"No other large set of images is at hand: the pre-trained network has seen {size.other}"
        " other images of Fashion-MNIST, with their labels, and gets a fresh classifier; so it is"
        " nearer to the task than ImageNet is. It is trained on at a tenth of the rate, as in the"
        f" paper. The adversarial one has memorised {size.wrong} randomly labelled images. Both"
        " are shared by all seeds.",
        (
            found.steps.command(found.steps.folder / "start-pre-trained-0.h5"),
            found.steps.command(found.paths["pre-trained"][0]),
            found.steps.command(found.paths["random labels"][0]),
        ),
        (table(COLUMNS, map(found.row, names)),),
        (paths(found, "pre-training", names),),
        (
            found.has_shape("pre-trained: monotone", "pre-trained", "monotone"),
            found.has_shape("from scratch: a plateau", "scratch", "plateau"),
            found.better("pre-trained: better", "pre-trained", "scratch"),
            found.higher("random labels: a higher barrier", "random labels", "no decay"),
            explained(
                found.better("random labels: worse", "no decay", "random labels"),
                f"training is short here, and it had {size.wrong_epochs} epochs on such images"
                " before, if with wrong labels",
            ),
        ),
    )


def figure_3(found: Study) -> Section:
    """Start at the height of the barrier, before it and behind it."""
    names = [name for name in PLACES if name in found.networks.final]
    seeds = len(found.networks.final.get("at the barrier", ()))
    findings = [
        finding
        for name in names
        for finding in (
            found.has_shape(f"{name}: monotone", name, "monotone"),
            found.better(f"{name}: better than from a random state", name, "no decay"),
        )
    ]
    nothing = Finding(
        "starting at the barrier helps",
        Outcome.UNDECIDED,
        "no path has a barrier, so there is nothing to start from",
    )
    made = [found.steps.folder / "start-at-the-barrier-0.h5"] if names else []
    return Section(
        "Figure 3, Figure A12 and Table A2: starting at the height of the barrier",
        "Without weight decay some paths have a barrier. Trained from its height, although the"
        " loss is higher there than at random, the network becomes better (91.1 % against"
        " 90.0 %), and the new path is monotone. So it is before and behind the barrier.",
        f"The paths of the networks without weight decay; {seeds} of {found.size.seeds} rise by"
        " 5 % of the loss or more. Before and behind: a tenth of the path away.",
        tuple(found.steps.command(path) for path in made if path.exists()),
        (table(COLUMNS, map(found.row, ("no decay", *names))),),
        (paths(found, "from the barrier", ("no decay", *names)),),
        tuple(findings or [nothing]),
    )


def figure_4(found: Study) -> Section:
    """Put one block of a trained or pre-trained network back to a random state."""
    numbers = range(1, len(BLOCKS) + 1)
    names = [f"{kind}-All but RI-{number}" for kind in "TP" for number in numbers]
    shapes = [shape for name in names for shape in found.shapes(name)]
    errors = {name: sum(found.errors(name)) / found.size.seeds for name in names}
    worst = max(errors, key=lambda name: errors[name])
    return Section(
        "Figure 4 and the table beside it: partial training",
        "A network trained on the task (T) or pre-trained (P), one block put back to its random"
        " state (RI), then trained as usual: often worse than from scratch (92.2 %; T 91.0 to"
        " 92.4 %, P 89.9 to 92.8 %), often with a barrier. Which block matters differs between"
        " T and P: block 4 for T, blocks 1 and 2 for P.",
        "T is our network from scratch, P the one of Figure 2; ResNet20 has three blocks.",
        (
            found.steps.command(found.steps.folder / "start-T-All-but-RI-1-0.h5"),
            found.steps.command(found.paths[names[0]][0]),
        ),
        (table(COLUMNS, map(found.row, ("scratch", *names))),),
        (paths(found, "partial training", ("scratch", *names)),),
        (
            Finding(
                "partial training can make barriers",
                judged("barrier" in shapes),
                f"{shapes.count('barrier')} of {len(shapes)} paths",
            ),
            found.better("the worst of them is worse than from scratch", "scratch", worst),
        ),
    )


def figure_5(found: Study) -> Section:
    """Put one block of the network of random labels into a random state."""
    names = [f"random labels in {number}" for number in range(1, len(BLOCKS) + 1)]
    return Section(
        "Figure 5: random labels in one block",
        "One block of the network that memorised random labels, the others at random: worse when"
        " it is one of the first blocks, slightly better when it is the last, whose path is"
        " monotone while the others have barriers.",
        "Without weight decay. Figure A13, the same for other weight decays, is left out.",
        (found.steps.command(found.steps.folder / "start-random-labels-in-1-0.h5"),),
        (table(COLUMNS, map(found.row, ("no decay", *names))),),
        (paths(found, "random labels in one block", ("no decay", *names)),),
        (
            found.better("in the first block: worse", "no decay", names[0]),
            found.better("in the last block: better", names[-1], "no decay"),
            found.higher("first block: a higher rise than the last", names[0], names[-1]),
        ),
    )


def initialisation(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the sections of this part."""
    found = study(steps, size)
    return figure_2(found), figure_3(found), figure_4(found), figure_5(found)
