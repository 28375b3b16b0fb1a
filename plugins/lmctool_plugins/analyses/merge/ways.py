"""The ways to merge the networks of a run: as they are, aligned, repaired."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from lmctool.api import LinearTransform, LmctoolError, Merged, Permutation
from lmctool.api.advanced import added, common_frame, task_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from torch import Tensor

    from lmctool.api import Run, Transform, Variant, Weights
    from lmctool.api.advanced import CommonFrame, Proof


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
    merged: Callable[[Sequence[float]], Merged]


@dataclass(frozen=True, slots=True)
class ProvedFrame:
    """The frame that networks are aligned in, and the proof of each network's transform."""

    frame: CommonFrame
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class Bases:
    """Which checkpoints the networks came of, and are moved to; None for neither.

    Attributes:
        base: the one that they were fine-tuned from.
        onto: the one that what they have learned is moved to.
    """

    base: int | None = None
    onto: int | None = None


def check(run: Run, frame: str, bases: Bases) -> None:
    """Check that the flags fit the method and the number of networks.

    Raises:
        LmctoolError: they don't.
    """
    settings, count = run.settings, run.count
    method, based = run.merge_method, bases.base is not None
    method.check(count, based=based, leaves_path=based or not _on_path(run))
    if settings.correction is not None and count == 1:
        raise LmctoolError(
            f"--repair {settings.correction.name} gives a merged network the mean of the networks'"
            " statistics, and one alone has none; --batchnorm reset takes those of BatchNorms anew"
        )
    if bases.onto is not None:
        _check_moved(run, bases)
    if frame == "common" and settings.excepted:
        raise LmctoolError(
            "--frame common aligns networks with the mean of the others, and networks that differ"
            " in what --except names have none; give --frame first"
        )
    if frame == "common" and not settings.aligns:
        raise LmctoolError("--frame common says where --align brings the units; give --align too")
    if frame == "common" and based:
        raise LmctoolError("with --base the order of the units is the base's; leave out --frame")
    if count == 2 and frame == "common":
        raise LmctoolError("--frame common is for three networks or more; of two, leave it out")
    alignments = count if based else count - 1
    if settings.apply is not None and bases.onto is None and alignments > 1:
        raise LmctoolError(
            f"--apply permutes one network, and {alignments} would be permuted; give --align"
        )
    if settings.batchnorm == "b" and count != 2:
        raise LmctoolError(
            f"--batchnorm b is for two networks, not {count}; give interpolate, reset or a"
        )


def _check_moved(run: Run, bases: Bases) -> None:
    """Check that what networks have learned can be moved to another base.

    Raises:
        LmctoolError: it cannot.
    """
    settings = run.settings
    if bases.base is None:
        raise LmctoolError(
            "--onto moves what networks have learned since a base; name that one with --base"
        )
    if not settings.aligns:
        raise LmctoolError(
            "--onto moves what was learned by the alignment of --base to the new base; give --align"
        )
    if settings.correction is not None:
        raise LmctoolError(
            f"--repair {settings.correction.name} gives a merged network the mean of the networks'"
            " statistics, which are not those of another base; --batchnorm reset takes those of"
            " BatchNorms anew"
        )
    if settings.excepted:
        raise LmctoolError("--onto moves whole networks, and --except leaves tensors out")


def _on_path(run: Run) -> bool:
    """Tell whether what is merged lies on the straight path between two networks."""
    return run.count == 2 and run.merge_method.record.path


def of_run(run: Run, frame: str, bases: Bases) -> tuple[list[Way], ProvedFrame | None]:
    """Return the ways to merge the networks of a run, and the frame of three or more.

    Args:
        run: the run.
        frame: what is aligned with what, where there is no base: ``first`` or ``common``.
        bases: the base and the new base, if there are any.
    """
    proved = None
    if bases.onto is not None:
        ways = _moved(run, bases)
    elif bases.base is not None:
        ways = _from_base(run, bases.base)
    elif _on_path(run):
        return _between_two(run), None
    elif run.count == 2:
        ways = _of_two(run)
    else:
        ways, proved = _of_many(run, frame)
    if run.settings.correction is not None:
        last = ways[-1]
        correct = run.merge_method.corrected(last.merged, last.networks)
        ways.append(Way(run.variant_names[-1], last.networks, correct))
    return ways, proved


def _between_two(run: Run) -> list[Way]:
    """Return the ways to merge two networks: those of every path, storable in a checkpoint."""
    return [
        Way(variant.name, (variant.a, variant.b), partial(_point, run, variant))
        for variant in run.variants(storable=True)
    ]


def _point(run: Run, variant: Variant, counts: Sequence[float]) -> Merged:
    """Return a point of the path; the uncorrected ones are the weighted mean in float64."""
    if variant.name in {"plain", "align"}:
        return run.merge_method.merged((variant.a, variant.b), counts, variant=variant.name)
    return Merged(variant.at(counts[1] / sum(counts)))


def _way(run: Run, name: str, networks: tuple[Weights, ...], base: Weights | None = None) -> Way:
    """Return the way to merge networks by the run's method; what was merged last is kept."""
    method = run.merge_method

    @lru_cache(maxsize=1)
    def merged(counts: tuple[float, ...]) -> Merged:
        return method.merged(networks, counts, base, variant=name)

    return Way(name, networks, lambda counts: merged(tuple(counts)))


def _from_base(run: Run, base: int) -> list[Way]:
    """Return the ways to merge networks that came of a base, in whose order units are brought."""
    own, networks = run.weights(base), [run.weights(index) for index in range(run.count)]
    ways = [_way(run, "plain", tuple(map(run.completed, networks)), run.completed(own))]
    if run.settings.aligns:
        aligned = [run.align(own, each).apply(run.frame(each)) for each in networks]
        ends = tuple(map(run.completed, aligned))
        ways.append(_way(run, "align", ends, run.completed(run.frame(own))))
    return ways


def _moved(run: Run, bases: Bases) -> list[Way]:
    """Return the ways to merge what networks have learned on another base than their own.

    Moved as they are, and through the alignment of the one base to the other.
    """
    assert bases.base is not None
    assert bases.onto is not None
    base, onto = run.weights(bases.base), run.weights(bases.onto)
    networks = [run.weights(index) for index in range(run.count)]
    names = parameters(run)
    plain = tuple(moved(each, base, onto, names) for each in networks)
    transform, target = run.align(onto, base), run.frame(onto)
    origin = transform.apply(run.frame(base))
    aligned = tuple(
        moved(transform.apply(run.frame(each)), origin, target, names) for each in networks
    )
    return [_way(run, "plain", plain, onto), _way(run, "align", aligned, target)]


def moved(
    network: Weights, base: Weights, onto: Weights, names: Collection[str]
) -> dict[str, Tensor]:
    """Return ``onto + (network - base)`` of the named tensors; all others are those of ``onto``.

    Sums are in float64 and rounded once; where the network has the base's value to the bit, the
    new base's stays so.
    """
    return {
        name: added(tensor, task_vector(network[name], base[name])) if name in names else tensor
        for name, tensor in onto.items()
    }


def _of_two(run: Run) -> list[Way]:
    """Return the ways to merge two networks by a method that leaves the path between them."""
    a, b = run.weights(0), run.weights(1)
    ways = [_way(run, "plain", (a, run.completed(b)))]
    if run.settings.aligns:
        aligned = run.align(a, b).apply(run.frame(b))
        ways.append(_way(run, "align", (run.frame(a), run.completed(aligned))))
    return ways


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
