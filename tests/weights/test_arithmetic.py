"""Arithmetic on weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint import Checkpoint, open_checkpoint
from lmctool.checkpoint.compare import check_same
from lmctool.errors import LmctoolError
from lmctool.weights.arithmetic import lerp
from lmctool.weights.mean import weighted_mean
from lmctool.weights.partwise import Partwise

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def saved(path: Path, **tensors: Tensor) -> Checkpoint:
    """Write tensors, and open them."""
    save_file(tensors, path)
    return open_checkpoint(path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_both_ends_are_exact(dtype: torch.dtype) -> None:
    numbers = torch.Generator().manual_seed(0)
    a = {"w": (torch.randn(1000, generator=numbers) * 1e3).to(dtype)}
    b = {"w": (torch.randn(1000, generator=numbers) / 1e3).to(dtype)}
    a["w"][0], b["w"][0] = -0.0, torch.finfo(dtype).max
    for alpha, end in ((0.0, a), (1.0, b)):
        point = lerp(a, b, alpha)["w"]
        assert torch.equal(point.view(torch.uint8), end["w"].view(torch.uint8))


def test_the_midpoint_is_the_mean_in_the_same_dtype() -> None:
    a, b = {"w": torch.tensor([1.0, -2.0])}, {"w": torch.tensor([3.0, 2.0])}
    assert lerp(a, b, 0.5)["w"].tolist() == [2.0, 0.0]
    half = lerp({"w": a["w"].half()}, {"w": b["w"].half()}, 0.5)["w"]
    assert half.dtype == torch.float16


def test_a_network_and_itself_are_the_same_at_every_point() -> None:
    a = {"w": torch.randn(1000, generator=torch.Generator().manual_seed(0))}
    for alpha in torch.linspace(0, 1, 11).tolist():
        assert torch.equal(lerp(a, dict(a), alpha)["w"], a["w"])


def test_integers_have_no_midpoint() -> None:
    a = {"steps": torch.tensor(4), "mask": torch.tensor([True])}
    b = {"steps": torch.tensor(9), "mask": torch.tensor([False])}
    between = lerp(a, b, 0.7)
    assert (between["steps"].item(), between["mask"].item()) == (4, True)
    assert lerp(a, b, 1.0)["steps"].item() == 9


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.int64])
def test_whole_numbers_that_differ_and_are_no_counter_are_not_mixed(dtype: torch.dtype) -> None:
    a = {"l.q": torch.tensor([0, 1, 1]).to(dtype), "l.s": torch.ones(3)}
    b = {**a, "l.q": torch.tensor([1, 1, 0]).to(dtype)}
    told = rf"'l.q' is {str(dtype)[6:]} and differs between the networks.* dequantise first"
    with pytest.raises(LmctoolError, match=told):
        lerp(a, b, 0.5)
    with pytest.raises(LmctoolError, match=told):
        weighted_mean([a, b], (1, 2))
    inside = Partwise(a, b, [["l.q"], ["l.s"]], np.array([[0.0, 0.5], [0.5, 0.0]]))
    for mixes in (lambda: inside[1], lambda: inside.differing):
        with pytest.raises(LmctoolError, match=told):
            mixes()
    whole = Partwise(a, b, [["l.q"], ["l.s"]], np.array([[1.0, 0.5]]))
    assert torch.equal(whole[0]["l.q"], b["l.q"])
    assert whole.differing == {"l.q": 0}
    assert torch.equal(lerp(a, {**a, "l.q": a["l.q"].clone()}, 0.5)["l.q"], a["l.q"])
    assert torch.equal(weighted_mean([a, b], (0, 1))["l.q"], b["l.q"])


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ({"@tap.scale": (1,)}, {"@tap.scale": (1,)}, "entry '@tap.scale' belongs to no tensor"),
        ({"w": (1,)}, {"w": (1,), "v": (1,)}, "tensor 'v' is only in the second of the two"),
        ({"w": (1,), "v": (1,)}, {"w": (1,)}, "tensor 'v' is only in the first of the two"),
        ({"w": (2, 1)}, {"w": (2,)}, "tensor 'w' has shape (2, 1) in the first of"),
    ],
)
def test_weights_that_do_not_match_are_refused(
    a: dict[str, tuple[int, ...]], b: dict[str, tuple[int, ...]], told: str
) -> None:
    first = {name: torch.ones(shape) for name, shape in a.items()}
    second = {name: torch.ones(shape) for name, shape in b.items()}
    with pytest.raises(LmctoolError, match=re.escape(told)):
        lerp(first, second, 0.5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"w": torch.ones(3, 2)}, "tensor 'w' has shape (2, 3) in 'A' but (3, 2) in 'B'"),
        ({"w": torch.ones(2, 3).long()}, "tensor 'w' is stored as F32 in 'A' but as I64 in 'B'"),
        ({"extra": torch.ones(1)}, "tensor 'extra' is in 'B' but not in 'A'"),
        ({"v": None}, "tensor 'v' is in 'A' but not in 'B'"),
        (
            {"w": None, "v": None, "x": torch.ones(1), "y": torch.ones(1), "z": torch.ones(1)},
            "the two checkpoints hold different architectures:"
            " 'A' has 'v' and 'w', 'B' has 'x' and 'y'",
        ),
    ],
)
def test_checkpoints_that_differ_are_told(
    tmp_path: Path, change: dict[str, Tensor | None], told: str
) -> None:
    tensors = {"w": torch.ones(2, 3), "v": torch.ones(2), "u": torch.ones(1)}
    changed = {name: value for name, value in {**tensors, **change}.items() if value is not None}
    a, b = (
        saved(tmp_path / "a.safetensors", **tensors),
        saved(tmp_path / "b.safetensors", **changed),
    )
    check_same(a, a)
    with pytest.raises(LmctoolError) as caught:
        check_same(a, b)
    assert str(caught.value).replace(str(a.path), "A").replace(str(b.path), "B") == told


def test_stored_precision_may_differ(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.safetensors", w=torch.ones(2))
    check_same(a, saved(tmp_path / "b.safetensors", w=torch.ones(2).bfloat16()))


MASKS = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 1.0])


def test_masks_of_pruning_that_differ_have_no_mixture() -> None:
    a, b = ({"x.weight_orig": torch.ones(3), "x.weight_mask": mask} for mask in MASKS)
    parts = Partwise(a, b, [list(a)], np.array([[0.5]]))
    told = r"mask 'x.weight_mask' differs .*prune.remove"
    with pytest.raises(LmctoolError, match=told):
        lerp(a, b, 0.5)
    with pytest.raises(LmctoolError, match=told):
        weighted_mean([a, b], [1, 1])
    with pytest.raises(LmctoolError, match=told):
        parts[0]
    assert lerp(a, b, 1) == b  # the ends are the networks themselves


def test_equal_masks_and_what_is_only_called_a_mask_are_mixed() -> None:
    half = torch.tensor([0.5, 0.25, 0.5])
    same = {"w_orig": half, "w_mask": MASKS[0]}
    assert torch.equal(lerp(same, same, 0.5)["w_mask"], MASKS[0])
    soft = lerp({"soft_mask": half}, {"soft_mask": MASKS[0]}, 0.5)["soft_mask"]
    assert torch.equal(soft, torch.tensor([0.75, 0.125, 0.75]))
