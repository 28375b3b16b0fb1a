"""The ways to merge the networks of a run: as they are, aligned, repaired."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lmctool.api import LinearTransform, LmctoolError, Merged, Permutation
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
        merged: what they are merged into, by how much each network counts.
    """

    name: str
    networks: tuple[Weights, ...]
    merged: Callable[[Shares], Merged]


@dataclass(frozen=True, slots=True)
class ProvedFrame:
    """The frame that networks are aligned in, and the proof of each network's transform."""

    frame: CommonFrame
    proofs: tuple[Proof, ...]


def check(run: Run, frame: str, base: int | None) -> None:
    """Check that the flags fit the method and the number of networks.

    Raises:
        LmctoolError: they don't.
    """
    settings, count = run.settings, run.count
    run.merge_method.check(count, based=base is not None)
    if frame == "common" and settings.excepted:
        raise LmctoolError(
            "--frame common aligns networks with the mean of the others, and networks that differ"
            " in what --except names have none; give --frame first"
        )
    if frame == "common" and not settings.aligns:
        raise LmctoolError("--frame common says where --align brings the units; give --align too")
    if frame == "common" and base is not None:
        raise LmctoolError("with --base the order of the units is the base's; leave out --frame")
    if count == 2 and frame == "common":
        raise LmctoolError("--frame common is for three networks or more; of two, leave it out")
    if settings.correction is not None and not _on_path(run):
        raise LmctoolError(_uncorrected(run))
    if settings.apply is not None and count > (2 if base is None else 1):
        whom = "one of two networks" if base is None else "one network into the base's order"
        raise LmctoolError(f"--apply permutes {whom}, not {count}; give --align")
    if settings.batchnorm == "b" and count != 2:
        raise LmctoolError(
            f"--batchnorm b is for two networks, not {count}; give interpolate, reset or a"
        )


def _on_path(run: Run) -> bool:
    """Tell whether what is merged lies on the straight path between two networks."""
    return run.count == 2 and run.merge_method.name == "mean"


def _uncorrected(run: Run) -> str:
    """Return why no correction can be made."""
    choice, method = run.settings.correction, run.merge_method
    assert choice is not None
    merged = f"{run.count} are merged" if run.count != 2 else f"--method {method.name} leaves it"
    return (
        f"--repair {choice.name} corrects networks between two others, and {merged};"
        " --batchnorm reset takes BatchNorm statistics anew of any number"
    )


def of_run(run: Run, frame: str, base: int | None) -> tuple[list[Way], ProvedFrame | None]:
    """Return the ways to merge the networks of a run, and the frame of three or more.

    Args:
        run: the run.
        frame: what is aligned with what, where there is no base: ``first`` or ``common``.
        base: which checkpoint is the base, if there is one.
    """
    if base is not None:
        return _from_base(run, base), None
    if _on_path(run):
        return _between_two(run), None
    return _of_two(run) if run.count == 2 else _of_many(run, frame)


def _between_two(run: Run) -> list[Way]:
    """Return the ways to merge two networks: those of every path, storable in a checkpoint."""
    return [
        Way(variant.name, (variant.a, variant.b), partial(_point, run, variant))
        for variant in run.variants(storable=True)
    ]


def _point(run: Run, variant: Variant, counts: Shares) -> Merged:
    """Return a point of the path; the uncorrected ones are the weighted mean in float64."""
    if variant.name in {"plain", "align"}:
        return run.merge_method.merged((variant.a, variant.b), counts, variant=variant.name)
    return Merged(variant.at(counts[1] / sum(counts)))


def _way(run: Run, name: str, networks: tuple[Weights, ...], base: Weights | None = None) -> Way:
    """Return the way to merge networks by the run's method."""
    merged = partial(run.merge_method.merged, networks, base=base, variant=name)
    return Way(name, networks, merged)


def _from_base(run: Run, base: int) -> list[Way]:
    """Return the ways to merge networks that came of a base, in whose order units are brought."""
    own, networks = run.weights(base), [run.weights(index) for index in range(run.count)]
    ways = [_way(run, "plain", tuple(map(run.completed, networks)), run.completed(own))]
    if run.settings.aligns:
        aligned = [run.align(own, each).apply(run.frame(each)) for each in networks]
        ends = tuple(map(run.completed, aligned))
        ways.append(_way(run, "align", ends, run.completed(run.frame(own))))
    return ways


def _of_two(run: Run) -> tuple[list[Way], None]:
    """Return the ways to merge two networks by a method that leaves the path between them."""
    return [_way(run, each.name, (each.a, each.b)) for each in run.variants(storable=True)], None


def _of_many(run: Run, frame: str) -> tuple[list[Way], ProvedFrame | None]:
    """Return the ways to merge three networks or more, and the frame that they are aligned in."""
    networks = tuple(run.weights(index) for index in range(run.count))
    plain = tuple(map(run.completed, networks))
    ways = [_way(run, "plain", plain)]
    if not run.settings.aligns:
        return ways, None
    networks = tuple(map(run.frame, networks))
    proved = _frame_of(run, networks, frame)
    transformed = zip(proved.frame.transforms, networks, strict=True)
    aligned = tuple(run.completed(each.apply(own)) for each, own in transformed)
    return [*ways, _way(run, "align", aligned)], proved


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
