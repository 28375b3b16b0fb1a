"""The networks of a run in canonical form, each proved to be the same function."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lmctool.run.journalled_proof import PROOF, journalled
from lmctool.symmetry.linear.canonical import canonical
from lmctool.weights.recipe import derived, identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.results.journal import Journal
    from lmctool.run.common_symmetries import CommonSymmetries
    from lmctool.symmetry import Proof
    from lmctool.symmetry.linear.canonical_spec import CanonicalSpec
    from lmctool.weights.arithmetic import Weights

FORM = "canonical form"


@dataclass
class CanonicalForms:
    """Brings networks into canonical form, and keeps the proof of each.

    Attributes:
        symmetries: derives the form, and compares a network with another of the same model.
        note: tells the user what the form is.
        journal: knows what was proved before, and keeps what is proved now.
        proved: the proof of each network by what it is, in the order of the proofs.
    """

    symmetries: CommonSymmetries
    note: Callable[[str], None]
    journal: Journal
    proved: dict[str, Proof] = field(default_factory=dict)

    def of(self, weights: Weights) -> Weights:
        """Return a network in canonical form, proved; itself where every network is in it.

        Raises:
            UnjudgedError: the form is another function.
        """
        spec = self.symmetries.first.linear
        if spec.canonical.is_empty:
            return weights
        if not self.proved:
            self.note(f"aligned networks are in canonical form: {told(spec.canonical)}")
        if (network := identity(weights)) not in self.proved:
            form = partial(canonical, spec)
            with self.journal.entries(PROOF, self.symmetries.proved_on) as entries:
                entry = entries.entry(lambda: [network, FORM])
                self.proved[network] = journalled(
                    entry, lambda: self.symmetries.prove(weights, form, FORM)
                )
        return derived(canonical(spec, weights), "canonical", (weights,))


def told(form: CanonicalSpec) -> str:
    """Return in words what is done to bring a network into canonical form."""
    layers = sum(len(norm.readers) for norm in form.norms)
    steps = {
        f"the gains and shifts of {len(form.norms)} norms lie in the {layers} layers that read"
        " them": form.norms,
        "what writes the residual stream is centred": form.centred,
        f"{len(form.key_biases)} biases of keys are 0": form.key_biases,
        f"{len(form.value_biases)} biases of values lie in output projections": form.value_biases,
    }
    return ", ".join(step for step, done in steps.items() if done)
