"""Transforms of the networks of a run: drawn at random, and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.symmetry.linear.transform import LinearTransform, permutation_part
from lmctool.symmetry.permutation import Permutation

if TYPE_CHECKING:
    from lmctool.run.run import Run
    from lmctool.symmetry.transform import Transform


def drawn(run: Run, name: str) -> Transform:
    """Return a random transform of what the run's aligner is given.

    Args:
        run: the run.
        name: of its generator.
    """
    generator = run.generator(name)
    if run.resources.canonical:
        return LinearTransform.random(run.linear_spec, generator)
    return Permutation.random(run.permutation_spec, generator)


def misfit(run: Run, transform: Transform) -> str:
    """Say why a transform is none of the run's; empty if it is."""
    if permutation_part(transform).spec is not run.permutation_spec:
        return (
            "a permutation of another spec than run.permutation_spec; return"
            " Permutation(run.permutation_spec, moves)"
        )
    if not isinstance(transform, LinearTransform):
        return ""
    if not run.resources.canonical:
        return (
            "a linear transform, though it is not given networks in canonical form;"
            " Aligner(canonical=True) gives it some"
        )
    if transform.spec is not run.linear_spec:
        return "a transform of another spec than run.linear_spec"
    return ""


def same(one: Transform, other: Transform) -> bool:
    """Tell whether two transforms do the same, to the bit."""
    return _numbers(one) == _numbers(other)


def _numbers(transform: Transform) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return where the units of each group that moves go, and the map of each linear group."""
    permutation = permutation_part(transform)
    moves = {g: m.tolist() for g, m in permutation.moves.items() if permutation.moved(g)}
    maps = transform.maps if isinstance(transform, LinearTransform) else {}
    return moves, {group: matrices.tolist() for group, matrices in maps.items()}
