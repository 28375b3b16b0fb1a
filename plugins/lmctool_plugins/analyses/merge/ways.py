"""The ways to merge the networks of a run: as they are, aligned, repaired."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool.api.advanced import common_frame, matched, prove
from lmctool_plugins.analyses.merge.soup import Shares, soup

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.api import Permutation, Run, Variant, Weights
    from lmctool.api.advanced import CommonFrame

PROOF_EXAMPLES = 32


@dataclass(frozen=True, slots=True)
class Way:
    """One way to merge networks.

    Attributes:
        name: ``plain``, ``align``, ``repair`` or ``align+repair``.
        networks: the networks, with their units in the order that they are merged in.
        merged: the merged weights, by how much each network counts.
    """

    name: str
    networks: tuple[Weights, ...]
    merged: Callable[[Shares], Weights]


def check(run: Run, frame: str) -> None:
    """Check that the flags fit the number of networks.

    Raises:
        LmctoolError: they don't.
    """
    settings, count = run.settings, run.count
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
        return settled(run, (variant.a, variant.b), counts)
    return variant.at(counts[1] / sum(counts))


def of_many(run: Run, frame: str) -> tuple[list[Way], CommonFrame | None]:
    """Return the ways to merge three networks or more, and the frame that they are aligned in."""
    networks = tuple(run.weights(index) for index in range(run.count))
    ways = [Way("plain", networks, partial(settled, run, networks))]
    if not run.settings.aligns:
        return ways, None
    found = _framed(run, networks, frame)
    brought = tuple(p.apply(own) for p, own in zip(found.permutations, networks, strict=True))
    return [*ways, Way("align", brought, partial(settled, run, brought))], found


def _framed(run: Run, networks: tuple[Weights, ...], frame: str) -> CommonFrame:
    choice = run.settings.aligner
    assert choice is not None
    before = dict(run.findings)

    def align(a: Weights, b: Weights) -> Permutation:
        return matched(run, choice.name, a, b, **choice.options)

    limit = {} if frame == "common" else {"sweeps": 0}
    found = common_frame(networks, align, parameters(run), **limit)
    run.findings.clear()  # what the aligner found of its last pair says nothing of the frame
    run.findings.update(before)
    for network, permutation in zip(networks, found.permutations, strict=True):
        proof = prove(run.module, network, permutation, run.example(PROOF_EXAMPLES))
        run.permutations.append((permutation, proof))
    return found


def parameters(run: Run) -> list[str]:
    """Return the names of the model's parameters, each tied one once."""
    held = run.weights(0)
    return [name for name, _ in run.module.named_parameters() if name in held]


def settled(run: Run, networks: tuple[Weights, ...], counts: Shares) -> Weights:
    """Return the weighted mean of networks, with running statistics as ``--batchnorm`` says.

    A network that counts alone is itself.
    """
    weights = soup(networks, counts)
    policy = run.settings.batchnorm
    if policy == "interpolate" or sum(count > 0 for count in counts) == 1:
        return weights
    if policy == "reset":
        return run.reset(weights)
    given = networks["ab".index(policy)]
    norms = [target.batchnorm for target in run.batchnorms() if target.batchnorm]
    return weights | {name: given[name] for norm in norms for name in (norm.mean, norm.variance)}
