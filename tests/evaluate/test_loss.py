"""The loss of a batch as a function of weights: its value, and its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmctool.api import LmctoolError
from lmctool.errors import PluginError
from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool.testing import networks as built
from lmctool.testing import tiny_run
from lmctool.testing.small_networks import named

if TYPE_CHECKING:
    from pathlib import Path

Weights = Mapping[str, Tensor]
Runs = Callable[..., Run]
EVERY = ("mlp", "resnet", "vit", "causal_lm")


@pytest.fixture
def run_on() -> Iterator[Callable[..., Any]]:
    """Open runs on small networks, in float64."""
    with ExitStack() as stack:

        def opened(key: str, **settings: Any) -> Run:
            (network,) = named([key])
            return stack.enter_context(network.run(**{"dtype": "float64", **settings}))

        yield opened


def numbers() -> dict[str, tuple[Any, Any]]:
    """Return images with five numbers each."""
    generator = np.random.default_rng(0)
    inputs, targets = generator.random((20, 3, 8, 8)), generator.random((20, 5))
    return dict.fromkeys(("train", "test"), (inputs, targets))


def whole(run: Run) -> tuple[Tensor, Tensor]:
    """Return the test split as one batch."""
    (split,) = run.splits
    ((inputs, targets),) = split.batches(len(split), run.dtype)
    return inputs, targets


def leaves(weights: Weights) -> dict[str, Tensor]:
    """Return weights of which floats have gradients."""
    return {n: t.clone().requires_grad_(t.is_floating_point()) for n, t in weights.items()}


def slope(function: Callable[[Tensor], Tensor], at: float, step: float = 1e-5) -> float:
    """Return a derivative by a central difference."""
    points = torch.tensor([at + step, at - step], dtype=torch.float64)
    after, before = (float(function(point)) for point in points)
    return (after - before) / (2 * step)


def derivative(function: Callable[[Tensor], Tensor], at: float) -> float:
    """Return a derivative by autograd."""
    point = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(function(point), point)
    return float(found)


def mixed(run: Run, alpha: Tensor) -> dict[str, Tensor]:
    """Return (1 - alpha) A + alpha B, as a function of alpha."""
    a, b = run.weights(0), run.weights(1)
    return {
        name: (1 - alpha) * tensor + alpha * b[name] if tensor.is_floating_point() else tensor
        for name, tensor in a.items()
    }


@pytest.mark.parametrize("key", EVERY)
def test_its_value_is_that_of_an_evaluation(key: str, run_on: Runs) -> None:
    for dtype in ("float64", "float32"):
        run = run_on(key, dtype=dtype)
        weights = run.weights(1)
        ((expected,),) = run.evaluate([weights]).loss
        found = run.loss(weights, whole(run))
        assert found.shape == () and found.dtype == torch.float64
        assert float(found) == pytest.approx(expected, rel=1e-13 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("key", EVERY)
def test_its_gradient_is_that_of_a_plain_module(key: str, run_on: Runs) -> None:
    run = run_on(key)
    module: nn.Module = getattr(built, key)().double().eval()
    module.load_state_dict(dict(run.weights(0)), strict=key != "causal_lm")
    inputs, targets = whole(run)
    outputs = module(inputs)
    if key == "causal_lm":
        outputs = outputs.transpose(1, 2)
    functional.cross_entropy(outputs, targets, ignore_index=-100).backward()  # type: ignore[no-untyped-call]
    weights = leaves(run.weights(0))
    run.loss(weights, (inputs, targets)).backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and weights[name].grad is not None
        torch.testing.assert_close(weights[name].grad, parameter.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("key", EVERY)
def test_its_gradient_flows_through_an_interpolation_and_its_running_statistics(
    key: str, run_on: Runs
) -> None:
    run = run_on(key)
    batch = whole(run)

    def loss(alpha: Tensor) -> Tensor:
        return run.loss(mixed(run, alpha), batch)

    assert derivative(loss, 0.3) == pytest.approx(slope(loss, 0.3), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("key", ["resnet", "vit"])
def test_corrections_at_taps_count_and_have_gradients(key: str, run_on: Runs) -> None:
    run = run_on(key, correction=Choice("repair", {"targets": "both"}))
    corrected = run.variants()[-1].at(0.5)
    scales = [name for name in corrected if name.endswith(".scale") and name.startswith("@")]
    assert scales
    batch = whole(run)
    ((expected,),) = run.evaluate([corrected]).loss
    assert float(run.loss(corrected, batch)) == pytest.approx(expected, rel=1e-13)

    def loss(factor: Tensor) -> Tensor:
        scaled = {name: corrected[name] * factor for name in scales}
        return run.loss({**corrected, **scaled}, batch)

    expected = slope(loss, 1.1)
    assert abs(expected) > 1e-4
    assert derivative(loss, 1.1) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"@linear_1.scale": 4}, "hold '@linear_1.scale' without '@linear_1.shift'; return both"),
        ({"@linear_1.shift": 4}, "hold '@linear_1.shift' without '@linear_1.scale'; return both"),
        ({"@gone.scale": 4, "@gone.shift": 4}, "no correction can stand at 'gone'"),
        ({"@linear_1.scale": 1, "@linear_1.shift": 6}, r"shape \(1,\), but .* channels \(6,\)"),
        ({"@linear_1.scale": 6, "@linear_1.shift": ()}, r"shape \(\), but .* channels \(6,\)"),
        ({"@linear_1.factor": 8}, "'@linear_1.factor' is neither"),
    ],
)
def test_entries_that_correct_no_tap_are_refused(
    entries: dict[str, Any], told: str, run_on: Runs
) -> None:
    run = run_on("mlp")
    weights = {**run.weights(0), **{name: torch.ones(size) for name, size in entries.items()}}
    with pytest.raises(PluginError, match=told):
        run.loss(weights, whole(run))
    with pytest.raises(PluginError, match=told):
        run.evaluate([weights])
    with pytest.raises(PluginError, match=told):
        run.calibration.moments(weights, {"linear_1": -1})


def test_it_takes_parts_of_a_split_in_any_order(run_on: Runs) -> None:
    run = run_on("causal_lm")
    (split,) = run.splits
    weights = run.weights(0)
    own = run.evaluate([weights], per_example=True)
    rows = torch.tensor([5, 0, 3])
    losses, counts = own.losses["test"][0][rows], own.weights["test"][rows]
    found = run.loss(weights, split.at(rows, run.dtype))
    assert float(found) == pytest.approx(float((losses * counts).sum() / counts.sum()))


def test_it_can_be_transformed_by_torch_func(run_on: Runs) -> None:
    run = run_on("resnet")
    batch = whole(run)
    a = {name: t for name, t in run.weights(0).items() if t.is_floating_point()}
    others = {name: t for name, t in run.weights(0).items() if name not in a}

    def loss(weights: Weights) -> Tensor:
        return run.loss({**weights, **others}, batch)

    found = torch.func.grad(loss)(a)
    expected = torch.autograd.grad(loss(own := leaves(a)), list(own.values()))
    for one, other in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(one, other)
    b = run.weights(1)
    both = {name: torch.stack([t, b[name]]) for name, t in a.items()}
    each = torch.func.vmap(loss)(both)
    assert each.tolist() == pytest.approx([float(loss(w)) for w in (a, b)], rel=1e-9)


@pytest.mark.parametrize("key", EVERY)
def test_outputs_are_mapped_over_examples(run_on: Runs, key: str) -> None:
    run = run_on(key)
    weights, (inputs, _) = run.weights(0), whole(run)
    floats = {name: t for name, t in weights.items() if t.is_floating_point()}

    def of_one(changed: Weights, example: Tensor) -> Tensor:
        return run.outputs({**weights, **changed}, example[None]).square().mean()

    with pytest.raises(ValueError, match="plain inputs once"):
        torch.func.vmap(of_one, (None, 0))(floats, inputs)
    run.outputs(weights, inputs)
    found = torch.func.vmap(torch.func.grad(of_one), (None, 0))(floats, inputs[:3])
    for place in range(3):
        expected = torch.func.grad(of_one)(floats, inputs[place])
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name][place], gradient, msg=name)


BRANCHING = """
import torch
from torch import nn


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(192, 6), nn.BatchNorm1d(6), nn.Linear(6, 5)

    def forward(self, x):
        h = torch.relu(self.norm(self.first(x.flatten(1))))
        if h.sum() > -1:
            h = h + self.norm(2 * h)
        return self.head(torch.sigmoid(h))


