"""BatchNorms folded for evaluation: the same numbers, or the module in its place and why."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.data.split import Split
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network, evaluate, strategy
from lmctool.evaluate.autotune import candidates
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.evaluate.cuda_graphs import Replayed
from lmctool.evaluate.folded import Folded, has_batchnorms
from lmctool.evaluate.strategy import chosen, made, multiplications, recorded
from lmctool.graph.capture import capture
from lmctool.graph.folded import FoldedGraph
from lmctool.graph.fuse_batchnorm import BatchNormFusion
from lmctool.plugin import kinds, registry
from lmctool.plugin.records import Task
from lmctool_plugins.tasks import classification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.evaluate.strategy import Launch, Strategy

TASK = Task(classification.score, majority_error)
LAYOUT = torch.channels_last


@pytest.fixture(scope="module", autouse=True)
def two_workers() -> Iterator[None]:
    from lmctool.evaluate.threads import use_threads

    before = torch.get_num_threads()
    use_threads(2)
    yield
    use_threads(before)


def network(head: nn.Module | None = None) -> Network:
    """Return a network of which nothing is idle, running statistics neither."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        head or nn.Linear(144, 5),
    ).eval().requires_grad_(False)  # fmt: skip
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.3 * torch.rand_like(tensor))
    return Network(module, cache(lambda: capture(module, torch.zeros(2, 3, 8, 8))))


def images(count: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 3, 8, 8, generator=generator)
    targets = torch.randint(5, (count,), generator=generator)
    return Split("test", inputs, targets, np.arange(count), count, "", 1.0, (), (), 5)


def four_networks(of: Network) -> list[Mapping[str, Tensor]]:
    own = of.module.state_dict()
    return [
        {n: (1 + k / 9) * t if t.is_floating_point() else t for n, t in own.items()}
        for k in range(4)
    ]


def losses(way: Strategy, of: Network, split: Split) -> np.ndarray[Any, Any]:
    scores = evaluate(
        way.forward, four_networks(of), [split], TASK,
        dtype=torch.float32, batch_size=BatchSize(way.size), per_example=True,
    )  # fmt: skip
    return scores.losses["test"]


@pytest.mark.parametrize("launch", ["folded", "folded workers"])
def test_folded_networks_give_the_losses_of_the_module_and_the_same_bits_again(
    launch: Launch,
) -> None:
    of, split = network(), images(40)
    ways = [made(of, launch, LAYOUT, 7) for _ in range(2)]
    first, again = (losses(way, of, split) for way in ways)
    assert first.tolist() == again.tolist()
    plain = losses(made(of, "module", torch.contiguous_format, 7), of, split)
    np.testing.assert_allclose(first, plain, rtol=2e-6, atol=2e-6)
    assert str(ways[0]) == f"{launch}, channels last"
    assert not ways[0].given_up


def test_a_fusion_that_is_wrong_is_given_up_before_any_number_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of, split = network(), images(40)
    right = BatchNormFusion.__call__

    def wrong(self: BatchNormFusion, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: 1.01 * tensor for name, tensor in right(self, weights).items()}

    monkeypatch.setattr(BatchNormFusion, "__call__", wrong)
    way = made(of, "folded workers", LAYOUT, 7)
    found = losses(way, of, split)
    assert found.tolist() == losses(made(of, "workers", LAYOUT, 7), of, split).tolist()
    assert str(way) == "workers, channels last"
    assert way.given_up == "it gave other outputs than the model itself"


def test_a_model_that_cannot_be_followed_is_computed_by_itself_and_the_reason_is_kept() -> None:
    of, split = network(), images(20)

    def no_graph() -> Any:
        raise LmctoolError("it reads a file\nat each call")

    untraced = Network(of.module, no_graph)
    way = made(untraced, "folded", LAYOUT, 7)
    found = losses(way, untraced, split)
    assert found.tolist() == losses(made(of, "module", LAYOUT, 7), of, split).tolist()
    assert str(way) == "module, channels last"
    assert way.given_up == "BatchNorms cannot be folded: it reads a file"


def test_a_graph_of_one_run_alone_is_not_folded() -> None:
    of, split = network(), images(20)
    noted = replace(of.graph(), tracer="dispatch")
    of.graph = lambda: noted
    way = made(of, "folded workers", LAYOUT, 7)
    losses(way, of, split)
    assert way.given_up == "BatchNorms cannot be folded: torch.export cannot follow the model"


