"""What of an earlier run's evaluation is done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
import torch
from torch import nn

from lmctool.evaluate.functional import Network
from lmctool.evaluate.repetition import repeatable, repeated
from lmctool.evaluate.strategy import Launch, in_words, recorded
from lmctool.plugin.settings import Repetition

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)


def no_graph() -> Graph:
    raise AssertionError("no graph is needed")


@pytest.mark.parametrize("launch", get_args(Launch))
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_the_words_of_a_record_are_read_as_they_were_written(
    launch: Launch, layout: torch.memory_format
) -> None:
    assert recorded(in_words(launch, layout)) == (launch, layout)


@pytest.mark.parametrize("text", ["auto", "module", "graphs, contiguous, fast", ""])
def test_other_words_name_no_strategy(text: str) -> None:
    assert recorded(text) is None


@pytest.mark.parametrize(
    ("earlier", "device"),
    [
        (Repetition("cuda", "graphs, channels last", 4096), GPU),
        (Repetition("cpu", "workers, contiguous", 64), CPU),
        (None, CPU),
    ],
    ids=str,
)
def test_the_same_kind_of_device_repeats(earlier: Repetition | None, device: torch.device) -> None:
    notes: list[str] = []
    assert repeatable(earlier, device, notes.append) == earlier
    assert notes == []


@pytest.mark.parametrize(
    ("earlier", "device", "note"),
    [
        (
            Repetition("cuda", "graphs, contiguous", 4),
            CPU,
            "on 'cuda' and this one is on 'cpu'",
        ),
        (Repetition("cpu", "module, contiguous", 4), GPU, "was on 'cpu' and this one is on 'cuda'"),
        (
            Repetition("cpu", "dancing", 4),
            CPU,
            "strategy 'dancing' of the recorded run is",
        ),
        (Repetition("cpu", "graphs, contiguous", 4), CPU, "strategy 'graphs, contiguous' of the"),
    ],
)
def test_what_cannot_be_repeated_is_told(
    earlier: Repetition, device: torch.device, note: str
) -> None:
    notes: list[str] = []
    assert repeatable(earlier, device, notes.append) is None
    (said,) = notes
    assert note in said and "so numbers may differ by rounding" in said


def test_a_batch_that_halved_in_the_recorded_run_is_repeated_and_told() -> None:
    notes: list[str] = []
    earlier = Repetition("cpu", "module, contiguous", 3, before_halving=12)
    assert repeatable(earlier, CPU, notes.append) == earlier
    assert "it began with batches of 12 and ended with 3, which are repeated" in notes[0]


def test_a_repeated_strategy_is_the_recorded_one() -> None:
    network = Network(nn.Linear(2, 2), no_graph)
    strategy = repeated(Repetition("cpu", "module, channels last", 5), network)
    assert str(strategy) == "module, channels last" and strategy.size == 5
