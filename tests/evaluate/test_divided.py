"""Networks that are fewer than the workers: parts of splits give the numbers of whole ones."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.evaluate import engine, evaluate
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.divided import Division, measured_whole
from lmctool.evaluate.engine import UNKEPT, reading
from lmctool.evaluate.parts import MeasuredPart, Part, joined, measured, parts_of
from lmctool.evaluate.threads import SideBySide, Workers
from lmctool.plugin.records import Task
from lmctool.results.journal import Entries, MemoryJournal
from lmctool_plugins.tasks import classification
from tests.evaluate.test_engine import network, split
from tests.evaluate.test_other_scores import OTHERS, TASK, networks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lmctool.evaluate.functional import Outputs
    from lmctool.evaluate.scores import Scores

WEIGHED = Task(TASK.score, TASK.chance, lambda targets: targets.double() + 0.5)
SPLITS = [split(23), split(9)]


def scored(forward: Any, size: BatchSize, task: Task = TASK, **told: Any) -> Scores:
    others = OTHERS if task is TASK else ()
    told = {"dtype": torch.float64, "batch_size": size, "others": others, **told}
    return evaluate(forward, networks(), SPLITS, task, per_example=True, **told)


def equal(one: Scores, other: Scores) -> None:
    np.testing.assert_array_equal(one.loss, other.loss)
    np.testing.assert_array_equal(one.error, other.error)
    for first, second in ((one.losses, other.losses), (one.more, other.more)):
        assert first.keys() == second.keys()
        for name, values in first.items():
            np.testing.assert_array_equal(values, second[name])


def test_parts_are_whole_batches_and_as_many_as_there_can_be() -> None:
    assert parts_of(23, 7, 2) == [Part(0, 14), Part(14, 23)]
    assert parts_of(23, 7, 9) == [Part(0, 7), Part(7, 14), Part(14, 21), Part(21, 23)]
    assert parts_of(5, 7, 3) == [Part(0, 5)]


def together(batches: int, size: int) -> int:
    """Return how many bytes of outputs that many batches have."""
    return batches * size * 3 * 8


@pytest.mark.parametrize("task", [TASK, WEIGHED], ids=["scores", "weights"])
@pytest.mark.parametrize("batches", [1, 2, 3, 99])
@pytest.mark.parametrize("size", [1, 4])
def test_what_workers_measured_of_parts_is_joined_to_the_numbers_of_the_whole(
    task: Task, batches: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "GATHERED", together(batches, size))
    whole = scored(network(), BatchSize(size), task)
    journal = MemoryJournal()
    with journal.entries("whole") as entries, journal.entries("part") as parts:
        division = Division(networks(), SPLITS, size, 3, parts)
        told: dict[str, Any] = {"division": division, "entries": Entries(MemoryJournal(), ())}
        for item in reversed(range(len(division.items))):  # each on a worker of its own
            empty = Division(networks(), SPLITS, size, 3, parts)
            empty.measured(_measurement(task, size), [item], Entries(MemoryJournal(), ()))
        equal(scored(_none, BatchSize(size), task, **told, order=range(len(division.keys))), whole)
        told["entries"] = entries
        equal(scored(_none, BatchSize(size), task, **told, order=range(len(division.keys))), whole)
    again = scored(_none, BatchSize(size), task, entries=entries)  # the whole is kept as ever
    equal(again, whole)


def _none(_: Mapping[str, Tensor]) -> Outputs:
    raise AssertionError("everything was measured before")


def _measurement(task: Task, size: int) -> Any:
    """Return how ``scored`` measures, as its workers do."""
    kept: list[Any] = []

    def caught(_: object, measurement: Any, *__: object) -> list[Any]:
        kept.append(measurement)
        raise KeyError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "measured_whole", caught)
        with pytest.raises(KeyError):
            scored(network(), BatchSize(size), task)
    return kept[0]


def test_a_part_that_does_not_fit_in_memory_ends_the_division_and_batches_halve() -> None:
    inner = network()

    def small(weights: Mapping[str, Tensor]) -> Outputs:
        def outputs(inputs: Tensor) -> Tensor:
            if len(inputs) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return inner(weights)(inputs)

        return outputs

    with MemoryJournal().entries("part") as parts:
        size = BatchSize(None, automatic=10)
        division = Division(networks(), SPLITS, size.size, 2, parts)
        found = scored(small, size, division=division, order=range(len(division.keys)))
    assert size.size == 5
    equal(found, scored(inner, BatchSize(5)))


def doubled(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs * 2 + targets[:, None]


@pytest.mark.parametrize("threads", [False, True], ids=["", "side by side"])
def test_what_is_read_of_parts_is_what_is_read_of_the_whole(threads: bool) -> None:
    forward: Callable[[Mapping[str, Tensor]], Outputs] = network()
    if threads:
        forward = SideBySide(network(), Workers(2, 1))
    data, size = split(23), BatchSize(4)
    measurement = reading(forward, data, doubled, torch.float64, size, nullcontext, None)
    (whole, _) = measured_whole(networks(), measurement, None, UNKEPT)
    with MemoryJournal().entries("part") as parts:
        division = Division(networks(), [data], size.size, 3, parts)
        found = division.measured(measurement, range(len(division.keys)), UNKEPT)
    assert len(found) == 2 and torch.equal(found[0]["values"], whole["values"])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.bool])
def test_outputs_that_are_handed_on_arrive_as_they_were(dtype: torch.dtype) -> None:
    images = (torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5) % 7).to(dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    part = MeasuredPart(3, {1: [torch.tensor(0.1), images]}, {2: images})
    there = MeasuredPart.of(part.arrays(), torch.device("cpu"))
    assert there.length == 3 and there.outputs[2].stride() == images.stride()
    assert torch.equal(there.outputs[2], images) and torch.equal(there.values[1][1], images)
    assert torch.equal(there.values[1][0], torch.tensor(0.1))


def test_batches_that_go_together_are_given_to_the_function_together() -> None:
    data, seen = split(23), []

    def score(outputs: Tensor, targets: Tensor) -> list[Tensor]:
        seen.append(len(outputs))
        return list(classification.score(outputs, targets))

    outputs = network()(networks()[0])
    found = [
        measured(outputs, data, part, score, torch.float64, 2, together(4, 2))
        for part in parts_of(23, 2, 3)
    ]
    joined(found, data, score, 2)
    assert sorted(seen) == [7, 8, 8]
