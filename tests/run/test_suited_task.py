"""Which task a run has: what is named, else what targets and outputs tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.run.suited_task import word_for

if TYPE_CHECKING:
    from torch import Tensor

YES_NO = torch.tensor([0, 1, 1, 0])
FOUR = torch.tensor([0, 1, 2, 3])
LABELS = torch.tensor([[0, 1, 1], [1, 1, -100]])
MASKS = torch.zeros(2, 5, 6, dtype=torch.int64)
TOKENS = torch.tensor([[3, 0, 2, -100], [1, 1, 0, 2]])


@pytest.mark.parametrize(
    ("targets", "output", "word"),
    [
        (YES_NO, (1,), "binary"),
        (YES_NO, (), "binary"),
        (YES_NO.float(), (1,), "binary"),
        (YES_NO[:, None].float(), (1,), "binary"),
        (YES_NO, (2,), "classification"),
        (YES_NO, None, "classification"),
        (FOUR, (1,), "classification"),
        (FOUR, (4,), "classification"),
        (FOUR.float(), (1,), "regression"),
        (FOUR / 7, (), "regression"),
        (torch.rand(4, 3), (3,), "regression"),
        (torch.rand(4, 3), None, "regression"),
        (torch.rand(4, 3, 5, 5), (3, 5, 5), "regression"),
        (LABELS, (3,), "multi-label"),
        (LABELS.clamp(min=0).float(), (3,), "multi-label"),
        (LABELS, (4,), "classification"),
        (LABELS, None, "classification"),
        (TOKENS, (4,), "classification"),
        (MASKS, (3, 5, 6), "segmentation"),
        (MASKS, (3, 2, 3), "segmentation"),
        (MASKS, None, "segmentation"),
        (MASKS[:, None], (3, 5, 6), "segmentation"),
        (TOKENS, (7, 4), "segmentation"),
        (TOKENS, (4, 7), "causal-lm"),
        (TOKENS, (4, 4), "segmentation"),
    ],
)
def test_the_word_is_that_of_the_task_that_takes_the_targets(
    targets: Tensor, output: tuple[int, ...] | None, word: str
) -> None:
    assert word_for(targets, output, ids=False) == word


@pytest.mark.parametrize(
    ("targets", "output", "word"),
    [
        (TOKENS, (4, 7), "causal-lm"),
        (TOKENS, (4, 4), "causal-lm"),
        (TOKENS, None, "causal-lm"),
        (FOUR, (4,), "classification"),
        (FOUR, None, "classification"),
        (TOKENS[:, :1], (1, 7), "causal-lm"),
    ],
)
def test_of_token_ids_the_positions_are_the_first_axis_of_an_output(
    targets: Tensor, output: tuple[int, ...] | None, word: str
) -> None:
    assert word_for(targets, output, ids=True) == word
