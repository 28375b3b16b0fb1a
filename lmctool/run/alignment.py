"""The alignments of a run: found by an aligner or read from a result, each with its proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.results.file import pack, unpack
from lmctool.results.result import Group, Result
from lmctool.symmetry.alignment import Alignment
from lmctool.symmetry.permutation import Permutation
from lmctool.symmetry.stored import PERMUTATIONS, permutation_group, permutation_of
from lmctool.weights.recipe import derived, identity, recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.results.journal import Journal
    from lmctool.symmetry import PermutationSpec, Proof
    from lmctool.weights.arithmetic import Weights


@dataclass(frozen=True, slots=True)
class ProvedAlignment:
    """An alignment that a result holds: the permutation, its proof, and what its aligner says."""

    permutation: Permutation
    proof: Proof
    groups: Mapping[str, Group] = field(default_factory=dict)


@dataclass
class Alignments:
    """Finds alignments, and lists those that were proved.

    Attributes:
        spec: derives what may be permuted.
        check: compares a network with its permuted self on real examples.
        journal: knows what was found before, and keeps what is found now.
        find: asks the aligner of a name: ``find(name, a, b, options)``.
        proved: the alignments that belong into the result, in the order of their proofs.
    """

    spec: Callable[[], PermutationSpec]
    check: Callable[[Weights, Permutation], Proof]
    journal: Journal
    find: Callable[[str, Weights, Weights, Mapping[str, Any]], object]
    proved: list[ProvedAlignment] = field(default_factory=list)

    def match(
        self, name: str, a: Weights, b: Weights, options: Mapping[str, Any], examples: str
    ) -> Alignment:
        """Return what an aligner finds, without a proof.

        Args:
            name: the aligner's registered word.
            a: the first network.
            b: the second.
            options: the values of all of the aligner's options.
            examples: what tells the examples that it may look at from others.

        Raises:
            LmctoolError: it returns neither a permutation nor an alignment.
        """
        texts = {option: repr(value) for option, value in options.items()}

        def what() -> list[str]:
            return [identity(a), identity(b)]

        with self.journal.entries("alignment", name, texts, examples) as entries:
            entry = entries.entry(what)
            if entry.arrays is not None:
                return self._unpacked(entry.arrays["image"])
            answer = self.find(name, a, b, options)
            alignment = Alignment(answer) if isinstance(answer, Permutation) else answer
            if not isinstance(alignment, Alignment):
                kind = type(answer).__name__
                raise LmctoolError(f"aligner {name!r} returned {kind!r}, not a Permutation")
            entry.keep(lambda: _packed(alignment))
        return alignment

    def prove(self, weights: Weights, alignment: Alignment) -> Proof:
        """Prove an alignment on a network, and list it among those of the result.

        Raises:
            UnjudgedError: the permutation changes the network's function.
        """
        proof = self.check(weights, alignment.permutation)
        self.proved.append(ProvedAlignment(alignment.permutation, proof, alignment.groups))
        return proof

    def groups(self) -> dict[str, Group]:
        """Return what the aligners have to say, as groups of the result by path."""
        return {path: group for each in self.proved for path, group in each.groups.items()}

    def _unpacked(self, image: NDArray[Any]) -> Alignment:
        """Return the alignment of an entry of the journal."""
        groups = dict(unpack(image.tobytes()).groups)
        stored = permutation_of(groups.pop(PERMUTATIONS), "the journal of this run")
        moves = {name: torch.from_numpy(move) for name, move in stored.moves.items()}
        return Alignment(Permutation(self.spec(), moves), groups)


def permuted(permutation: Permutation, weights: Weights) -> dict[str, Tensor]:
    """Return permuted weights that know of which they were made, and how."""

    def ingredients() -> list[str]:
        moves = {group: move.tolist() for group, move in permutation.moves.items()}
        return [recipe("permutation", moves)]

    return derived(permutation.apply(weights), "permuted", (weights,), ingredients)


def _packed(alignment: Alignment) -> dict[str, NDArray[Any]]:
    """Return an alignment as the arrays of an entry."""
    groups = {PERMUTATIONS: permutation_group(alignment.permutation), **alignment.groups}
    return {"image": np.frombuffer(pack(Result("align", groups)), dtype=np.uint8)}
