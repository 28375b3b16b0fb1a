"""What checkpoints have in common: patterns, misfits and shares counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.overlap import check_fit, matching, overlap
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lmctool.checkpoint import Checkpoint


def stored(path: Path, **tensors: Tensor) -> Checkpoint:
    save_file({name.replace("__", "."): each for name, each in tensors.items()}, path)
    return open_checkpoint(path)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Checkpoint, Checkpoint]:
    """Two networks with 12 numbers alike, 8 of a head against 6, and one tensor of B's alone."""
    body = {"body__weight": torch.ones(3, 4)}
    a = stored(tmp_path / "a.safetensors", **body, head__weight=torch.ones(2, 4))
    b = stored(
        tmp_path / "b.safetensors",
        **body,
        head__weight=torch.ones(1, 6),
        head__steps=torch.tensor(3),
    )
    return a, b


def test_a_tensor_of_another_shape_or_on_one_side_is_left_out_with_its_parameters(
    pair: tuple[Checkpoint, Checkpoint],
) -> None:
    found = overlap(pair)
    assert found.misfits == ("head.steps", "head.weight")
    assert found.left_out["head.weight"].reason == "(2, 4) in A, (1, 6) in B"
    assert found.left_out["head.weight"].numbers == (8, 6)
    assert found.left_out["head.steps"].reason == "only in B"
    assert found.left_out["head.steps"].numbers == (0, 0)
    assert found.unnamed_share == 8 / 20


def test_what_is_excepted_is_left_out_though_it_fits(pair: tuple[Checkpoint, Checkpoint]) -> None:
    found = overlap(pair, ["body", "head"])
    assert list(found.left_out) == ["body.weight", "head.steps", "head.weight"]
    assert found.misfits == ()
    assert found.unnamed_share == 0


def test_floats_and_whole_numbers_do_not_fit(tmp_path: Path) -> None:
    a = stored(tmp_path / "a.safetensors", w=torch.ones(2))
    b = stored(tmp_path / "b.safetensors", w=torch.ones(2, dtype=torch.int8))
    assert overlap([a, b]).left_out["w"].reason == "floats in A, whole numbers in B"
    half = stored(tmp_path / "c.safetensors", w=torch.ones(2).half())
    assert overlap([a, half]).left_out == {}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("layers.1", {"layers.1.weight"}),
        ("layers.*", {"layers.1.weight", "layers.10.weight", "layers.10.bias"}),
        ("*.bias", {"layers.10.bias"}),
        ("head", {"head"}),
    ],
)
def test_a_pattern_is_of_whole_names_of_tensors_or_layers(pattern: str, found: set[str]) -> None:
    names = ["layers.1.weight", "layers.10.weight", "layers.10.bias", "head"]
    assert matching([pattern], names) == found


def test_a_pattern_of_nothing_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(LmctoolError, match=r"'clasifier' names no tensor.*nearest: 'classifier'"):
        matching(["clasifier"], ["classifier.weight", "body.weight"])


def test_a_refusal_names_the_option_that_helps(pair: tuple[Checkpoint, Checkpoint]) -> None:
    for partial, remedy in (("excepted", "leave out what"), ("never", "align and merge leave out")):
        with pytest.raises(LmctoolError, match=rf"{remedy} .* --except 'head\.\*'"):
            check_fit(pair, (), partial)  # type: ignore[arg-type]
    check_fit(pair, ("head.*",), "excepted")
    check_fit(pair, (), "fitting")


def test_of_two_architectures_nothing_is_left_out_by_itself(tmp_path: Path) -> None:
    small = stored(tmp_path / "a.safetensors", x=torch.ones(3), y=torch.ones(97))
    large = stored(tmp_path / "b.safetensors", x=torch.ones(3), y=torch.ones(98))
    with pytest.raises(LmctoolError, match="'y' has shape"):
        check_fit([small, large], (), "fitting")
    check_fit([small, large], ("y",), "fitting")


def test_names_of_one_side_alone_make_two_architectures_however_small(tmp_path: Path) -> None:
    a = stored(tmp_path / "a.safetensors", w=torch.ones(9, 9), a=torch.ones(1))
    b = stored(tmp_path / "b.safetensors", w=torch.ones(9, 9), b=torch.ones(1))
    with pytest.raises(LmctoolError, match="different architectures"):
        check_fit([a, b], (), "fitting")
    check_fit([a, b], ("a",), "fitting")
