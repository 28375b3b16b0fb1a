"""Squared norms of checkpoints that are read block by block."""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.checkpoint import open_checkpoint, squared_norms
from lmctool.checkpoint.squared_norms import BLOCK
from lmctool.errors import LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from lmctool.checkpoint import Checkpoint

    from .conftest import Forge, Save

LONG = 20_077


def drawn(seed: int, scale: float = 1.0) -> dict[str, Tensor]:
    """Return tensors of every dtype that weights have, one of them longer than a block."""
    numbers = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return scale * torch.randn(shape, generator=numbers, dtype=torch.float64)

    return {
        "double": normal(7, 3),
        "empty": normal(0, 2),
        "float": normal(LONG).float(),
        "half": normal(5, 4).half(),
        "scalar": normal(),
        "short": normal(300).bfloat16(),
    }


def opened(save: Save, *all_tensors: dict[str, Tensor]) -> list[Checkpoint]:
    return [
        open_checkpoint(save(f"{number}.safetensors", tensors))
        for number, tensors in enumerate(all_tensors)
    ]


def slow_squares(tensors: Sequence[Tensor]) -> list[float]:
    """Return the same squared norms by exact sums of Python's floats."""
    a, b, *origin = ([float(value) for value in tensor.flatten()] for tensor in tensors)

    def square(first: list[float], second: list[float]) -> float:
        return math.fsum((x - y) ** 2 for x, y in zip(first, second, strict=True))

    nothing = [0.0] * len(a)
    squares = [square(a, nothing), square(b, nothing), square(a, b)]
    for o in origin:
        squares += [square(o, nothing), square(a, o), square(b, o)]
    return squares


@pytest.mark.parametrize("count", [2, 3])
def test_squares_are_those_of_exact_sums(save: Save, count: int) -> None:
    drawings = [drawn(seed, 10.0**seed) for seed in range(count)]
    names = sorted(drawings[0])
    squares = squared_norms.squared_norms(opened(save, *drawings), names)
    expected = [slow_squares([tensors[name] for tensors in drawings]) for name in names]
    # 256 squares at a time are summed in float32, side by side: 15 roundings of 6e-8 at most
    np.testing.assert_allclose(squares, expected, rtol=1e-6)
    row = names.index("double")
    np.testing.assert_allclose(squares[row], expected[row], rtol=1e-13)


@pytest.mark.parametrize("value", [0.1, 1 / 3, -1.7, 3e-5], ids=str)
@pytest.mark.parametrize("word", ["float32", "bfloat16", "float16"])
def test_roundings_that_all_go_one_way_stay_within_the_tolerance(
    save: Save, value: float, word: str
) -> None:
    a = torch.full((2 * BLOCK + 77,), value).to(getattr(torch, word))
    b = -0.7 * a
    squares = squared_norms.squared_norms(opened(save, {"w": a}, {"w": b}), ["w"])[0]
    wide = [a.double(), b.double(), a.double() - b.double()]
    expected = [float(each[0]) ** 2 * len(a) for each in wide]
    np.testing.assert_allclose(squares, expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 3e-17, 1e-13, 1e18, 1e25, 1e38], ids=str)
def test_squares_beyond_float32_lose_nothing(save: Save, scale: float) -> None:
    drawings = [
        {"w": scale * torch.rand(5000, generator=torch.Generator().manual_seed(seed))}
        for seed in (0, 1)
    ]
    squares = squared_norms.squared_norms(opened(save, *drawings), ["w"])[0]
    np.testing.assert_allclose(squares, slow_squares([d["w"] for d in drawings]), rtol=1e-6)


def test_a_tensor_in_the_middle_of_a_page_is_read_wherever_it_lies(
    forge: Forge, save: Save
) -> None:
    values = torch.linspace(-1, 1, 3000)
    entry = {"dtype": "F32", "shape": [3000], "data_offsets": [0, 12000]}
    odd = json.dumps({"w": entry}).encode()
    odd += b" " * (1 + len(odd) % 2)  # values at an odd byte
    unlike = open_checkpoint(forge(odd, values.numpy().tobytes()))
    (plain,) = opened(save, {"w": values})
    assert unlike.locations["w"].offset % 2 == 1
    squares = [squared_norms.squared_norms([each, plain], ["w"]) for each in (unlike, plain)]
    np.testing.assert_array_equal(squares[0], squares[1])


