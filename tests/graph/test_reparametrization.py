"""Buffers that are a part of how a weight is made."""

from __future__ import annotations

import pytest

from lmctool.graph.reparametrization import makes_weight

NAMES = {"a.weight_orig", "a.weight", "a.bias", "b.parametrizations.weight.original"}


@pytest.mark.parametrize(
    "buffer",
    ["a.weight_mask", "a.weight_u", "a.weight_v", "b.parametrizations.weight.0._u"],
)
def test_masks_and_vectors_beside_an_original_make_a_weight(buffer: str) -> None:
    assert makes_weight(buffer, NAMES)


@pytest.mark.parametrize("buffer", ["a.bias_mask", "mask", "a.weight_w", "parametrizations.weight"])
def test_what_stands_beside_no_original_makes_none(buffer: str) -> None:
    assert not makes_weight(buffer, NAMES)
