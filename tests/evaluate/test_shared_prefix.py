"""Networks that differ in parts: the numbers of evaluating each alone, with less work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lmctool.errors import LmctoolError
from lmctool.evaluate import shared_prefix
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.threads import Workers
from lmctool.plugin.spreading import Spreading
from lmctool.results.journal import MemoryJournal
from lmctool.weights.partwise import Partwise
from tests.evaluate.pairs import MODELS, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmctool.plugin.progress import Advance
    from lmctool.plugin.spreading import Stage


@pytest.fixture(scope="module", params=list(MODELS))
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)


def test_images_may_lie_in_memory_in_any_way() -> None:
    pair = Pair("flat")
    networks = pair.along("layer", (0.3, 0.6), 1.0)
    inputs = pair.split.inputs[:].double()
    last = shared_prefix.Shared(pair.graph, networks, torch.channels_last).outputs(inputs)
    plain = dict(shared_prefix.Shared(pair.graph, networks).outputs(inputs))
    for row, outputs in last:
        torch.testing.assert_close(outputs, plain[row], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rest", [0.0, 1.0], ids=["at A", "at B"])
@pytest.mark.parametrize("by", ["layer", "block", "kind"])
def test_the_numbers_are_those_of_each_network_alone(pair: Pair, by: str, rest: float) -> None:
    networks = pair.along(by, (0.3, 0.5, 1.0), rest)
    shared, (loss, error) = pair.shared(networks), pair.alone(networks)
    assert shared.splits == ("test",)
    np.testing.assert_allclose(shared.loss[0], loss, rtol=1e-12)
    np.testing.assert_allclose(shared.error[0], error, rtol=1e-12)
    assert len(set(loss.tolist())) > len(networks) // 2  # the parts do something


def test_parts_at_alphas_of_their_own_are_no_less_exact(pair: Pair) -> None:
    generator = np.random.default_rng(3)
    networks = pair.along("layer", (0.5,), 1.0)
    places = generator.choice([0.0, 0.25, 0.6, 1.0], size=(9, networks.alphas.shape[1]))
    mixed = Partwise(pair.a, pair.b, networks.parts, places)
    np.testing.assert_allclose(pair.shared(mixed).loss[0], pair.alone(mixed)[0], rtol=1e-12)


def test_integers_that_differ_are_taken_whole_and_never_mixed() -> None:
    pair = Pair("cell")
    pair.b = {**pair.b, "order": torch.tensor([0, 2, 1, 3])}
    networks = pair.along("layer", (1.0,), 0.0)
    loss = pair.alone(networks)[0]
    np.testing.assert_allclose(pair.shared(networks).loss[0], loss, rtol=1e-12)
    assert len(set(loss.tolist())) == len(networks)
    with pytest.raises(LmctoolError, match=r"'order' is int64 and differs between the networks"):
        pair.shared(pair.along("layer", (0.3,), 0.0))


def test_the_two_pure_networks_are_evaluated_as_they_are() -> None:
    pair = Pair("mlp")
    networks = Partwise(pair.a, pair.b, [list(pair.a)], np.array([[0.0], [1.0], [0.0]]))
    inputs = pair.split.inputs[:].double()
    outputs = dict(shared_prefix.Shared(pair.graph, networks).outputs(inputs))
    for row, weights in enumerate((pair.a, pair.b, pair.a)):
        assert torch.equal(outputs[row], pair.graph.run(weights, inputs, {}))


def test_a_layer_mixed_at_its_output_is_the_layer_of_mixed_weights() -> None:
    pair = Pair("mlp")
    parts = [["classifier.weight", "classifier.bias"]]
    others = [[name for name in pair.a if name not in parts[0]]]
    alphas = np.linspace(0, 1, 7)
    networks = Partwise(pair.a, pair.b, parts + others, np.stack([alphas, np.zeros(7)], axis=1))
    shared = shared_prefix.Shared(pair.graph, networks)
    (route,) = (r for along in shared.routes.values() for r in along if len(r.rows) > 1)
    assert not route.steps.nodes  # the outputs themselves are mixed
    inputs = pair.split.inputs[:].double()
    for row, outputs in shared.outputs(inputs):
        expected = pair.graph.run(networks[row], inputs, {})
        torch.testing.assert_close(outputs, expected, rtol=1e-12, atol=1e-12)


class Counted(TorchDispatchMode):
    """Counts products of matrices."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one operation."""
        self.count += func.overloadpacket.__name__ in {"mm", "addmm", "linear"}
        return func(*args, **(kwargs or {}))


