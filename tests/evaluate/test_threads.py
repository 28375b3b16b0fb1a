"""Batches side by side: the numbers of one after the other, whatever goes wrong in between."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.data.split import Split
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network, evaluate
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.evaluate.functional import outputs_of_each
from lmctool.evaluate.threads import Several, SideBySide, Workers
from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.records import Task
from lmctool_plugins.tasks import classification

if TYPE_CHECKING:
    from collections.abc import Iterator

TASK = Task(classification.score, majority_error)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Let torch use one thread outside the workers too: how many there are may change a bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def two() -> Workers:
    return Workers(2, 1)


def split(count: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    targets = torch.randint(10, (count,), generator=generator)
    return Split("test", inputs, targets, np.arange(count), count, "", 1 / 255, (), (), 10)


class Keeping(nn.Module):
    """Keeps what it is working on between two steps, as a model with a hook or a cache does."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.seen = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x.flatten(1)
        for _ in range(20):  # long enough for another thread to come between
            torch.linalg.svd(torch.eye(24) + x.mean())
        found: Tensor = self.head(self.seen)
        return found


def keeping() -> Network:
    torch.manual_seed(0)
    module = Keeping().eval().requires_grad_(False)
    return Network(module, lambda: capture(module, torch.zeros(2, 1, 8, 8)))


def losses(forward: object, weights: list[dict[str, Tensor]], data: Split, size: int) -> np.ndarray:
    scores = evaluate(
        forward, weights, [data], TASK,  # type: ignore[arg-type]
        dtype=torch.float32, batch_size=BatchSize(size), per_example=True,
    )  # fmt: skip
    return scores.losses["test"]


def test_two_networks_on_the_way_at_once_are_those_of_one_after_the_other(two: Workers) -> None:
    network, data = keeping(), split(97)
    own = network.module.state_dict()
    weights = [{name: scale * tensor for name, tensor in own.items()} for scale in (1.0, -2.0)]
    expected = losses(network, weights, data, 8)
    np.testing.assert_array_equal(losses(SideBySide(network, two), weights, data, 8), expected)


def test_a_residual_network_gives_the_same_losses(two: Workers) -> None:
    torch.manual_seed(0)
    module = registry.load(MODELS, "resnet20").build("resnet20", channels=1).eval()
    network = Network(
        module.requires_grad_(False), lambda: capture(module, torch.zeros(2, 1, 8, 8))
    )
    weights, data = [module.state_dict()], split(50)
    found = losses(SideBySide(network, two), weights, data, 8)
    np.testing.assert_allclose(found, losses(network, weights, data, 8), rtol=2e-5, atol=1e-5)


def test_results_come_in_order_and_few_batches_are_held(two: Workers) -> None:
    begun: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            begun.append(number)
            yield number

    found = []
    for value in two.map(lambda number: number**2, numbers()):
        found.append(value)
        assert len(begun) - len(found) <= two.count
    assert found == [number**2 for number in range(20)]


def test_an_error_is_raised_and_nothing_goes_on_behind_it(two: Workers) -> None:
    running: set[int] = set()

    def work(number: int) -> int:
        running.add(number)
        try:
            if number == 3:
                raise ValueError("three")
            threading.Event().wait(0.02)
            return number
        finally:
            running.discard(number)

    with pytest.raises(ValueError, match="three"):
        list(two.map(work, range(10)))
    assert not running
    assert list(two.map(lambda number: number, range(3))) == [0, 1, 2]


def test_no_gradients_are_kept_in_a_thread(two: Workers) -> None:
    network = keeping()
    weights = {n: t.clone().requires_grad_() for n, t in network.module.state_dict().items()}
    with torch.no_grad():
        outputs = SideBySide(network, two)(weights)
        found = list(outputs_of_each(outputs, [(torch.rand(2, 1, 8, 8), None)] * 4))
    assert isinstance(outputs, Several)
    assert not any(output.requires_grad for output, _ in found)


def test_batches_halve_for_all_threads_when_memory_runs_out(two: Workers) -> None:
    network, data = keeping(), split(33)

    def outputs(inputs: Tensor) -> Tensor:
        if len(inputs) > 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        found: Tensor = network.module(inputs)
        return found

    size = BatchSize(None, 32)
    several = Several([outputs], two)
    with torch.no_grad():
        scores = evaluate(
            lambda _: several, [{}], [data], TASK, dtype=torch.float32, batch_size=size
        )
    assert size.size == 8
    expected = losses(network, [network.module.state_dict()], data, 8).mean()
    assert scores.loss.item() == pytest.approx(expected)


def test_a_size_of_the_user_s_is_not_halved(two: Workers) -> None:
    def outputs(inputs: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(LmctoolError, match="--batch-size 4"):
        evaluate(
            lambda _: Several([outputs], two), [{}], [split(9)], TASK,
            dtype=torch.float32, batch_size=BatchSize(8),
        )  # fmt: skip


def test_batches_side_by_side_are_cast_as_those_of_one_thread_are(two: Workers) -> None:
    network, data = keeping(), split(33)
    weights = [network.module.state_dict()]
    plain = losses(network, weights, data, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert isinstance(SideBySide(network, two)(weights[0]), Several)
        found = losses(SideBySide(network, two), weights, data, 8)
        assert found.tolist() == losses(network, weights, data, 8).tolist()
    assert found.tolist() != plain.tolist()
    assert losses(SideBySide(network, two), weights, data, 8).tolist() == plain.tolist()


def test_corrections_on_a_graph_that_only_runs_alone_are_left_to_one_thread(two: Workers) -> None:
    class Choosing(nn.Module):
        """Takes a path that depends on the data, so that it is noted while it runs."""

        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = x if x.sum() > -1 else -x
            found: Tensor = self.head(x.flatten(1))
            return found

    module = Choosing().eval().requires_grad_(False)
    graph = capture(module, torch.zeros(2, 1, 8, 8))
    assert graph.tracer == "dispatch"
    network, weights = Network(module, lambda: graph), dict(module.state_dict())
    assert isinstance(SideBySide(network, two)(weights), Several)
    assert not network.is_reentrant(weights | {f"@{graph.output.name}.scale": torch.ones(10)})
