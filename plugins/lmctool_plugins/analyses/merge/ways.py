"""The ways to merge the networks of a run: as they are, aligned, repaired."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lmctool.api import LinearTransform, LmctoolError, Permutation
from lmctool.api.advanced import common_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.api import Run, Transform, Variant, Weights
    from lmctool.api.advanced import CommonFrame, Proof
    from lmctool_plugins.analyses.merge.shares import Shares


@dataclass(frozen=True, slots=True)
class Way:
    """One way to merge networks.

    Attributes:
        name: ``plain``, ``align``, ``repair`` or ``align+repair``.
        networks: the networks, in the frame that they are merged in.
        merged: the merged weights, by how much each network counts.
    """

    name: str
    networks: tuple[Weights, ...]
    merged: Callable[[Shares], Weights]


@dataclass(frozen=True, slots=True)
class ProvedFrame:
    """The frame that networks are aligned in, and the proof of each network's transform."""

    frame: CommonFrame
    proofs: tuple[Proof, ...]


def check(run: Run, frame: str) -> None:
    """Check that the flags fit the number of networks.

    Raises:
        LmctoolError: they don't.
    """
    settings, count = run.settings, run.count
    if frame == "common" and settings.excepted:
        raise LmctoolError(
            "--frame common aligns networks with the mean of the others, and networks that differ"
            " in what --except names have none; give --frame first"
        )
    if frame == "common" and not settings.aligns:
        raise LmctoolError("--frame common says where --align brings the units; give --align too")
    if count == 2:
        if frame == "common":
            raise LmctoolError("--frame common is for three networks or more; of two, leave it out")
        return
    if settings.correction is not None:
        raise LmctoolError(
            f"--repair {settings.correction.name} corrects networks between two others, and"
            f" {count} are merged; --batchnorm reset takes BatchNorm statistics anew of any number"
        )
    if settings.apply is not None:
        raise LmctoolError(f"--apply permutes one of two networks, not {count}; give --align")
    if settings.batchnorm == "b":
        raise LmctoolError(
            f"--batchnorm b is for two networks, not {count}; give interpolate, reset or a"
        )


def between_two(run: Run) -> list[Way]:
    """Return the ways to merge two networks: those of every path, storable in a checkpoint."""
    return [
        Way(variant.name, (variant.a, variant.b), partial(_point, run, variant))
        for variant in run.variants(storable=True)
    ]


def _point(run: Run, variant: Variant, counts: Shares) -> Weights:
    """Return a point of the path; the uncorrected ones are the weighted mean in float64."""
    if variant.name in {"plain", "align"}:
        return run.batchnorm.mean((variant.a, variant.b), counts)
    return variant.at(counts[1] / sum(counts))


def of_many(run: Run, frame: str) -> tuple[list[Way], ProvedFrame | None]:
    """Return the ways to merge three networks or more, and the frame that they are aligned in."""
    networks = tuple(run.weights(index) for index in range(run.count))
    plain = tuple(map(run.completed, networks))
    ways = [Way("plain", plain, partial(run.batchnorm.mean, plain))]
    if not run.settings.aligns:
        return ways, None
    networks = tuple(map(run.frame, networks))
    proved = _frame_of(run, networks, frame)
    transformed = zip(proved.frame.transforms, networks, strict=True)
    aligned = tuple(run.completed(each.apply(own)) for each, own in transformed)
    return [*ways, Way("align", aligned, partial(run.batchnorm.mean, aligned))], proved


def _frame_of(run: Run, networks: tuple[Weights, ...], frame: str) -> ProvedFrame:
    choice = run.settings.aligner
    assert choice is not None

    def align(a: Weights, b: Weights) -> Transform:
        # what the aligner says of one pair says nothing of the frame
        found = run.match(choice.name, a, b, **choice.options).transform
        if run.resources.canonical and isinstance(found, Permutation):
            return LinearTransform(run.linear_spec, found)
        return found

    limit = {} if frame == "common" else {"sweeps": 0}
    counted = [name for name in parameters(run) if name not in run.left_out]
    first, *others = networks
    pairwise = run.map(
        enumerate(others, 1),
        lambda other: align(first, other[1]),
        key=lambda other: f"{run.checkpoints[0].path.name} | {run.checkpoints[other[0]].path.name}",
        description="alignments",
    )
    common = common_frame(networks, align, counted, **limit, pairwise=pairwise)
    pairs = zip(networks, common.transforms, strict=True)
    return ProvedFrame(common, tuple(run.prove(own, transform) for own, transform in pairs))


def parameters(run: Run) -> list[str]:
    """Return the names of the model's parameters, each tied one once."""
    weights = run.weights(0)
    return [name for name, _ in run.resources.module.named_parameters() if name in weights]
