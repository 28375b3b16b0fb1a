"""Captured and replayed forward passes, on a CPU that stands in for a GPU."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.data.split import Split
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network, autotune, evaluate
from lmctool.evaluate.arithmetic import arithmetic, rounding
from lmctool.evaluate.autotune import examples_per_second, fastest
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.evaluate.cuda_graphs import Replayed, capture
from lmctool.evaluate.engine import read
from lmctool.evaluate.strategy import made
from lmctool.evaluate.verified import Proved, UnableError, agree
from lmctool.graph import capture as graph_capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.records import Task
from lmctool.run.provenance import provenance
from lmctool.testing import tiny_run
from lmctool_plugins.tasks import classification
from tests.emulated_gpu import streams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.evaluate.functional import Outputs
    from lmctool.evaluate.strategy import Strategy

    Weights = Mapping[str, Tensor]

TASK = Task(classification.score, majority_error)
INPUTS = 6
SIZE = 4


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> streams.Machine:
    """A GPU that is not the current one, on which tensors of the CPU are."""
    return streams.install(monkeypatch)


def data(count: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, INPUTS, generator=generator)
    targets = torch.randint(3, (count,), generator=generator)
    return Split("test", inputs, targets, np.arange(count), count, "", 1, (), (), 3)


class Small(nn.Module):
    """Two layers with a batch norm between them, whose counter is a whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(INPUTS, 8), nn.BatchNorm1d(8)
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.norm(self.first(x)).relu())
        return found