def products(work: Callable[[], object]) -> int:
    with Counted() as counted:
        work()
    return int(counted.count)


def test_half_the_work_of_a_chain_goes_and_that_of_the_part_itself() -> None:
    pair, depth, alphas, batches = Pair("chain"), 8, (0.2, 0.4, 0.6, 0.8), 3
    networks = pair.along("layer", alphas, 1.0)[: (depth + 1) * len(alphas)]
    rows = [row for row in range(len(networks)) if row % (depth + 1) < depth]
    single = Partwise(pair.a, pair.b, networks.parts, networks.alphas[rows])
    behind = depth * (depth - 1) // 2
    # the pure network once, the far end of each layer, and for each alpha what lies behind
    wanted = batches * (depth + depth + len(alphas) * behind)
    assert products(lambda: pair.shared(single)) == wanted
    assert products(lambda: pair.alone(single)) == len(alphas) * depth**2


def test_memory_that_runs_out_halves_the_batch_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Pair("mlp")
    networks = pair.along("layer", (0.5, 0.75), 1.0)
    whole = pair.shared(networks)
    shared, outputs = shared_prefix.Shared(pair.graph, networks), shared_prefix.Shared.outputs
    pair.batch_size = BatchSize(None, automatic=8)

    def small(self: shared_prefix.Shared, inputs: Tensor) -> Iterator[tuple[int, Tensor]]:
        for row, value in outputs(self, inputs):
            if row == 3 and len(inputs) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield row, value

    monkeypatch.setattr(shared_prefix.Shared, "outputs", small)
    scores = pair.evaluate(shared, pair.split)
    assert pair.batch_size.size == 2
    np.testing.assert_allclose(scores.loss, whole.loss, rtol=1e-12)


def test_progress_adds_up_to_every_network_and_split() -> None:
    pair = Pair("mlp")
    told: list[int] = []
    networks = pair.along("layer", (0.5, 0.75), 1.0)
    shared = shared_prefix.Shared(pair.graph, networks)
    pair.evaluate(shared, pair.split, pair.split, advance=told.append)
    assert len(told) == 2 * 3  # batches
    assert sum(told) == 2 * len(networks)


class Backwards(Spreading):
    """Computes every item here, the last one first, as if there were several workers."""

    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give the numbers from the last to the first."""
        for number in reversed(range(len(stage.keys))):
            yield number
            advance(1)


@pytest.mark.parametrize("threads", [None, Workers(2, 1)], ids=["", "side by side"])
def test_batches_are_shared_by_workers_with_the_same_numbers(threads: Workers | None) -> None:
    pair = Pair("mlp")
    pair.batch_size = BatchSize(1)
    networks = pair.along("layer", (0.5, 0.75), 1.0)
    shared = shared_prefix.Shared(pair.graph, networks, threads=threads)
    alone = pair.evaluate(shared, pair.split)
    told: list[int] = []
    with MemoryJournal().entries("shared") as entries:
        options: dict[str, Any] = {"entries": entries, "spread": Backwards(2)}
        spread = pair.evaluate(shared, pair.split, **options, advance=told.append)
        shared.outputs = None  # type: ignore[assignment, method-assign]
        again = pair.evaluate(shared, pair.split, **options)  # as a run whose workers are done
    assert sum(told) == len(networks) and len(told) > 2
    for each in (spread, again):
        np.testing.assert_array_equal(each.loss, alone.loss)
        np.testing.assert_array_equal(each.error, alone.error)
