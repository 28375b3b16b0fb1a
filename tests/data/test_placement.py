"""Where the inputs of a split are, and how their batches come to a GPU."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool.data import prefetch
from lmctool.data.opening import open_split
from lmctool.data.prefetch import prefetched
from lmctool.data.reading import read_inputs
from lmctool.data.stored_inputs import StoredInputs
from lmctool.plugin.data_records import Dataset, Examples
from lmctool.plugin.settings import Settings
from lmctool.run.splits import Splits
from tests.emulated_gpu.waits import OnGpu, pretended_gpu
from tests.rows import NotedRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.data.split import Split

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 4), dtype=np.uint8)
LOAD = {name: lambda: Examples(IMAGES, np.arange(10) % 5) for name in ("train", "test")}
DATASET = Dataset(LOAD, "here", 5, 1 / 255, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


def placed(
    device: torch.device, taken: int = 0, rows: Any = IMAGES, places: Any = range(10)
) -> Tensor | StoredInputs:
    """Return inputs that were read to a device."""
    index = np.array(places)
    return read_inputs(rows, index, device, "split 'test'", taken=taken, check=lambda _: None)[0]


def opened(device: torch.device, inputs: Any = IMAGES) -> Split:
    load = {"test": lambda: Examples(inputs, np.arange(10) % 5)}
    return open_split(replace(DATASET, splits=load), "test", limit=None, seed=0, device=device)


def full_but_pinned(empty: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return what makes tensors in pinned memory alone, for there is no other left."""

    def full(*size: Any, **how: Any) -> Tensor:
        if not how.get("pin_memory"):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return empty(*size, **how)

    return full


@pytest.mark.parametrize(
    ("memory", "taken", "there"),
    [
        (2 * IMAGES.nbytes, 0, True),
        (2 * IMAGES.nbytes, 1, False),
        (2 * IMAGES.nbytes - 2, 0, False),
    ],
)
def test_inputs_of_all_splits_take_half_of_the_memory_at_most(
    memory: int, taken: int, there: bool
) -> None:
    with pretended_gpu(memory=memory) as gpu:
        inputs = placed(GPU, taken)
        assert isinstance(inputs, OnGpu) == there
        assert there or gpu.is_pinned(inputs[:])
        assert not gpu.waits
        assert torch.equal(inputs[:].cpu(), torch.from_numpy(IMAGES))


def test_a_gpu_that_others_have_filled_leaves_the_inputs_on_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pretended_gpu() as gpu:
        monkeypatch.setattr(torch, "empty", full_but_pinned(torch.empty))
        assert gpu.is_pinned(placed(GPU)[:])
    with pytest.raises(torch.OutOfMemoryError):
        placed(CPU)


ROWS = {"in a file": False, "of which reading takes work": True}
"""Whether reading takes work."""