def branching():
    return Branching()


class Noisy(Branching):
    def forward(self, x):
        return super().forward(x + 0.1 * torch.randn_like(x))


def noisy():
    return Noisy()
"""


@pytest.fixture
def own_model(tmp_path: Path) -> Callable[..., Any]:
    """Open runs on models of the user's own."""

    def opened(name: str, **settings: Any) -> Run:
        (tmp_path / "own.py").write_text(BRANCHING)
        namespace: dict[str, Any] = {}
        exec(BRANCHING, namespace)
        paths = []
        for seed in range(2):
            from safetensors.torch import save_file

            paths.append(tmp_path / f"{seed}.safetensors")
            save_file(built.state(namespace[name], seed), paths[-1])
        chosen = {"model": f"{tmp_path / 'own.py'}:{name}", "data": named(["mlp"])[0].data}
        return tiny_run(
            tmp_path, checkpoints=tuple(paths), **{"dtype": "float64", **chosen, **settings}
        )

    return opened


def test_a_model_whose_path_depends_on_the_data_has_gradients_too(
    own_model: Callable[..., Run],
) -> None:
    run = own_model("branching")
    assert run.graph.tracer == "dispatch"
    batch = whole(run)
    (tap, *_) = (target.tap for target in run.resources.targets("layers"))

    def loss(factor: Tensor, *, corrects: bool) -> Tensor:
        weights = mixed(run, factor / 3)
        if corrects:
            ones = torch.ones(6, dtype=torch.float64)
            weights |= {f"@{tap}.scale": ones * factor, f"@{tap}.shift": ones * factor**2}
        return run.loss(weights, batch)

    for corrects in (False, True):
        function = partial(loss, corrects=corrects)
        assert derivative(function, 1.2) == pytest.approx(slope(function, 1.2), rel=1e-6)
    at = torch.tensor(1.2, dtype=torch.float64)
    plain = partial(loss, corrects=False)
    assert float(torch.func.grad(plain)(at)) == pytest.approx(derivative(plain, 1.2))
    with pytest.raises(LmctoolError, match=r"has gradients by .* not within torch\.func"):
        torch.func.grad(partial(loss, corrects=True))(at)


