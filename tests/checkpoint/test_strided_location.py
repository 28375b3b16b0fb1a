"""Tensors whose values lie apart in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint, strided_location
from lmctool.checkpoint.strided_location import StridedLocation, is_contiguous, span

if TYPE_CHECKING:
    from pathlib import Path

BASE = torch.arange(360.0).reshape(3, 4, 5, 6)
VIEWS = {
    "turned": BASE.permute(3, 2, 1, 0),
    "swapped": BASE.transpose(0, 1),
    "inner": BASE.transpose(2, 3),
    "channels_last": BASE.to(memory_format=torch.channels_last),
    "every_other": BASE[::2, :, ::2, 1:],
    "repeated": BASE[:, :1, :, :1].expand(3, 4, 5, 6),
    "one_axis": BASE.flatten()[::7],
    "leading_one": BASE.permute(3, 2, 1, 0)[None],
}


@pytest.mark.parametrize("block", [1, 7, 1 << 17])
@pytest.mark.parametrize("name", VIEWS)
def test_any_stretch_of_values_is_that_of_the_tensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int
) -> None:
    monkeypatch.setattr(strided_location, "BLOCK", block)
    monkeypatch.setattr(strided_location, "WINDOW", 25)
    torch.save({name: VIEWS[name]}, tmp_path / "a.pt")
    location = open_checkpoint(tmp_path / "a.pt").locations[name]
    assert isinstance(location, StridedLocation)
    flat = VIEWS[name].flatten()
    assert torch.equal(location.tensor(), VIEWS[name])
    for start, stop in ((0, None), (0, 1), (3, 41), (flat.numel() - 1, None), (5, 5), (9, 10**9)):
        assert torch.equal(location.mapped(start, stop), flat[start:stop])
        parts = [part.clone() for part in location.blocks(start, stop, size=11)]
        assert torch.equal(torch.cat([flat[:0], *parts]), flat[start:stop])
    assert b"".join(location.pieces()) == flat.numpy().tobytes()


def test_strides_are_compared_with_those_of_values_in_order() -> None:
    assert is_contiguous((2, 3), (3, 1))
    assert is_contiguous((2, 1, 3), (3, 99, 1))
    assert is_contiguous((0, 3), (7, 7))
    assert is_contiguous((), ())
    assert not is_contiguous((3, 2), (1, 3))
    assert span((3, 2), (1, 3)) == 6
    assert span((3, 4), (1, 0)) == 3
    assert span((0, 4), (1, 9)) == 0
