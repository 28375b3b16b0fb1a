"""Numbers that a graph computes: multiples of the examples and a rest, or refused."""

from __future__ import annotations

from operator import add, floordiv, mul, sub
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import fx, nn

from lmctool.graph.batch_sizes import BatchSize, batch_sizes
from lmctool.graph.graph import Graph
from lmctool.graph.terms import UnlikeError

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = torch.ops.aten.sym_size.int


def last(build: Callable[[fx.Graph, fx.Node], Any], varying: str = "x") -> BatchSize:
    """Return the last number of a graph that is built of its input ``x``."""
    graph = fx.Graph()
    build(graph, graph.placeholder("x"))
    whole = Graph(fx.GraphModule(nn.Module(), graph), {}, frozenset(), {}, ("x",), {})
    return list(batch_sizes(whole, {varying}).values())[-1]


def of_examples(*steps: tuple[Callable[[int, int], int], int]) -> BatchSize:
    """Return what becomes of the number of examples by operations with numbers, in turn."""

    def build(graph: fx.Graph, x: fx.Node) -> None:
        size = graph.call_function(SIZE, (x, 0))
        for function, number in steps:
            size = graph.call_function(function, (size, number))

    return last(build)


def test_sizes_are_computed_for_all_batches_at_once() -> None:
    assert of_examples() == BatchSize(1, 0)
    size = of_examples((mul, 6), (add, 9), (sub, 3), (floordiv, 3))
    assert size == BatchSize(2, 2)
    assert [size.at(examples) for examples in (1, 2, 5)] == [
        (examples * 6 + 9 - 3) // 3 for examples in (1, 2, 5)
    ]


@pytest.mark.parametrize("divisor", [2, 0, -1])
def test_a_size_that_is_rounded_is_refused(divisor: int) -> None:
    with pytest.raises(UnlikeError, match="floordiv makes no multiple"):
        of_examples((floordiv, divisor))


def test_a_size_that_grows_with_the_square_is_refused() -> None:
    def square(graph: fx.Graph, x: fx.Node) -> None:
        size = graph.call_function(SIZE, (x, 0))
        graph.call_function(mul, (size, size))

    with pytest.raises(UnlikeError, match="mul makes no multiple"):
        last(square)


@pytest.mark.parametrize(
    "build",
    [
        lambda graph, x: graph.call_function(SIZE, (x, 1)),
        lambda graph, x: graph.call_function(SIZE, (graph.call_function(torch.relu, (x,)), 0)),
        lambda graph, x: graph.call_function(add, (x, 1)),
        lambda graph, x: graph.call_function(add, (1.5, 1)),
        lambda graph, x: graph.call_function(mul, (2, 3, 4)),
    ],
)
def test_nothing_else_is_a_size(build: Callable[[fx.Graph, fx.Node], Any]) -> None:
    with pytest.raises(UnlikeError):
        last(build)


def test_an_input_that_stays_has_no_number_of_examples() -> None:
    with pytest.raises(UnlikeError):
        last(lambda graph, x: graph.call_function(SIZE, (x, 0)), varying="y")
