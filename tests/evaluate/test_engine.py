"""The evaluation engine: means, examples one by one, memory that runs out."""

from __future__ import annotations

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
from lmctool.graph.capture import capture
from lmctool.plugin.records import Task
from lmctool.weights.lazy_networks import LazyNetworks
from lmctool_plugins.tasks import classification
from tests import reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.evaluate.functional import Outputs

TASK = Task(classification.score, majority_error)


def split(examples: int = 23) -> Split:
    generator = torch.Generator().manual_seed(0)
    return Split(
        name="test",
        inputs=torch.randn(examples, 6, generator=generator),
        targets=torch.randint(3, (examples,), generator=generator),
        index=np.arange(examples),
        total=examples,
        digest="",
        scale=1.0,
        mean=(),
        std=(),
        classes=3,
    )


def module() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double().eval()


def network() -> Network:
    net = module()
    return Network(net, lambda: capture(net, torch.zeros(2, 6, dtype=torch.float64)))


def test_loss_and_error_are_those_of_loops() -> None:
    weights = [{k: v * s for k, v in module().state_dict().items()} for s in (1, 2)]
    scores = evaluate(
        network(), iter(weights), [split()], TASK, dtype=torch.float64, batch_size=BatchSize(7),
        per_example=True,
    )  # fmt: skip
    inputs, targets = split().inputs[:].double().numpy(), split().targets.numpy()
    for number, net in enumerate(weights):
        arrays = {k: v.numpy() for k, v in net.items()}
        logits, _ = reference.forward(reference.layers_of(arrays, ["0", "2"]), inputs)
        losses = reference.cross_entropy(logits, targets)
        np.testing.assert_allclose(scores.losses["test"][number], losses, rtol=1e-12)
        assert scores.loss[0, number] == pytest.approx(losses.mean(), rel=1e-12)
        assert scores.error[0, number] == reference.errors(logits, targets).mean()


def test_networks_are_formed_with_gradients_and_measured_without() -> None:
    formed, measured = [], []

    def form(scale: float) -> Mapping[str, Tensor]:
        formed.append(torch.is_grad_enabled())
        return {name: tensor * scale for name, tensor in module().state_dict().items()}

    def forward(weights: Mapping[str, Tensor]) -> Outputs:
        measured.append(torch.is_grad_enabled())
        return network()(weights)

    for networks in (LazyNetworks(form, [1.0, 2.0]), map(form, [1.0, 2.0])):
        evaluate(forward, networks, [split()], TASK, dtype=torch.float64, batch_size=BatchSize(7))
    assert formed == [True] * 4 and measured == [False] * 4


def test_memory_that_runs_out_halves_the_batch_and_changes_nothing() -> None:
    inner = network()
    seen: list[int] = []

    def small(weights: Mapping[str, Tensor]) -> Outputs:
        def outputs(inputs: Tensor) -> Tensor:
            seen.append(len(inputs))
            if len(inputs) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return inner(weights)(inputs)

        return outputs

    size = BatchSize(None, automatic=20)
    weights = [module().state_dict()]
    got = evaluate(small, weights, [split()], TASK, dtype=torch.float64, batch_size=size)
    whole = evaluate(inner, weights, [split()], TASK, dtype=torch.float64, batch_size=BatchSize(23))
    assert seen[:3] == [20, 10, 5] and size.size == 5
    assert got.loss == pytest.approx(whole.loss, rel=1e-12)


def test_a_batch_that_the_user_chose_and_does_not_fit_is_told() -> None:
    def outputs(inputs: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def never(_: Mapping[str, Tensor]) -> Outputs:
        return outputs

    for size, told in (
        (BatchSize(64), r"64 examples does not fit in memory; try --batch-size 32"),
        (
            BatchSize(None, automatic=1),
            r"one example does not fit .*\(CUDA out of memory\)",
        ),
    ):
        with pytest.raises(LmctoolError, match=told):
            evaluate(never, [{}], [split()], TASK, dtype=torch.float64, batch_size=size)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def outputs(inputs: Tensor) -> Tensor:
        raise RuntimeError("shapes cannot be multiplied")

    def broken(_: Mapping[str, Tensor]) -> Outputs:
        return outputs

    with pytest.raises(RuntimeError, match="multiplied"):
        evaluate(broken, [{}], [split()], TASK, dtype=torch.float64, batch_size=BatchSize(None))


def test_a_task_checks_the_targets_of_a_split_once_before_any_is_scored() -> None:
    seen: list[tuple[int, int]] = []

    def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        assert seen
        return classification.score(outputs, targets)

    def check(outputs: Tensor, targets: Tensor) -> None:
        seen.append((outputs.shape[1], len(targets)))

    task, data = Task(score, majority_error, check=check), split()
    for size in (BatchSize(7), BatchSize(5)):
        networks = [module().state_dict()] * 2
        evaluate(network(), networks, [data], task, dtype=torch.float64, batch_size=size)
    assert seen == [(3, 23)]


def test_targets_that_the_model_does_not_tell_apart_are_told_in_a_sentence() -> None:
    task, data = Task(classification.score, majority_error, check=classification.check), split()
    data.targets[-1] = 3  # of the last batch, which nothing need be computed of
    with pytest.raises(LmctoolError, match="class 3 but the model tells 3 classes apart"):
        evaluate(
            network(), [module().state_dict()], [data], task, dtype=torch.float64,
            batch_size=BatchSize(7),
        )  # fmt: skip


def test_entries_of_taps_are_applied_to_their_values() -> None:
    net = network()
    weights = dict(module().state_dict())
    tap = next(node.name for node in net.graph().nodes if "linear" in node.name)
    scale, shift = torch.rand(5).double(), torch.randn(5).double()
    fused = weights | {
        "0.weight": weights["0.weight"] * scale[:, None],
        "0.bias": weights["0.bias"] * scale + shift,
    }
    inputs = split().inputs[:].double()
    got = net(weights | {f"@{tap}.scale": scale, f"@{tap}.shift": shift})(inputs)
    torch.testing.assert_close(got, net(fused)(inputs))


@pytest.mark.cuda
def test_the_gpu_gives_the_numbers_of_the_cpu(gpu: torch.device) -> None:
    net = module().to(gpu)
    weights = {k: v.to(gpu) for k, v in module().state_dict().items()}
    moved = Split(
        **{
            name: getattr(split(), name).to(gpu) if name in {"inputs", "targets"} else value
            for name in Split.__dataclass_fields__
            for value in [getattr(split(), name)]
        }
    )
    example = torch.zeros(2, 6, dtype=torch.float64, device=gpu)
    there_network = Network(net, lambda: capture(net, example))
    options = {"dtype": torch.float64, "batch_size": BatchSize(8)}
    there = evaluate(there_network, [weights], [moved], TASK, **options)  # type: ignore[arg-type]
    here = evaluate(network(), [module().state_dict()], [split()], TASK, **options)  # type: ignore[arg-type]
    assert there.loss == pytest.approx(here.loss, rel=1e-10)
    assert there.error == pytest.approx(here.error)
