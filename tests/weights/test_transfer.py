"""Sending tensors to a GPU through buffers of pinned memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.weights.transfer import Transfer
from tests.emulated_gpu.waits import OnGpu, pretended_gpu

if TYPE_CHECKING:
    from pathlib import Path

GENERATOR = torch.Generator().manual_seed(0)
TENSORS = {
    "matrix": torch.randn(5, 7, generator=GENERATOR),
    "transposed": torch.randn(4, 3, generator=GENERATOR).T,
    "half": torch.randn(9, generator=GENERATOR).to(torch.bfloat16),
    "counter": torch.tensor(41),
    "mask": torch.tensor([True, False, True]),
    "nothing": torch.empty(0, 3),
}


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("device", ["cuda:0", "cuda:1"])
def test_what_arrives_is_what_was_sent_whatever_the_buffers_take(size: int, device: str) -> None:
    with pretended_gpu(device):
        transfer = Transfer(device, size)
        there = {name: transfer.tensor(tensor) for name, tensor in TENSORS.items()}
        for name, tensor in TENSORS.items():
            assert isinstance(there[name], OnGpu)
            assert there[name].device == torch.device(device)
            assert torch.equal(there[name].cpu(), tensor), name


def test_nobody_waits_for_what_is_sent() -> None:
    with pretended_gpu() as gpu:
        transfer = Transfer("cuda", 64)
        _ = [transfer.tensor(tensor) for tensor in TENSORS.values()]
        transfer.array(np.arange(40))
        assert not gpu.waits


def test_buffers_that_are_filled_too_early_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended_gpu() as gpu:
        monkeypatch.setattr(gpu, "arrive", lambda _: None)  # waiting for a copy does nothing
        there = Transfer("cuda", 8).array(np.arange(4))
        monkeypatch.undo()
        assert there.tolist() == [2, 3, 2, 3]


@pytest.mark.cuda
@pytest.mark.parametrize("size", [1 << 12, 1 << 25])
def test_a_gpu_gets_what_was_sent(size: int, gpu: torch.device) -> None:
    transfer, array = Transfer(gpu, size), np.random.default_rng(0).random((1 << 10, 1 << 7))
    there = {name: transfer.tensor(tensor) for name, tensor in TENSORS.items()}
    assert torch.equal(transfer.array(array).cpu(), torch.from_numpy(array))
    for name, tensor in TENSORS.items():
        assert torch.equal(there[name].cpu(), tensor), name


def test_an_array_that_may_not_be_written_to_is_sent() -> None:
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    array.flags.writeable = False
    with pretended_gpu():
        assert Transfer("cuda").array(array).tolist() == array.tolist()
    assert torch.equal(Transfer("cpu").array(array), torch.arange(6, dtype=torch.uint8).view(2, 3))


def test_a_tensor_stays_as_it_is_on_the_host() -> None:
    tensor = TENSORS["matrix"]
    assert Transfer("cpu").tensor(tensor) is tensor


def test_a_checkpoint_is_sent_without_a_wait(tmp_path: Path) -> None:
    tensors = {name: t.contiguous() for name, t in TENSORS.items() if t.numel()}
    save_file(tensors, tmp_path / "a.safetensors")
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    here = checkpoint.weights(torch.float32)
    with pretended_gpu() as gpu:
        there = checkpoint.weights(torch.float32, "cuda")
        assert not gpu.waits
        for name, tensor in here.items():
            assert torch.equal(there[name].cpu(), tensor)