def test_corrected_networks_are_folded_where_the_correction_lies_elsewhere() -> None:
    of, split = network(), images(20)
    tap = next(node.name for node in of.graph().nodes if "conv" in node.name)
    scale, shift = torch.rand(4) + 0.5, torch.rand(4)
    corrected = {**of.module.state_dict(), f"@{tap}.scale": scale, f"@{tap}.shift": shift}
    with torch.no_grad():
        inputs = split.head(8, torch.float32)
        plain = made(of, "module", LAYOUT, 8).forward(corrected)(inputs)
        way = made(of, "folded workers", LAYOUT, 8)
        assert torch.equal(way.forward(corrected)(inputs), plain)
        assert not torch.allclose(way.forward(of.module.state_dict())(inputs), plain)


def test_auto_folds_on_a_cpu_where_a_network_is_work_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of, head = network(), images(2).head(2, torch.float32)
    assert multiplications(of, head) == 4 * 6 * 6 * 27 + 5 * 144
    enough = int(strategy.FOLDED) // multiplications(of, head) + 1
    assert chosen("auto", of, head, examples=enough - 1).launch == "module"
    assert chosen("auto", of, head, examples=enough).launch == "folded"
    monkeypatch.setattr(strategy, "SHARED", 1 << 20)
    assert chosen("auto", of, head, examples=enough).launch == "folded workers"
    for word in ("plain", "channels-last"):
        assert chosen(word, of, head, examples=enough).launch == "module"
    assert chosen("auto", of, head, "bfloat16", examples=enough).launch == "workers"
    without = Network(nn.Sequential(nn.Flatten(), nn.Linear(192, 5)), of.graph)
    assert chosen("auto", without, head, examples=1 << 40).launch == "workers"


def test_measuring_tries_folding_where_there_are_batchnorms() -> None:
    launches = {launch for launch, _, _ in candidates(network(), images(8), torch.float32, None)}
    assert {"folded", "folded workers"} < launches
    plain = Network(nn.Sequential(nn.Flatten(), nn.Linear(192, 5)), network().graph)
    assert not has_batchnorms(plain.module)
    launches = {launch for launch, _, _ in candidates(plain, images(8), torch.float32, None)}
    assert launches == {"module", "workers"}


@pytest.mark.parametrize("launch", ["folded", "folded workers"])
def test_the_words_of_the_record_are_read_back(launch: Launch) -> None:
    way = made(network(), launch, LAYOUT, 7)
    assert recorded(str(way)) == (launch, LAYOUT)
    assert recorded(f"{launch} then workers, channels last") == (launch, LAYOUT)


def test_weights_are_laid_out_once_a_network_and_not_by_each_batch() -> None:
    of = network().with_layout(LAYOUT)
    weights, last = of.module.state_dict(), of.laid_out(images(8).head(8, torch.float32))
    seen = []

    def note(layer: nn.Module, _: object) -> None:
        seen.append(layer.weight)

    next(of.module.children()).register_forward_pre_hook(note)
    outputs = of(weights)
    with torch.no_grad():
        outputs(last), outputs(last)
    first, second = seen
    assert isinstance(first, Tensor) and isinstance(second, Tensor)
    assert first.is_contiguous(memory_format=LAYOUT) and not first.is_contiguous()
    assert first.data_ptr() == second.data_ptr()
    assert weights["0.weight"].is_contiguous()


def test_weights_at_fixed_addresses_are_those_that_the_network_reads() -> None:
    of = network().with_layout(LAYOUT)
    first, second, *_ = four_networks(of)
    inputs = images(8).head(8, torch.float32)
    replayed = Replayed(of)
    replayed(first)
    outputs = replayed._outputs  # what a GPU would capture
    replayed(second)
    with torch.no_grad():
        assert torch.equal(outputs(inputs), of(second)(inputs))


def test_a_graph_whose_sizes_are_numbers_is_folded_too() -> None:
    module = registry.load(kinds.MODELS, "resnet20").build("resnet20", channels=1).eval()
    graph = capture(module, torch.zeros(2, 1, 8, 8))
    (inputs,) = (node.meta["val"] for node in graph.nodes if node.name in graph.inputs)
    assert isinstance(inputs.shape[0], int)
    assert isinstance(Folded(Network(module, lambda: graph))._graph, FoldedGraph)
