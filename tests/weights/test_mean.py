"""The mean by blocks is that of whole tensors."""

from __future__ import annotations

import pytest
import torch

from lmctool.weights import mean as module
from lmctool.weights.mean import mean_tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("counts", [[1.0], [0.5, 0.5], [0.3, 0.5, 0.9], [1.5, -0.5]])
def test_blocks_change_no_value(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, counts: list[float]
) -> None:
    numbers = torch.Generator().manual_seed(0)
    tensors = [torch.randn(37, 11, generator=numbers).to(dtype) for _ in counts]
    for tensor in tensors[1:]:
        tensor[:5] = tensors[0][:5]
    tensors[0][0, 0] = -0.0
    whole = mean_tensor(tensors, counts)
    monkeypatch.setattr(module, "BLOCK", 16)
    assert torch.equal(mean_tensor(tensors, counts), whole)
    assert torch.equal(whole[1:5], tensors[0][1:5])
    weighted = sum(each.double() * count for each, count in zip(tensors, counts, strict=True))
    assert isinstance(weighted, torch.Tensor)
    expected = weighted / sum(counts)
    torch.testing.assert_close(whole.double(), expected, rtol=torch.finfo(dtype).eps, atol=1e-15)