@pytest.mark.parametrize("costly", ROWS.values(), ids=list(ROWS))
@pytest.mark.parametrize("held", [0, 1 << 20], ids=["many", "few"])
@pytest.mark.parametrize("memory", [1 << 20, 1], ids=["with room", "without"])
def test_rows_are_read_once_to_a_gpu_with_room_and_else_stay_on_the_host(
    memory: int, held: int, costly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.data.placement.HELD", held)
    monkeypatch.setattr("lmctool.data.reading.PIECE", IMAGES[:3].nbytes)
    rows = NotedRows(IMAGES, costly=costly)
    with pretended_gpu(memory=memory) as gpu:
        inputs = placed(GPU, rows=rows)
        assert rows.asked == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
        batch = inputs[2:5]
        assert isinstance(batch, OnGpu) == (memory > 1)
        assert gpu.is_pinned(batch) == (memory == 1)
        assert isinstance(inputs, StoredInputs) == (memory == 1 and not held)
        assert not gpu.waits
        assert torch.equal(inputs[:].cpu(), torch.from_numpy(IMAGES))
    assert len(rows.asked[4:]) == (2 if memory == 1 and not held and not costly else 0)


def test_a_gpu_that_others_have_filled_leaves_many_rows_in_their_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lmctool.data.placement.HELD", 0)
    with pretended_gpu() as gpu:
        monkeypatch.setattr(torch, "empty", full_but_pinned(torch.empty))
        inputs = placed(GPU, rows=NotedRows(IMAGES))
        assert isinstance(inputs, StoredInputs)
        assert gpu.is_pinned(inputs[1:3])


def test_what_a_run_has_opened_counts() -> None:
    data: Any = SimpleNamespace(dataset=DATASET)
    with pretended_gpu(memory=2 * IMAGES.nbytes):
        splits = Splits("any", data, Settings(()), GPU)
        assert isinstance(splits.open("train", None).inputs, OnGpu)
        assert not isinstance(splits.open("test", None).inputs, OnGpu)
        assert isinstance(splits.open("train", None).inputs, OnGpu)  # not opened again


INPUTS: dict[str, Any] = {
    "an array": IMAGES,
    **{name: NotedRows(IMAGES, costly=costly) for name, costly in ROWS.items()},
}


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=list(INPUTS))
@pytest.mark.parametrize("memory", [1 << 20, 1], ids=["on the device", "from the host"])
@pytest.mark.parametrize("cache", [0, 1 << 20], ids=["by batch", "cached"])
def test_batches_are_those_of_the_host_and_never_wait(
    memory: int, cache: int, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.data.placement.HELD", 0)
    monkeypatch.setattr("lmctool.data.split.CACHE", cache)
    here = list(opened(CPU).batches(4, torch.float32))
    with pretended_gpu(memory=memory) as gpu:
        prefetch.copying.cache_clear()
        split = opened(GPU, inputs)
        rounds = [list(split.batches(4, torch.float32)) for _ in range(2)]
        constants = [wait for wait in gpu.waits if "data/split.py" in wait]
        assert gpu.waits == constants and len(constants) == 1  # mean and std, once
        places = torch.tensor([7, 3])
        for one, other in zip(
            split.at(places, torch.float32), opened(CPU).at(places, torch.float32), strict=True
        ):
            assert one.device == GPU and torch.equal(one.cpu(), other)
        for there in rounds:
            for (batch, targets), (expected, same) in zip(there, here, strict=True):
                assert torch.equal(batch.cpu(), expected)
                assert torch.equal(targets.cpu(), same)
    prefetch.copying.cache_clear()


@pytest.mark.parametrize("error", [None, torch.OutOfMemoryError("CUDA out of memory")])
def test_a_pass_that_ends_early_leaves_nothing_on_its_way(error: Exception | None) -> None:
    batches = [torch.full((2,), float(number)) for number in range(5)]
    taken: list[int] = []

    def stored() -> Any:
        for number, batch in enumerate(batches):
            taken.append(number)
            if error is not None and number == 3:
                raise error
            yield batch.pin_memory()

    with pretended_gpu("cuda:1"):
        prefetch.copying.cache_clear()
        passing = prefetched(stored(), torch.device("cuda:1"))
        assert next(passing).device == torch.device("cuda:1")
        assert taken == [0, 1]  # one ahead, and no more
        if error is None:
            passing.close()  # type: ignore[attr-defined]
        else:
            with pytest.raises(torch.OutOfMemoryError):
                list(passing)
        assert list(passing) == []
        again = prefetched((batch.pin_memory() for batch in batches), torch.device("cuda:1"))
        assert [batch.tolist() for batch in again] == [batch.tolist() for batch in batches]
    prefetch.copying.cache_clear()


def test_all_copies_to_a_gpu_share_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def stream(device: object) -> object:
        made.append(device)
        return object()

    prefetch.copying.cache_clear()
    monkeypatch.setattr(torch.cuda, "Stream", stream)
    one, other = torch.device("cuda:0"), torch.device("cuda:1")
    assert prefetch.copying(one) is prefetch.copying(one) is not prefetch.copying(other)
    assert made == [one, other]
    prefetch.copying.cache_clear()
