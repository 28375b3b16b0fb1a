"""Figure 4: the gain, and its loss, on easy and on hard examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from curves import Curve, draw, mean, part_error, points
from page import Section, table
from runs import child, images, merged, series, train_children, train_interpolants
from verdict import Finding, judged

if TYPE_CHECKING:
    from pathlib import Path

    from runs import Size
    from steps import Steps

PARTS = ("1", "2", "3", "4")


def importance(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the section of this part."""
    train_children(steps, size)
    train_interpolants(steps, size)
    fork, after = size.merged[-1]
    data = images(steps, size)
    scored = steps.measure_all(
        {
            f"scores-{seed}": (
                "el2n", *(f"{child(fork, seed, which)}-step{after}.safetensors" for which in "ab"),
                "--data", data, "--splits", len(PARTS),
            )
            for seed in range(size.seeds)
        }
    )  # fmt: skip
    done = steps.measure_all(
        {
            f"parts-{seed}": (
                "trajectory", *(series(child(fork, seed, which)) for which in "ab"),
                "--then", series(f"on-{merged(fork, after, seed)}"), "--then-at", after,
                "--data", data, "--split", "train", "--by-split", "el2n",
                "--scores", scored[f"scores-{seed}"],
            )
            for seed in range(size.seeds)
        }
    )  # fmt: skip
    results = list(done.values())
    gained = {part: [at_merge(path, part, after) for path in results] for part in PARTS}
    lost = {part: [drop(path, part, after, size.epoch) for path in results] for part in PARTS}
    panels = {
        f"split {part}": {
            "children": cut(mean(part_error(path, "children", part) for path in results), results),
            "interpolant, trained on": mean(part_error(path, "then", part) for path in results),
        }
        for part in PARTS
    }
    figure = draw(
        steps.folder / "splits.png", panels, ("steps of the children", "training error"), ()
    )
    section = Section(
        "Figure 4: easy and hard examples",
        "Four equal splits of the training set by EL2N score: the gain of merging, and the drop"
        " when the interpolant is trained on, are nearly all on splits 3 and 4, the hard ones.",
        f"k = {fork}, s = {after} steps; scores averaged over both children at that step (the"
        f" paper: epoch 10); {size.limit // len(PARTS)} examples in a split. Gain: the mean error"
        " of the children less that of the interpolant; drop: the highest error of the"
        " interpolant within an epoch of further training, less that at the merge; percentage"
        " points, one for each seed.",
        (steps.command(scored["scores-0"]), steps.command(results[0])),
        (
            table(
                ("split", "gain at the merge", "drop afterwards"),
                [(part, points(gained[part]), points(lost[part])) for part in PARTS],
            ),
        ),
        ((figure, "Training error on each split"),),
        (
            Finding(
                "the gain is on splits 3 and 4",
                judged(hard_share(gained) > 0.8),
                f"{100 * hard_share(gained):.0f} % of it",
            ),
            Finding(
                "so is the drop",
                judged(hard_share(lost) > 0.8),
                f"{100 * hard_share(lost):.0f} % of it",
            ),
        ),
    )
    return (section,)


def at_merge(path: Path, part: str, step: int) -> float:
    """Return what the interpolant gains over the mean of the children on one split."""
    children, plain = (part_error(path, name, part) for name in ("children", "plain"))
    return value_at(children, step) - value_at(plain, step)


def drop(path: Path, part: str, after: int, epoch: int) -> float:
    """Return how much worse the interpolant gets on one split within an epoch after the merge."""
    curve = part_error(path, "then", part)
    near = (curve.steps > after) & (curve.steps <= after + epoch)
    return float(curve.values[near].max()) - value_at(curve, after)


def value_at(curve: Curve, step: int) -> float:
    """Return the value at a step."""
    return float(curve.values[curve.steps == step].item())


def hard_share(values: dict[str, list[float]]) -> float:
    """Return the share of splits 3 and 4 in the sum over all splits, each at least 0."""
    means = np.array([max(0.0, float(np.mean(values[part]))) for part in PARTS])
    return float(means[2:].sum() / means.sum()) if means.sum() else 0.0


def cut(curve: Curve, results: list[Path]) -> Curve:
    """Return a curve up to the last step of the interpolant that was trained on."""
    near = curve.steps <= part_error(results[0], "then", PARTS[0]).steps[-1]
    return Curve(curve.steps[near], curve.values[near])
