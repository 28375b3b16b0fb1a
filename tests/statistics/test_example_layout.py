"""Where in a value the examples lie, whatever layers do to its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.statistics import ExampleLayout, example_layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

COUNT = 5
FORMS: dict[str, tuple[Callable[[Tensor], Tensor], int, ExampleLayout]] = {
    "example, position, channel": (lambda x: x, -1, ExampleLayout(0, together=True)),
    "example, channel, position": (lambda x: x.mT, 1, ExampleLayout(0, together=True)),
    "position, example, channel": (
        lambda x: x.movedim(0, 1),
        -1,
        ExampleLayout(1, together=True),
    ),
    "positions of each example": (lambda x: x.flatten(0, 1), 1, ExampleLayout(0, together=True)),
    "examples of each position": (
        lambda x: x.movedim(0, 1).flatten(0, 1),
        1,
        ExampleLayout(0, together=False),
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("positions", [2, COUNT])
def test_a_value_is_brought_to_examples_positions_and_channels(form: str, positions: int) -> None:
    change, channels, layout = FORMS[form]
    plain = torch.randn(COUNT, positions, 3, generator=torch.Generator().manual_seed(0))
    found = example_layout(change(plain), change(plain.roll(-1, 0)), channels, COUNT)
    assert found == layout
    other = torch.arange(4.0 * positions * 3).view(4, positions, 3)
    torch.testing.assert_close(found.arranged(change(other), channels, 4), other, rtol=0, atol=0)


def test_a_value_of_one_axis_has_one_channel_and_one_position() -> None:
    value = torch.arange(5.0)
    found = example_layout(value, value.roll(-1), -1, COUNT)
    assert found == ExampleLayout(0, together=True)
    assert found.arranged(value, -1, COUNT).shape == (COUNT, 1, 1)


def test_an_image_keeps_its_pixels_as_positions() -> None:
    value = torch.randn(2, 3, 4, 6)
    found = ExampleLayout(0, together=True).arranged(value, 1, 2)
    torch.testing.assert_close(found, value.permute(0, 2, 3, 1).reshape(2, 24, 3))


@pytest.mark.parametrize(
    ("value", "cycled"),
    [
        (torch.ones(7, 3), torch.ones(7, 3)),
        (torch.arange(15.0).view(5, 3), torch.arange(15.0).view(5, 3)),
        (torch.ones(5, 3), torch.ones(4, 3)),
        (torch.ones(5, 3, dtype=torch.int64), torch.ones(5, 3, dtype=torch.int64)),
    ],
    ids=["other size", "does not follow them", "depends on them", "whole numbers"],
)
def test_what_has_no_part_for_each_example_has_no_layout(value: Tensor, cycled: Tensor) -> None:
    assert example_layout(value, cycled, -1, COUNT) is None


def test_where_values_cannot_be_compared_the_first_axis_that_may_hold_examples_does() -> None:
    value, other = torch.randn(2, 5, 10, 3), torch.randn(2, 5, 10, 3)
    found = example_layout(value, other, -1, COUNT, compare=False)
    assert found == ExampleLayout(1, together=True)
