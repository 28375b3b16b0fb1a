"""A variant of the straight path between two networks: plain, aligned, repaired, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lmctool.weights.recipe import derived, identity, recipe
from lmctool.weights.streamed import momentary

if TYPE_CHECKING:
    from lmctool.run.batchnorm import BatchNormPolicy
    from lmctool.symmetry.transform import Transform
    from lmctool.weights.arithmetic import Weights

Between = Callable[[float], "Weights"]


@dataclass(frozen=True, slots=True)
class Correct:
    """A correction of the networks between two others.

    Attributes:
        prepare: returns the corrected network at an alpha, for two ends.
        recipe: gives what decides its networks, beside the ends and alpha.
    """

    prepare: Callable[[Weights, Weights], Between]
    recipe: Callable[[], list[object]]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to go from A to B.

    Attributes:
        name: ``plain``, ``align``, ``repair`` or ``align+repair``.
        ends: the indices of the two checkpoints.
        a: the first end.
        b: the second end: B, or B brought into the frame of A.
        between: the weights strictly between the ends, at a given alpha.
        decided_by: gives what decides these weights, beside the ends, at a given alpha.
        transform: what brought B into the frame of A, or None.
    """

    name: str
    ends: tuple[int, int]
    a: Weights
    b: Weights
    between: Between
    decided_by: Callable[[float], list[object]]
    transform: Transform | None = None

    def at(self, alpha: float) -> Weights:
        """Return the weights at ``alpha``; the ends are the ends themselves, uncorrected.

        Raises:
            ValueError: alpha is outside [0, 1].
        """
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must lie in [0, 1], not {alpha}")
        if alpha == 0:
            return self.a
        if alpha == 1:
            return momentary(self.b)
        ingredients = partial(self.decided_by, alpha)
        return derived(self.between(alpha), "between", (self.a, self.b), ingredients)

    def recipe(self, alpha: float) -> str:
        """Return the recipe of the weights at ``alpha``, without forming them."""
        if alpha in (0, 1):
            return identity(self.b if alpha else self.a)
        ends = [identity(self.a), identity(self.b)]
        return recipe("between", ends, *self.decided_by(alpha))


def variant_names(*, aligns: bool, corrects: bool) -> tuple[str, ...]:
    """Return the names of the variants that a run has."""
    aligned = ("align",) if aligns else ()
    corrected = ("align+repair" if aligns else "repair",) if corrects else ()
    return ("plain", *aligned, *corrected)


def variants(
    a: Weights,
    b: Weights,
    ends: tuple[int, int],
    *,
    align: Callable[[Weights, Weights], tuple[Transform, Weights, Weights]] | None,
    complete: Callable[[Weights], Weights],
    correct: Correct | None,
    mix: BatchNormPolicy,
) -> tuple[Variant, ...]:
    """Return the variants of a path: ``plain`` always, and each step that is asked for after it.

    Args:
        a: the network at alpha 0.
        b: the network at alpha 1.
        ends: the indices of the two checkpoints.
        align: returns the transform that brings b into a's frame, a in that frame, and b.
        complete: puts tensors that are not compared in their places, for a path to be there.
        correct: what corrects the networks between.
        mix: what mixes them.
    """
    between: Between
    plain = complete(b)
    paths = [Variant("plain", ends, a, plain, partial(mix.mix, a, plain), mix.mix_recipe)]
    name, transform = "repair", None
    if align is not None:
        transform, a, b = align(a, b)
    b = plain if transform is None else complete(b)
    if transform is not None:
        between = partial(mix.mix, a, b)
        paths.append(Variant("align", ends, a, b, between, mix.mix_recipe, transform))
        name = "align+repair"
    if correct is not None:
        between = correct.prepare(a, b)

        def decided_by(alpha: float) -> list[object]:
            return [*correct.recipe(), alpha]

        paths.append(Variant(name, ends, a, b, between, decided_by, transform))
    return tuple(paths)