def test_a_model_that_draws_draws_the_same_each_time(own_model: Callable[..., Run]) -> None:
    run = own_model("noisy", allow_stochastic=True)
    weights, batch = run.weights(0), whole(run)
    first, state = run.loss(weights, batch), torch.get_rng_state()
    again = run.loss(weights, batch)
    assert torch.equal(torch.get_rng_state(), state)
    ((expected,),) = run.evaluate([weights]).loss
    assert float(first) == float(again) == pytest.approx(expected, rel=1e-13)


def test_targets_that_a_model_does_not_tell_apart_are_refused(run_on: Runs) -> None:
    run = run_on("mlp")
    inputs, targets = whole(run)
    with pytest.raises(LmctoolError, match="5 classes"):
        run.loss(run.weights(0), (inputs, targets + 3))


def test_a_task_that_depends_on_its_split_takes_any_batch(run_on: Runs) -> None:
    run = run_on("mlp", task="regression", data=f"{__name__}:numbers")
    weights = run.weights(0)
    each = run.evaluate([weights], per_example=True).losses["test"][0]
    (split,) = run.splits
    for places in (torch.tensor([4]), torch.tensor([1, 2, 5])):
        found = run.loss(weights, split.at(places, run.dtype))
        assert float(found) == pytest.approx(each[places].mean(), rel=1e-12)


def test_a_batch_of_which_nothing_counts_is_refused(run_on: Runs) -> None:
    run = run_on("causal_lm")
    inputs, targets = whole(run)
    with pytest.raises(LmctoolError, match="no target that counts"):
        run.loss(run.weights(0), (inputs, torch.full_like(targets, -100)))


def test_without_data_there_is_no_loss() -> None:
    (network,) = named(["mlp"])
    batch = torch.zeros(2, 3, 8, 8), torch.zeros(2).long()
    with (
        network.run("distance", with_data=False, aligner="weight") as run,
        pytest.raises(LmctoolError, match="no data is in use"),
    ):
        run.loss(run.weights(0), batch)


def test_by_statistics_of_the_batch_it_is_the_loss_of_a_module_in_training(run_on: Runs) -> None:
    run = run_on("resnet")
    module: nn.Module = built.resnet().double().train()
    module.load_state_dict(dict(run.weights(0)))
    inputs, targets = whole(run)
    outputs = module(inputs)
    weights = leaves(run.weights(0))
    torch.testing.assert_close(run.outputs(weights, inputs, batch_statistics=True), outputs)
    functional.cross_entropy(outputs, targets).backward()  # type: ignore[no-untyped-call]
    run.loss(weights, (inputs, targets), batch_statistics=True).backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(weights[name].grad, parameter.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("key", EVERY)
def test_outputs_are_those_that_scores_are_taken_of(key: str, run_on: Runs) -> None:
    run = run_on(key)
    inputs, _ = whole(run)
    (split,) = run.splits
    (expected,) = run.read([run.weights(0)], split, lambda outputs, _: outputs)
    with torch.no_grad():
        found = run.outputs(run.weights(0), inputs)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-10, atol=1e-12)
