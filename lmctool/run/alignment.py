"""The alignments of a run: found by an aligner or read from a result, each with its proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.results.alignments import ALIGNMENT
from lmctool.results.file import pack, unpack
from lmctool.results.result import Group, Result
from lmctool.run.alignment_groups import joined, misnamed
from lmctool.run.journalled_proof import PROOF, journalled
from lmctool.symmetry.alignment import Alignment
from lmctool.symmetry.linear.stored import (
    TRANSFORMS,
    load_transform,
    stored_maps,
    transform_group,
)
from lmctool.symmetry.linear.transform import LinearTransform, permutation_part
from lmctool.symmetry.permutation import Permutation
from lmctool.symmetry.stored import (
    NO_TENSORS,
    PERMUTATIONS,
    Tensors,
    load_permutation,
    permutation_group,
    permutation_of,
)
from lmctool.symmetry.transform import Transform
from lmctool.weights.arithmetic import one_by_one
from lmctool.weights.recipe import (
    KnownWeights,
    content,
    deferred,
    derived,
    identity,
    promised,
    recipe,
)
from lmctool.weights.streamed import StreamedWeights, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.plugin.records import Aligner
    from lmctool.plugin.settings import Choice
    from lmctool.results.journal import Journal
    from lmctool.run.common_symmetries import CommonSymmetries
    from lmctool.symmetry import Proof
    from lmctool.weights.arithmetic import Weights


LARGE = 1 << 24
"""Numbers of a network from which on it is not held a second time in another order."""
IMAGE, MOVE = "image", "move/"
"""The name of a file among the arrays of an entry, and what those of moves begin with."""


@dataclass(frozen=True, slots=True)
class ProvedAlignment:
    """An alignment that a result holds: the transform, its proof, and what its aligner says.

    ``tensors`` are those of the network that it was proved on.
    """

    transform: Transform
    proof: Proof
    tensors: Tensors = NO_TENSORS
    groups: Mapping[str, Group] = field(default_factory=dict)


@dataclass
class Alignments:
    """Finds alignments, and lists those that were proved.

    Attributes:
        choice: the aligner that the user named, if one was named.
        apply: the result whose permutation takes its place, if there is one.
        symmetries: derives what may be permuted, and compares a network with its permuted self.
        find: asks an aligner: ``find(aligner, a, b, options)``.
        examples: says which examples an aligner may look at.
        journal: knows what was found before, and keeps what is found now.
        proved: the alignments that belong into the result, in the order of their proofs.
    """

    choice: Choice | None
    apply: Path | None
    symmetries: CommonSymmetries
    find: Callable[[Aligner, Weights, Weights, Mapping[str, Any]], object]
    examples: Callable[[Aligner, Mapping[str, Any]], str]
    journal: Journal
    proved: list[ProvedAlignment] = field(default_factory=list)

    def match(self, name: str, a: Weights, b: Weights, options: Mapping[str, Any]) -> Alignment:
        """Return what an aligner finds, without a proof.

        Args:
            name: the aligner's registered word.
            a: the first network.
            b: the second.
            options: values of the aligner's own options; the others have their defaults.

        Raises:
            PluginError: there is no such aligner, or it returns something else than an alignment,
                or one whose groups use the name of the dim of alignments.
            LmctoolError: it needs networks in canonical form, which the run's are not.
        """
        aligner = registry.load(ALIGNERS, name)
        defaults = click.Command(name, params=list(aligner.options)).make_context(name, []).params
        values = {**defaults, **options}
        canonical = self.symmetries.resources.canonical
        if aligner.is_canonical(values) and not canonical:
            raise LmctoolError(
                f"aligner {name!r} needs networks in canonical form, and the run's are not, as"
                f" {f'aligner {self.choice.name!r}' if self.choice else 'none'} was named; name"
                f" {name!r} itself with --align"
            )
        texts = {option: repr(value) for option, value in values.items()}
        with self.journal.entries(
            "alignment", name, texts, self.examples(aligner, values)
        ) as entries:
            entry = entries.entry(lambda: [identity(a), identity(b)])
            if entry.arrays is not None:
                return self._unpacked(entry.arrays)
            answer = self.find(aligner, a, b, values)
            alignment = Alignment(answer) if isinstance(answer, Transform) else answer
            if not isinstance(alignment, Alignment):
                kind = type(answer).__name__
                raise PluginError(f"aligner {name!r} returned {kind!r}, not a Transform")
            if isinstance(alignment.transform, LinearTransform) and not canonical:
                raise PluginError(
                    f"aligner {name!r} returned a LinearTransform, but its networks are not in"
                    " canonical form; Aligner(canonical=True) gives it such"
                )
            if path := misnamed(alignment.groups):
                raise PluginError(
                    f"aligner {name!r} calls something in its group {path!r} {ALIGNMENT!r}, which"
                    " is the dim of the alignments of a run; call it otherwise"
                )
            entry.keep(lambda: _packed(alignment))
        return alignment

    def align(self, a: Weights, b: Weights) -> Transform:
        """Return the transform that the user's choice brings B into A's frame by.

        Raises:
            LmctoolError: nothing was chosen, or a stored permutation is of another model.
            UnjudgedError: the transform changes B's function.
        """
        if self.apply is not None:
            alignment = Alignment(self._stored(self.apply, b))
        elif self.choice is not None:
            alignment = self.match(self.choice.name, a, b, self.choice.options)
        else:
            raise LmctoolError("an alignment was asked for, but no aligner was named")
        self.prove(b, alignment)
        return self.proved[-1].transform

    def _stored(self, path: Path, b: Weights) -> Transform:
        """Return the transform of B that a result holds."""
        if self.symmetries.resources.canonical:
            return load_transform(path, self.symmetries.first.linear)
        return load_permutation(path, self.symmetries.spec_of(b))

    def prove(self, weights: Weights, alignment: Alignment) -> Proof:
        """Prove an alignment on a network, and list it among those of the result.

        Raises:
            UnjudgedError: the transform changes the network's function.
        """
        transform = self.symmetries.fitted(weights, alignment.transform)
        examples = self.symmetries.proved_on
        with self.journal.entries(PROOF, examples) as entries:
            entry = entries.entry(lambda: [identity(weights), *transform_recipe(transform)])
            proof = journalled(entry, lambda: self.symmetries.prove(weights, transform))
        tensors = self.symmetries.tensors(weights)
        self.proved.append(ProvedAlignment(transform, proof, tensors, alignment.groups))
        return proof

    def groups(self) -> dict[str, Group]:
        """Return what the aligner says of all alignments, as groups of the result by path."""
        return joined([each.groups for each in self.proved])

    def _unpacked(self, arrays: Mapping[str, NDArray[Any]]) -> Alignment:
        """Return the alignment of an entry of the journal."""
        if IMAGE not in arrays:
            moves = {g.removeprefix(MOVE): torch.from_numpy(move) for g, move in arrays.items()}
            return Alignment(Permutation(self.symmetries.spec, moves))
        groups = dict(unpack(arrays[IMAGE].tobytes()).groups)
        source = "the journal of this run"
        stored = permutation_of(groups.pop(PERMUTATIONS), source)
        moves = {name: torch.from_numpy(move) for name, move in stored.moves.items()}
        permutation = Permutation(self.symmetries.spec, moves)
        if (maps := groups.pop(TRANSFORMS, None)) is None:
            return Alignment(permutation, groups)
        linear = self.symmetries.first.linear
        return Alignment(
            LinearTransform(linear, permutation, stored_maps(maps, linear, source)), groups
        )


def transformed(transform: Transform, weights: Weights) -> Weights:
    """Return transformed weights that know of which they were made, and how.

    Those of a large network that are permuted pass: each is permuted whenever it is asked for.
    """
    ingredients = partial(transform_recipe, transform)
    if not isinstance(transform, Permutation):
        return derived(transform.apply(weights), "permuted", (weights,), ingredients)
    # a permutation computes nothing, and gives the same bits whenever it is applied
    each = one_by_one(weights)
    whole = partial(transform.apply, each)
    later = deferred(whole, "permuted", (weights,), ingredients)
    shapes = {name: shape_of(weights, name) for name in weights}
    if sum(map(prod, shapes.values())) < LARGE:
        return later
    made_of, one = promised(later), transform.apply_lazily(each).__getitem__
    return StreamedWeights(shapes, lambda: KnownWeights(whole(), made_of), one, made_of, large=True)


def transform_recipe(transform: Transform) -> list[str]:
    """Return what tells a transform from all others of the same model."""
    moves = {g: move.tolist() for g, move in permutation_part(transform).moves.items()}
    maps = [content(transform.maps)] if isinstance(transform, LinearTransform) else []
    return [recipe("permutation", moves), *maps]


def _packed(alignment: Alignment) -> dict[str, NDArray[Any]]:
    """Return an alignment as the arrays of an entry."""
    transform = alignment.transform
    if isinstance(transform, Permutation) and not alignment.groups:  # quicker than a file
        return {f"{MOVE}{group}": move.cpu().numpy() for group, move in transform.moves.items()}
    groups = {PERMUTATIONS: permutation_group(permutation_part(transform)), **alignment.groups}
    if isinstance(transform, LinearTransform):
        groups[TRANSFORMS] = transform_group(transform, whole=False)
    return {IMAGE: np.frombuffer(pack(Result("align", groups)), dtype=np.uint8)}
