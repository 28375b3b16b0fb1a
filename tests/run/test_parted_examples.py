"""Calibration examples that a search learns on, and those held out from it."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.run.parted_examples import PartedExamples, parted_examples


def parted(count: int, size: int) -> PartedExamples:
    class Numbered:
        """Examples whose inputs and targets are their positions."""

        def __len__(self) -> int:
            return count

        def at(self, positions: torch.Tensor, _: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
            return positions, positions

    run: Any = SimpleNamespace(
        calibration=SimpleNamespace(split=Numbered()),
        dtype=torch.float32,
        generator=lambda name: torch.Generator().manual_seed(len(name)),
    )
    return parted_examples(run, "mine", size)


def test_a_fifth_is_held_out_and_no_step_sees_it() -> None:
    examples = parted(50, 7)
    assert len(examples.held_out) == 10
    round_of = [batch for batch, _ in islice(examples.batches(), 5)]
    seen = torch.cat(round_of)
    assert [len(batch) for batch in round_of] == [7] * 5
    assert len({*seen.tolist()}) == 35
    assert set(seen.tolist()).isdisjoint(examples.held_out.tolist())


def test_checks_are_all_that_is_held_out_in_parts_of_about_one_size() -> None:
    examples = parted(110, 10)
    assert [len(part) for part in examples.checks] == [8, 7, 7]
    assert torch.equal(torch.cat(examples.checks), examples.held_out)


def test_a_batch_is_no_more_than_steps_see() -> None:
    assert parted(25, 500).size == 20
    with pytest.raises(LmctoolError, match="'mine' needs 20 calibration examples or more, not 19"):
        parted(19, 5)