def test_a_file_that_became_shorter_is_told(save: Save) -> None:
    checkpoints = opened(save, {"w": torch.ones(5000)}, {"w": torch.ones(5000)})
    os.truncate(checkpoints[1].path, 9000)
    with pytest.raises(LmctoolError, match=r"1\.safetensors' was changed while it was being read"):
        squared_norms.squared_norms(checkpoints, ["w"])


def test_weights_in_memory_give_the_same_as_their_files(save: Save) -> None:
    drawings = [drawn(0), drawn(1), drawn(2)]
    names = sorted(drawings[0])
    of_weights = squared_norms.squared_norms_of_weights(drawings, names)
    np.testing.assert_array_equal(
        squared_norms.squared_norms(opened(save, *drawings), names), of_weights
    )


def test_a_small_difference_of_large_values_keeps_its_digits(save: Save) -> None:
    a = torch.full((1000,), 2.0**24)
    b = a + 2.0  # one unit in the last place of float32
    squares = squared_norms.squared_norms(opened(save, {"w": a}, {"w": b}), ["w"])
    assert squares[0, 2] == 4000


def test_dtypes_may_differ_and_both_are_read_exactly(save: Save) -> None:
    values = torch.linspace(-1, 1, 50)
    squares = squared_norms.squared_norms(
        opened(save, {"w": values}, {"w": values.bfloat16()}), ["w"]
    )
    expected = slow_squares([values, values.bfloat16()])
    np.testing.assert_allclose(squares[0], expected, rtol=1e-7)


def test_the_number_of_threads_changes_no_bit(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squared_norms, "STRETCH", 1000)
    checkpoints = opened(save, drawn(0), drawn(1))
    squares, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            squares.append(squared_norms.squared_norms(checkpoints, ["double", "float"]))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(squares[0], squares[1])


@pytest.mark.parametrize("place", [0, 1])
def test_a_value_that_is_no_number_is_found_in_either_file(save: Save, place: int) -> None:
    pair = [{"v": torch.ones(2), "w": torch.ones(3)} for _ in range(2)]
    pair[place]["w"][1] = float("nan")
    checkpoints = opened(save, *pair)
    message = rf"tensor 'w' of '{checkpoints[place].path}' holds 1 values that are NaN or infinite"
    with pytest.raises(UnjudgedError, match=message):
        squared_norms.squared_norms(checkpoints, ["v", "w"])


def test_values_without_a_finite_square_are_told(save: Save) -> None:
    huge = {"w": torch.tensor([1e200], dtype=torch.float64)}
    with pytest.raises(UnjudgedError, match=r"squares of tensor 'w' are too large for float64"):
        squared_norms.squared_norms(opened(save, huge, huge), ["w"])


def test_other_shapes_and_storage_formats_are_refused(save: Save) -> None:
    with pytest.raises(LmctoolError, match=r"tensor 'w' has shape \(2,\).*but \(3,\)"):
        squared_norms.squared_norms(opened(save, {"w": torch.ones(2)}, {"w": torch.ones(3)}), ["w"])
    small = {"w": torch.ones(2).to(torch.float8_e4m3fn)}
    with pytest.raises(LmctoolError, match=r"is stored as F8_E4M3"):
        squared_norms.squared_norms(opened(save, small, small), ["w"])


def test_progress_is_told_stretch_by_stretch(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squared_norms, "STRETCH", LONG // 2 + 1)
    calls: list[tuple[int, str] | int] = []

    @contextmanager
    def progress(
        total: int, description: str, *, networks: bool = False
    ) -> Iterator[Callable[[int], None]]:
        calls.append((total, description))
        yield calls.append

    squared_norms.squared_norms(opened(save, drawn(0), drawn(1)), ["double", "float"], progress)
    assert calls == [(3, "distance"), 1, 1, 1]
