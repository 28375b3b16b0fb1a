"""What was proved once in a run is proved: by this process before, or by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.errors import UnjudgedError
from lmctool.plugin.settings import Choice
from lmctool.results.journal import MemoryJournal
from lmctool.run.journalled_proof import journalled
from lmctool.run.symmetries import Symmetries
from lmctool.symmetry import Proof
from tests.plugins.pairs import run_of, trained

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.run.run import Run

__all__ = ["run_of"]

PROOF = Proof(1e-9, float("inf"), 3.0, 32, "float64", "logits")


def refused() -> Proof:
    raise UnjudgedError("the permutation changes the network")


def test_a_proof_of_the_journal_is_the_proof_itself() -> None:
    with MemoryJournal().entries("proof") as entries:
        for made in (lambda: PROOF, refused):
            assert journalled(entries.entry(lambda: "B"), made) == PROOF


def test_what_does_not_hold_is_compared_again() -> None:
    with MemoryJournal().entries("proof") as entries:
        with pytest.raises(UnjudgedError):
            journalled(entries.entry(lambda: "B"), refused)
        assert journalled(entries.entry(lambda: "B"), lambda: PROOF) == PROOF


@pytest.mark.parametrize("aligner", ["activation", "procrustes"])
def test_a_run_that_begins_afresh_proves_and_reads_nothing_again(
    aligner: str, run_of: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = [trained("mlp-layer", seed) for seed in range(2)]
    run = run_of("mlp-layer", *networks, aligner=Choice(aligner, {}), limit=60)
    run.journal = run.resources.loaded.journal = MemoryJournal()
    first = run.afresh()
    transform, b = first.variants()[-1].transform, first.variants()[-1].b
    again = run.afresh()
    monkeypatch.setattr(Symmetries, "prove", None)
    other = again.variants()[-1]
    assert [each.proof for each in again.alignments.proved] == [first.alignments.proved[0].proof]
    assert again.forms.proved == first.forms.proved
    assert other.transform is not None and transform is not None
    assert all(torch.equal(tensor, b[name]) for name, tensor in other.b.items())
