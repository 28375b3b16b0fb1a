"""Statistics of batches that go through a network in pieces: those of whole batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool import statistics
from lmctool.errors import LmctoolError
from lmctool.evaluate.threads import Workers
from lmctool.graph.capture import capture
from lmctool.graph.stages import stages
from lmctool.graph.targets import targets
from lmctool.statistics.moments import joined, part_of
from lmctool.statistics.pieces import CACHE, LEAST, MOST, WHOLE, Pieces, pieces_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.graph.graph import Graph

SIDE_BY_SIDE = Workers(2, 1)


class Images(nn.Module):
    """Channels along axis 1 and along the last, and a layer of no example's value."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 1)
        self.linear = nn.Linear(4, 5)
        self.place = nn.Linear(4, 5)
        self.last = nn.Linear(5, 2)
        self.register_buffer("places", torch.eye(4))

    def forward(self, x: Tensor) -> Tensor:
        images: Tensor = self.norm(self.convolution(x)).relu()
        images = images + self.second(images)
        places: Tensor = self.place(self.places)
        tokens: Tensor = self.linear(images.flatten(2)).relu() + places.mean(0)
        return self.last(tokens).mean(1)  # type: ignore[no-any-return]


class Branching(Images):
    """One that torch.export cannot follow."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x if x.sum() > 1e9 else x)


def network(seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return dict(Images().double().requires_grad_(False).state_dict())


@pytest.fixture(scope="module")
def graph() -> Graph:
    return capture(Images().double().eval(), torch.zeros(2, 1, 4, 4, dtype=torch.float64))


@pytest.fixture(scope="module")
def axes(graph: Graph) -> dict[str, int]:
    found = {each.tap: each.axis for each in targets(graph, "both") if each.name != "place"}
    assert len(found) == 5
    assert {axis % 3 for axis in found.values()} == {1, 2}
    return found


@pytest.fixture(scope="module")
def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(n, 1, 4, 4, dtype=torch.float64, generator=generator) for n in (8, 7, 7)]


def assert_same(
    found: Mapping[str, statistics.Moments], expected: Mapping[str, statistics.Moments]
) -> None:
    assert found.keys() == expected.keys()
    for tap, each in expected.items():
        for got, wanted in zip(found[tap].parts, each.parts, strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("pieces", [Pieces(3), Pieces(1), Pieces(3, SIDE_BY_SIDE)])
def test_statistics_in_pieces_are_those_of_whole_batches(
    graph: Graph, axes: dict[str, int], batches: list[Tensor], pieces: Pieces
) -> None:
    a, b = network(0), network(1)
    plain = statistics.measured(graph, a, axes, batches)
    assert_same(statistics.measured(graph, a, axes, batches, pieces), plain)
    both, whole = (statistics.paired(graph, a, b, axes, batches, cut) for cut in (pieces, WHOLE))
    assert_same(both, whole)  # type: ignore[arg-type]
    for left in ("", "mean", "std"):
        goals = {
            tap: statistics.Goal(
                axes[tap],
                None if left == "mean" else shown.mean + 1,
                None if left == "std" else 2 * shown.std,
            )
            for tap, shown in plain.items()
        }
        assert_same(
            statistics.renormalised(graph, b, goals, batches, pieces),
            statistics.renormalised(graph, b, goals, batches),
        )


def test_pieces_side_by_side_give_the_same_bits_as_one_after_the_other(
    graph: Graph, axes: dict[str, int], batches: list[Tensor]
) -> None:
    goals = {tap: statistics.Goal(axis, None, None) for tap, axis in axes.items()}
    alone, together = (
        statistics.renormalised(graph, network(0), goals, batches, Pieces(3, threads))
        for threads in (None, SIDE_BY_SIDE)
    )
    for tap, each in alone.items():
        assert torch.equal(each.mean, together[tap].mean)
        assert torch.equal(each.variance, together[tap].variance)


def test_pieces_are_as_equal_as_they_can_be() -> None:
    def sizes(count: int, size: int | None) -> Sequence[int]:
        return [len(each) for each in Pieces(size).of(torch.zeros(count))]

    assert sizes(10, 4) == [4, 3, 3]
    assert sizes(4, 4) == [4]
    assert sizes(9, None) == [9]


def test_a_batch_of_one_value_has_no_statistics_in_pieces_either() -> None:
    one = part_of(torch.zeros(1, 3, dtype=torch.float64), -1)
    assert joined([one, one]).variance.tolist() == [0, 0, 0]
    with pytest.raises(LmctoolError, match="two examples"):
        joined([one])


def test_what_lies_behind_the_last_tap_is_not_computed(graph: Graph, axes: dict[str, int]) -> None:
    ways = stages(graph, axes)
    assert [stage.tap.name for stage in ways] == [
        node.name for node in graph.nodes if node.name in axes
    ]
    computed = [node for stage in ways for node in stage.steps.nodes]
    assert ways[-1].tap in computed
    assert graph.output not in computed
    assert [stage.unread for stage in ways] == [False, False, False, False, True]


def test_what_is_held_of_a_piece_is_what_later_stages_read(
    graph: Graph, axes: dict[str, int]
) -> None:
    values = graph.bound(network(0), torch.zeros(2, 1, 4, 4, dtype=torch.float64))
    ways = stages(graph, axes)
    for number, stage in enumerate(ways):
        stage.run(values, None, lambda _: None)
        later = {
            read
            for after in ways[number + 1 :]
            for node in after.steps.nodes
            for read in node.all_input_nodes
        }
        assert {node for node in values if node.op == "call_function"} <= later


def test_the_size_of_pieces_follows_from_the_largest_tap(
    graph: Graph, axes: dict[str, int]
) -> None:
    largest = CACHE // (3 * 5 * 8)  # five channels of three tokens, float64
    assert pieces_for(graph, axes, None).size == min(largest, MOST)
    wide = capture(nn.Sequential(nn.Linear(4, CACHE), nn.ReLU(), nn.Linear(CACHE, 1)), ones(4))
    assert pieces_for(wide, [targets(wide, "layers")[0].tap], SIDE_BY_SIDE) == Pieces(
        LEAST, SIDE_BY_SIDE
    )


def ones(width: int) -> Tensor:
    return torch.ones(2, width)


def test_batches_stay_whole_where_examples_cannot_be_told_apart(graph: Graph) -> None:
    places = {each.name: each.tap for each in targets(graph, "layers")}
    assert pieces_for(graph, [places["place"]], None) == WHOLE
    noted = capture(Branching().double().eval(), torch.zeros(2, 1, 4, 4, dtype=torch.float64))
    assert noted.tracer == "dispatch"
    assert pieces_for(noted, [targets(noted, "layers")[0].tap], None) == WHOLE
