"""What is done on a GPU: with tensors that say they lie on one, or that hold no values."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.launches import GPU, Subject, counted, on_no_gpu
from lmctool import statistics
from lmctool.graph.capture import capture
from lmctool.graph.targets import targets
from lmctool.plugin import kinds, registry
from lmctool.statistics.cross import products
from lmctool.statistics.cross_batch import HELD, ON_CPU, SHARE, cross_batch, example_bytes
from lmctool.statistics.moments import batch_moments
from tests import reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.graph.graph import Graph

H200 = 141 * 10**9


class OnGpu(Tensor):
    """A tensor of the CPU that says that it lies on a GPU."""

    device = property(lambda _: torch.device("cuda", 0))


def on_gpu(value: Tensor) -> Tensor:
    return value.as_subclass(OnGpu)


class Mixed(nn.Module):
    """Channels along axis 1 and along the last."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3)
        self.linear = nn.Linear(4, 5)
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        images: Tensor = self.convolution(x).relu()
        tokens: Tensor = self.linear(images.flatten(2)).relu()
        return self.last(tokens).mean(1)  # type: ignore[no-any-return]


class Branching(Mixed):
    """One that torch.export cannot follow."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x if x.sum() > 1e9 else x)


def mixed(seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return dict(Mixed().double().requires_grad_(False).state_dict())


@pytest.fixture(scope="module")
def graph() -> Graph:
    return capture(Mixed().double(), torch.zeros(2, 1, 4, 4, dtype=torch.float64))


@pytest.fixture(scope="module")
def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(n, 1, 4, 4, dtype=torch.float64, generator=generator) for n in (8, 7, 7)]


@pytest.fixture(scope="module")
def resnet20() -> Iterator[Subject]:
    torch.manual_seed(0)
    module = registry.load(kinds.MODELS, "resnet20").build("resnet20", channels=1, classes=10)
    with on_no_gpu(module.eval().requires_grad_(False), 28, 5000) as subject:
        yield subject


def test_an_alignment_of_a_resnet20_launches_few_kernels_and_waits_for_none(
    resnet20: Subject,
) -> None:
    taps = [tap for several in resnet20.spec.taps.values() for tap in several]
    compare = resnet20.calibration.cross_moments
    batches = counted(lambda: compare(resnet20.a, resnet20.b, taps))  # type: ignore[arg-type]
    assert not batches.waits
    whole = counted(resnet20.align)
    assert batches.kernels.total() < whole.kernels.total() <= 2000
    assert whole.waits.keys() == {"_to_copy"}  # what is assigned on the host
    assert whole.waits.total() == 2 * len(resnet20.spec.groups)


def test_statistics_launch_one_or_two_kernels_a_tap_and_wait_for_none(resnet20: Subject) -> None:
    batches, taps = 2, len(resnet20.axes)
    forward = counted(resnet20.forward).kernels.total()
    two = replace(resnet20, calibration=replace(resnet20.calibration, batch=2500))
    for work, each in ((two.moments, 2), (two.renormalise, 1), (two.pair, 12)):
        found = counted(work)
        passes = 2 if work == two.pair else 1
        once = 5 * taps  # the buffers, and what is done with the sums
        assert found.kernels.total() <= batches * (passes * forward + each * taps + 4) + once
        assert not found.waits


def test_moments_on_a_gpu_are_those_on_a_cpu(graph: Graph, batches: list[Tensor]) -> None:
    a, b = mixed(0), mixed(1)
    places = targets(graph, "layers")
    assert {target.axis % 3 for target in places} == {1, 2}
    axes = {target.tap: target.axis for target in places}
    there = [on_gpu(batch) for batch in batches]
    plain = statistics.measured(graph, a, axes, batches)
    assert_same(statistics.measured(graph, a, axes, there), plain)
    assert_same(
        statistics.paired(graph, a, b, axes, there), statistics.paired(graph, a, b, axes, batches)
    )
    for keep_mean in (False, True):
        goals = {
            tap: statistics.Goal(axes[tap], None if keep_mean else m.mean + 1, 2 * m.std)
            for tap, m in plain.items()
        }
        assert_same(
            statistics.renormalised(graph, b, goals, there),
            statistics.renormalised(graph, b, goals, batches),
        )


def assert_same(found: Mapping[str, object], expected: Mapping[str, object]) -> None:
    assert found.keys() == expected.keys()
    for tap, each in expected.items():
        for got, wanted in zip(found[tap].parts, each.parts, strict=True):  # type: ignore[attr-defined]
            torch.testing.assert_close(got.as_subclass(Tensor), wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shift", [0.0, 30.0, 1000.0])
def test_the_one_kernel_of_a_gpu_is_exact_far_from_zero_too(shift: float) -> None:
    near = torch.randn(40, 6, 9, 9, generator=torch.Generator().manual_seed(3))
    value = near * torch.logspace(-3, 3, 6)[:, None, None] + shift
    found = batch_moments(on_gpu(value), 1)
    samples = value.double().movedim(1, -1).flatten(0, -2).numpy()
    mean, variance = reference.batch_moments([samples])
    np.testing.assert_allclose(found[0].numpy(), mean, rtol=1e-6, atol=1e-7)
    biased = variance * (len(samples) - 1) / len(samples)
    np.testing.assert_allclose(found[1].numpy(), biased, rtol=1e-5)


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_products_in_parts_are_as_exact_as_those_of_a_hundred_examples(layout: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 3, 50_001, generator=generator) + 1
    if layout == "columns":
        x, y = (each.T.contiguous().T for each in (x, y))

    def error(examples: int, samples: int = 50_001) -> float:
        a, b = x[:, :samples], y[:, :samples]
        exact = a.double() @ b.double().T
        torch.testing.assert_close(products(a.double(), b.double(), examples), exact)
        return float((products(a, b, examples).double() / exact - 1).abs().max())

    one = error(100)  # one product: how exact it is depends on the processor
    assert one < 1e-5
    for examples, samples in ((250, 50_001), (50_001, 50_001), (200, 40_000)):  # the last: no rest
        assert error(examples, samples) < max(2e-6, 1.1 * one)


def test_the_bytes_of_an_example_are_those_of_what_operations_compute(graph: Graph) -> None:
    values = 2 * 12 + 2 * 15 + 6 + 2  # layers and their ReLUs, the last layer, the mean
    assert example_bytes(graph) == 8 * values
    followed = capture(Branching(), torch.zeros(2, 1, 4, 4))
    assert followed.tracer == "dispatch"
    assert 4 * values <= example_bytes(followed) <= 8 * values


def test_batches_of_an_alignment_follow_from_graph_and_gpu_alone(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(_: object) -> None:
        raise AssertionError("what is free decides")

    monkeypatch.setattr(torch.cuda, "mem_get_info", free)
    for total, memory in ((H200, HELD), (8 << 30, (8 << 30) // SHARE)):
        properties = SimpleNamespace(total_memory=total)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, p=properties: p)
        found = cross_batch(lambda: graph, torch.device("cuda", 1))
        assert found == memory // example_bytes(graph)


def test_batches_of_an_alignment_on_a_cpu_ask_for_no_graph() -> None:
    assert cross_batch(lambda: pytest.fail("asked"), torch.device("cpu")) == ON_CPU == 100


def test_positions_are_copied_to_a_device_once(resnet20: Subject) -> None:
    spec = resnet20.spec
    index = next(place for group in spec.groups for _, place in spec.uses(group))
    size = index.positions.numel()
    assert index.selection(size, GPU) is None  # all of them, in order
    first = index.selection(size + 1, GPU)
    assert first is not None
    assert first is index.selection(size + 1, GPU)
