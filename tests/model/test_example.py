"""Example inputs: described, brought by the model, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from lmctool.errors import LmctoolError
from lmctool.graph.module import fresh
from lmctool.model.example import Example, find_example, input_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

X = torch.ones(2, 3)


class Several(nn.Module):
    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs


def found(
    module: nn.Module, texts: Sequence[str] = (), dtype: torch.dtype = torch.float32
) -> Example | None:
    generator = torch.Generator().manual_seed(1)
    shapes = [input_shape(text) for text in texts]
    return find_example([module], shapes, generator, torch.device("cpu"), dtype)


@pytest.mark.parametrize(
    "text",
    ["3x3x224x224", "1x7", "4", "ids:3x11", "ids<50257:3x11", "ids<9:4", "mask=ids<2:3x5", "t_0=4"],
)
def test_a_described_input_is_shown_as_it_was_written(text: str) -> None:
    assert str(input_shape(text)) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is no shape such as 3x3x32x32, or ids:3x11 for token ids, or NAME=3x32 for an"),
        ("3x", "is no shape"),
        ("=3x4", "is no shape"),
        ("2t=3x4", "is no shape"),
        ("t=", "is no shape"),
        ("t=x=3", "is no shape"),
        ("3X4", "is no shape"),
        ("id:3x4", "is no shape"),
        ("ids<:3x4", "is no shape"),
        ("³x4", "is no shape"),
        ("0x3", "'0x3' describes no input"),
        ("0", "'0' describes no input"),
        (
            "3x0",
            "'3x0' describes no input: a size is 0, ids are below 1, or all together too large",
        ),
        ("9999x9999x9999", "too large"),
        ("ids<1:3x4", "describes no input"),
    ],
)
def test_what_is_no_input_is_refused(text: str, told: str) -> None:
    with pytest.raises(LmctoolError) as raised:
        input_shape(text)
    assert told in str(raised.value)


def test_floats_are_normal_and_the_same_for_one_seed_in_any_dtype() -> None:
    one, other = found(nn.Identity(), ["50x40"]), found(nn.Identity(), ["50x40"], torch.float64)
    assert one is not None and other is not None
    assert isinstance(one.inputs, torch.Tensor) and isinstance(other.inputs, torch.Tensor)
    assert one.inputs.dtype == torch.float32
    assert torch.equal(one.inputs, other.inputs.float())
    assert abs(other.inputs.std().item() - 1) < 0.1  # three standard errors of 2,000 draws
    assert (one.spec, one.origin) == ("50x40", "--input")


def test_token_ids_stay_below_the_rows_of_the_first_embedding() -> None:
    module = nn.Sequential(nn.Embedding(5, 4), nn.Embedding(2, 4))
    example = found(module, ["ids:40x10"])
    assert example is not None and isinstance(example.inputs, torch.Tensor)
    assert example.inputs.dtype == torch.int64
    assert {*example.inputs.flatten().tolist()} == {0, 1, 2, 3, 4}


def test_a_model_without_embedding_wants_the_vocabulary_said() -> None:
    with pytest.raises(LmctoolError, match=r"say it, as in ids<50257:3x11"):
        found(nn.Identity(), ["ids:3x4"])
    example = found(nn.Identity(), ["ids<7:3x4"])
    assert example is not None and isinstance(example.inputs, torch.Tensor)
    assert int(example.inputs.max()) < 7


def test_several_inputs_come_in_their_order_with_one_number_of_examples() -> None:
    example = found(Several(), ["3x4", "ids<9:3x2"])
    assert example is not None and isinstance(example.inputs, tuple)
    assert [tuple(tensor.shape) for tensor in example.inputs] == [(3, 4), (3, 2)]
    assert example.spec == "3x4, ids<9:3x2"
    with pytest.raises(LmctoolError, match=r"inputs 3x4, 2x4 have different numbers of examples"):
        found(Several(), ["3x4", "2x4"])


def test_a_model_may_bring_its_own_and_a_description_goes_before_it() -> None:
    module = nn.Identity()
    assert found(module) is None
    module.__dict__["example_inputs"] = (torch.ones(2, 3), torch.zeros(2, dtype=torch.int64))
    example = found(module, dtype=torch.float64)
    assert example is not None and isinstance(example.inputs, tuple)
    assert [tensor.dtype for tensor in example.inputs] == [torch.float64, torch.int64]
    assert (example.spec, example.origin) == ("2x3, 2", "model")
    described = found(module, ["4x3"])
    assert described is not None and described.origin == "--input"


@pytest.mark.parametrize("own", [(), "text", torch.ones(0, 3), torch.tensor(1), [X, 1]])
def test_what_a_model_brings_must_be_tensors_of_examples(own: object) -> None:
    module = nn.Identity()
    object.__setattr__(module, "example_inputs", own)
    with pytest.raises(LmctoolError, match=r"'example_inputs' must be a tensor or a tuple"):
        found(module)


def test_two_examples_are_taken_in_place_of_one() -> None:
    example = found(nn.Identity(), ["1x3"])
    assert example is not None and isinstance(example.inputs, torch.Tensor)
    assert example.inputs.shape == (2, 3) and not torch.equal(*example.inputs)
    assert (example.spec, example.doubled) == ("1x3 as 2 examples", True)
    module = nn.Identity()
    module.__dict__["example_inputs"] = X[:1]
    own = found(module)
    assert own is not None and isinstance(own.inputs, torch.Tensor)
    assert torch.equal(own.inputs, X[:1].expand(2, 3)) and own.spec == "1x3 as 2 examples"


def test_a_model_made_for_one_example_gets_one() -> None:
    class Alone(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(1, 3)

    example = found(Alone(), ["1x3"])
    assert example is not None and isinstance(example.inputs, torch.Tensor)
    assert example.inputs.shape == (1, 3)
    assert (example.spec, example.doubled) == ("1x3", False)


class Decoding(nn.Module):
    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None = None, y: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert mask is None
        return x if y is None else x - 2 * y


@pytest.mark.parametrize("texts", [["4x3", "y=4x3"], ["y=4x3", "4x3"], ["y=4x3", "x=4x3"]])
def test_an_input_may_be_an_argument_by_name(texts: list[str]) -> None:
    module = Decoding()
    example = found(module, texts)
    assert example is not None and isinstance(example.inputs, tuple)
    named = dict(zip(["y" if "y" in text else "x" for text in texts], example.inputs, strict=True))
    for again in (module, fresh(module)):
        assert torch.equal(again(*example.inputs), named["x"] - 2 * named["y"])
    assert example.spec == ", ".join(texts)


def test_every_model_that_is_to_take_the_inputs_takes_them_by_name() -> None:
    modules = [Decoding(), Decoding()]
    shapes = [input_shape("4x3"), input_shape("y=4x3")]
    generator = torch.Generator().manual_seed(1)
    example = find_example(modules, shapes, generator, torch.device("cpu"), torch.float32)
    assert example is not None
    x, y = example.inputs
    assert all(torch.equal(module(x, y), x - 2 * y) for module in modules)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["4x3", "z=4x3"], "got an unexpected keyword argument 'z'; its arguments are x, mask, y"),
        (["4x3", "x=4x3"], "multiple values for argument 'x'"),
        (["4x3", "y=4x3", "y=4x3"], "multiple values for argument 'y'"),
        (["y=4x3"], "missing a required argument: 'x'"),
        (["4x3", "4x3", "4x3", "4x3"], "too many positional arguments"),
        (["4x3", "msk=4x3"], "did you mean 'mask'? its arguments"),
    ],
)
def test_inputs_that_are_no_arguments_are_told(texts: list[str], told: str) -> None:
    with pytest.raises(LmctoolError) as raised:
        found(Decoding(), texts)
    assert str(raised.value).startswith("the model cannot take the inputs that --input describes: ")
    assert told in str(raised.value)
