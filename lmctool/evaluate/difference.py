"""How far two answers of a network are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

MASKED = 1e8
"""Outputs from here on stand for minus infinity, and say nothing of the scale of the others."""


def difference(answer: Tensor, expected: Tensor) -> float:
    """Return the greatest difference, relative to the greatest number that masks nothing."""
    if answer.shape != expected.shape:
        return float("inf")
    if not answer.is_floating_point():
        return 0.0 if torch.equal(answer, expected) else float("inf")
    answer, expected = answer.double(), expected.double()
    number = expected.isfinite() & (expected.abs() < MASKED)
    if not torch.equal(number, answer.isfinite() & (answer.abs() < MASKED)):
        return float("inf")
    if not number.any():
        return 0.0
    greatest, scale = (answer - expected)[number].abs().max(), expected[number].abs().max()
    return float(greatest / scale) if greatest else 0.0
