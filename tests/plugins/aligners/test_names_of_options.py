"""Options of aligners beside those of what may be asked for in one command."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, CORRECTIONS

if TYPE_CHECKING:
    from lmctool.plugin.records import Aligner, Correction


def flags(record: Aligner | Correction) -> set[str]:
    return {flag for option in record.options for flag in option.opts}


def test_every_aligner_goes_with_every_correction() -> None:
    aligners, corrections = registry.names(ALIGNERS), registry.names(CORRECTIONS)
    assert "learned" in aligners and "repair" in corrections
    for aligner, correction in product(aligners, corrections):
        first = flags(registry.load(ALIGNERS, aligner))
        assert first.isdisjoint(flags(registry.load(CORRECTIONS, correction))), aligner