class Asking(Small):
    """Looks at a number of its own within its forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        found = super().forward(x)
        return found * (2.0 if found.abs().max().item() > 0 else 1.0)


def network_of(kind: type[nn.Module] = Small) -> Network:
    torch.manual_seed(0)
    module = kind().eval().requires_grad_(False)
    return Network(module, cache(lambda: graph_capture.capture(module, torch.randn(2, INPUTS))))


def networks(network: Network, count: int = 4) -> list[dict[str, Tensor]]:
    """Return weights of networks, whose names come in another order in the second."""
    generator = torch.Generator().manual_seed(1)
    own = network.module.state_dict()
    drawn = [
        {
            name: t + 0.3 * torch.randn(t.shape, generator=generator).abs() if t.ndim else t + n
            for name, t in own.items()
        }
        for n in range(count)
    ]
    drawn[1] = dict(reversed(drawn[1].items()))
    return drawn


def losses(strategy: Strategy, weights: list[dict[str, Tensor]], split: Split) -> np.ndarray:
    scores = evaluate(
        strategy.forward, weights, [split], TASK,
        dtype=torch.float32, batch_size=BatchSize(strategy.size), per_example=True,
    )  # fmt: skip
    return scores.losses["test"]


def graphs(network: Network, *, required: bool = True) -> Strategy:
    return made(network, "graphs", torch.contiguous_format, SIZE, required=required)


def plain(network: Network) -> Strategy:
    return made(network, "module", torch.contiguous_format, SIZE)


@pytest.mark.parametrize("count", [SIZE, 3 * SIZE, 3 * SIZE + 1, 3])
def test_one_capture_replays_every_batch_of_every_network_the_smaller_last_one_too(
    count: int, machine: streams.Machine
) -> None:
    network, split = network_of(), data(count)
    strategy, weights = graphs(network), networks(network)
    found = losses(strategy, weights, split)
    np.testing.assert_allclose(found, losses(plain(network), weights, split), rtol=1e-5)
    batches = -(-count // SIZE)
    assert (machine.captures, machine.replays) == (1, 1 + 4 * batches)  # one proves the capture
    assert str(strategy) == "graphs, contiguous"


def test_a_resnet_is_replayed_with_other_weights_and_fewer_images(
    machine: streams.Machine,
) -> None:
    torch.manual_seed(0)
    module = registry.load(MODELS, "resnet20").build("resnet20", channels=3)
    module = module.eval().requires_grad_(False)
    network = Network(module, lambda: graph_capture.capture(module, torch.randn(2, 3, 8, 8)))
    replayed = Replayed(network)
    other = {name: t * 1.01 if t.ndim > 1 else t for name, t in module.state_dict().items()}
    with torch.no_grad():
        for weights in (module.state_dict(), other):
            outputs, expected = replayed(weights), network(weights)
            for count in (4, 4, 1):
                inputs = torch.randn(count, 3, 8, 8)
                torch.testing.assert_close(outputs(inputs), expected(inputs))
    assert machine.captures == 1


def test_networks_with_corrected_taps_are_replayed_and_checked_too(
    machine: streams.Machine,
) -> None:
    network, split = network_of(), data(2 * SIZE + 1)
    (target, *_) = graph_capture_targets(network)
    weights = [
        {**each, f"@{target}.scale": torch.full((8,), 1.0 + n), f"@{target}.shift": torch.ones(8)}
        for n, each in enumerate(networks(network, 3))
    ]
    strategy = graphs(network)
    found = losses(strategy, [*networks(network, 3), *weights], split)
    expected = losses(plain(network), [*networks(network, 3), *weights], split)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert not np.allclose(found[3:], found[:3])
    assert machine.captures == 2 and machine.replays >= 2 * 3 * 3


def graph_capture_targets(network: Network) -> list[str]:
    from lmctool.graph.targets import targets

    return [target.tap for target in targets(network.graph(), "layers")]


def test_a_capture_that_catches_nothing_is_noticed_and_its_network_computed_again(
    machine: streams.Machine,
) -> None:
    machine.catches = False
    network, split = network_of(), data(15 * SIZE)
    strategy, weights = graphs(network, required=False), networks(network)
    found = losses(strategy, weights, split)
    np.testing.assert_array_equal(found, losses(plain(network), weights, split))
    assert str(strategy) == "module, contiguous"
    assert machine.captures == 1  # it is tried once


def test_a_capture_that_catches_nothing_is_an_error_where_graphs_were_asked_for(
    machine: streams.Machine,
) -> None:
    machine.catches = False
    network = network_of()
    with pytest.raises(
        LmctoolError, match=r"a replay does not give .* leave out --strategy graphs"
    ):
        losses(graphs(network), networks(network), data(9))


class Forgetful(Replayed):
    """Captures well, and after a few batches does nothing any more."""

    def __init__(self, network: Network, works: int) -> None:
        super().__init__(network)
        self.works = works

    def _replay(self, inputs: Tensor) -> Tensor:
        self.works -= 1
        if self.works < 0 and self._captured is not None:
            return self._captured.outputs[: len(inputs)].clone()
        return super()._replay(inputs)


@pytest.mark.parametrize("works", [1, 2, 3, 4, 5, 6])
def test_what_a_network_has_given_is_computed_again_once_its_last_batch_is_wrong(
    works: int, machine: streams.Machine
) -> None:
    network, split = network_of(), data(3 * SIZE)
    weights = networks(network)
    proved = Proved(Forgetful(network, works), network, required=False)
    strategy = plain(network)
    object.__setattr__(strategy, "forward", proved)
    expected = losses(plain(network), weights, split)
    np.testing.assert_array_equal(losses(strategy, weights, split)[:2], expected[:2])
    if works < 6:  # two networks of three batches are checked
        assert not proved.holds and proved.relied == works // 3
        assert str(made_of(strategy, "graphs")) == (
            "graphs then module, contiguous" if works >= 3 else "module, contiguous"
        )


def made_of(strategy: Strategy, launch: str) -> Strategy:
    object.__setattr__(strategy, "launch", launch)
    return strategy


class Wrong:
    """Gives other outputs than the network for some of its calls."""

    def __init__(self, network: Network, calls: set[int], *, corrected: bool = False) -> None:
        self.network = network
        self.calls = calls
        self.corrected = corrected
        self.count = 0

    def __call__(self, weights: Weights) -> Outputs:
        outputs, counts = self.network(weights), not self.corrected or "@" in "".join(weights)

        def wrong(inputs: Tensor) -> Tensor:
            self.count += counts
            return outputs(inputs) + (counts and self.count in self.calls)

        return wrong


@pytest.mark.parametrize("call", [1, 3, 4, 6])
def test_the_first_and_the_last_batch_of_two_networks_are_checked(call: int) -> None:
    network, split = network_of(), data(3 * SIZE)
    proved = Proved(Wrong(network, {call}), network)
    strategy = plain(network)
    object.__setattr__(strategy, "forward", proved)
    weights = networks(network)
    expected = losses(plain(network), weights, split)
    np.testing.assert_array_equal(losses(strategy, weights, split), expected)
    assert proved.relied == (call - 1) // 3


def test_networks_with_corrected_taps_are_checked_by_themselves() -> None:
    network, split = network_of(), data(3 * SIZE)
    (target, *_) = graph_capture_targets(network)
    proved = Proved(Wrong(network, {1}, corrected=True), network)
    strategy = plain(network)
    object.__setattr__(strategy, "forward", proved)
    weights = networks(network)
    for each in weights[2:]:
        each |= {f"@{target}.scale": torch.ones(8), f"@{target}.shift": torch.zeros(8)}
    expected = losses(plain(network), weights, split)
    np.testing.assert_array_equal(losses(strategy, weights, split), expected)
    assert proved.relied == 2 and not proved.holds


def test_a_reading_is_taken_again_too(machine: streams.Machine) -> None:
    network, split = network_of(), data(3 * SIZE)
    proved = Proved(Forgetful(network, 2), network, required=False)
    weights = networks(network)[0]
    found, expected = (
        read(forward, weights, split, lambda y, _: y, torch.float32, BatchSize(SIZE))
        for forward in (proved, network)
    )
    assert torch.equal(found, expected) and not proved.holds


def test_a_model_that_waits_in_its_forward_is_told_before_anything_is_captured(
    machine: streams.Machine,
) -> None:
    network, split = network_of(Asking), data(9)
    streams = dict(machine.current)
    with pytest.raises(LmctoolError, match=r"cannot be captured .* waits for the device in .*scal"):
        losses(graphs(network), networks(network), split)
    strategy = graphs(network, required=False)
    found = losses(strategy, networks(network), split)
    np.testing.assert_array_equal(found, losses(plain(network), networks(network), split))
    assert str(strategy) == "module, contiguous"
    assert machine.captures == 0 and machine.current == streams and machine.device == 0


class Failing(Small):
    """Does within a capture what is not permitted there."""

    def forward(self, x: Tensor) -> Tensor:
        from torch.utils._python_dispatch import _get_current_dispatch_mode

        if isinstance(_get_current_dispatch_mode(), streams.Noting):
            float(x.sum())
        return super().forward(x)


def test_a_capture_that_fails_leaves_the_stream_as_it_was(machine: streams.Machine) -> None:
    network, streams = network_of(Failing), dict(machine.current)
    with pytest.raises(UnableError, match="cannot be captured as a CUDA graph: CUDA error"):
        capture(network({}), torch.randn(SIZE, INPUTS))
    assert machine.current == streams and machine.device == 0
    strategy = graphs(network, required=False)
    losses(strategy, networks(network), data(9))
    assert str(strategy) == "module, contiguous"


class Full(Small):
    """Has memory for a few examples alone."""

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().forward(x)


def test_a_batch_that_does_not_fit_into_memory_is_halved_and_captured_anew(
    machine: streams.Machine,
) -> None:
    network, split = network_of(Full), data(9)
    strategy, weights = graphs(network), networks(network)
    size = BatchSize(None, 8)
    size.on_halving.append(strategy.free)
    scores = evaluate(
        strategy.forward, weights, [split], TASK,
        dtype=torch.float32, batch_size=size, per_example=True,
    )  # fmt: skip
    expected = losses(plain(network_of()), weights, split)
    np.testing.assert_allclose(scores.losses["test"], expected, rtol=1e-5)
    assert size.size == 2 and machine.captures == 1 and str(strategy) == "graphs, contiguous"


def test_the_result_says_what_ran_and_why(machine: streams.Machine, tmp_path: Path) -> None:
    run = tiny_run(tmp_path, limit=16)
    run.evaluator.strategy = graphs(run.resources.network, required=False)
    machine.catches = False
    run.evaluate([run.weights(0)])
    settings = provenance(run, "", {}).settings
    assert settings["strategy"] == "module, contiguous"
    assert "a replay does not give its outputs" in str(settings["strategy.given_up"])


def test_graphs_are_timed_with_the_weights_of_the_module(
    machine: streams.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(autotune.LAUNCHES, "cpu", ("graphs",))
    monkeypatch.setitem(autotune.SECONDS, "cpu", 0.0)
    network, split = network_of(), data(40)
    rate = examples_per_second(
        graphs(network, required=False), network.module, split, torch.float32
    )
    assert rate is not None and rate > 0
    assert fastest(network, split, torch.float32, None).launch == "graphs"


def test_a_candidate_that_cannot_be_used_is_never_the_fastest(
    machine: streams.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(autotune.LAUNCHES, "cpu", ("graphs", "module"))
    monkeypatch.setitem(autotune.SECONDS, "cpu", 0.0)
    machine.catches = False
    assert fastest(network_of(), data(40), torch.float32, None).launch == "module"
    strategy = graphs(network_of(), required=False)
    assert examples_per_second(strategy, network_of().module, data(9), torch.float32) is None


def test_what_is_rounding_depends_on_the_arithmetic_in_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outputs = torch.tensor([1.0, -2.0])
    assert not agree(outputs[:1], outputs) and not agree(outputs[None], outputs)
    device = torch.device("cuda")
    on_device = partial(rounding, device=device)
    monkeypatch.setattr("lmctool.evaluate.verified.rounding", lambda dtype, _: on_device(dtype))
    with arithmetic("float32", device):
        assert not agree(outputs + 1e-3, outputs)
    with arithmetic("tf32", device):
        assert agree(outputs + 1e-3, outputs) and not agree(outputs + 0.1, outputs)
