"""Curvature of networks against the exact Hessian, and what theory says of it."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, vjp

from lmctool.errors import LmctoolError
from lmctool.results.file import read
from lmctool.testing import invoke, metrics, tiny_run
from lmctool_plugins.analyses.sharpness.objective import MeanLoss, batches_of
from tests.plugins.pairs import digits, initial, run_of, save, trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.results.result import Variable
    from lmctool.run.run import Run

__all__ = ["run_of"]

FEW = ("--split", "test", "--curvature-size", "60", "--quiet")
EXACT = (*FEW, "--dtype", "float64")
EXAMPLES = 60


def double(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: w.double() if w.is_floating_point() else w for name, w in weights.items()}


def flat(weights: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    return torch.cat([weights[name].reshape(-1) for name in names])


def plain_loss_of(key: str, weights: Mapping[str, Tensor], chosen: Tensor) -> Callable[..., Tensor]:
    """Return the mean cross-entropy as a function of all parameters in one vector, in plain torch."""
    module = initial(key, 0).double().eval()
    names = [name for name, _ in module.named_parameters()]
    inputs, targets = digits("test").at(chosen, torch.float64)

    def loss(vector: Tensor) -> Tensor:
        parts = vector.split([weights[name].numel() for name in names])
        own = {n: part.view(weights[n].shape) for n, part in zip(names, parts, strict=True)}
        outputs = functional_call(module, {**weights, **own}, (inputs,))
        return nn.functional.cross_entropy(outputs, targets)

    return loss


def mean_loss(run: Run, batch: int, names: Sequence[str] = (), index: int = 0) -> MeanLoss:
    task, batches = batches_of(run, run.split("test"), EXAMPLES, batch)
    named = [name for name, _ in run.resources.module.named_parameters()]
    return MeanLoss(run, task, batches, run.weights(index), names or named)


def chosen_examples(run: Run) -> Tensor:
    order = torch.randperm(
        len(run.split("test")), generator=run.generator("curvature examples")
    )
    return order[:EXAMPLES].sort().values


@pytest.mark.parametrize("key", ["mlp", "mlp-batch"])
def test_products_and_gradients_are_those_of_torch_func(
    key: str, run_of: Callable[..., Run]
) -> None:
    weights = double(trained(key, 0))
    run = run_of(key, weights, weights)
    loss = plain_loss_of(key, weights, chosen_examples(run))
    own = mean_loss(run, 25)
    point = own.point
    vector = torch.randn(len(point), generator=torch.Generator().manual_seed(0)).double()
    slope, back = vjp(grad(loss), point)
    (product,) = back(vector)
    torch.testing.assert_close(own.gradient(), slope, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(own.product(vector), product, rtol=1e-10, atol=1e-12)
    at = own.gradient(0.01 * vector)
    torch.testing.assert_close(at, grad(loss)(point + 0.01 * vector), rtol=1e-10, atol=1e-12)
    assert own.scores()[0] == pytest.approx(float(loss(point)), rel=1e-12)


def test_batches_of_any_size_and_examples_in_any_order_give_the_same(
    run_of: Callable[..., Run],
) -> None:
    weights = double(trained("mlp", 0))
    run = run_of("mlp", weights, weights)
    one = mean_loss(run, 1000)
    vector = torch.randn(len(one.point), generator=torch.Generator().manual_seed(0)).double()
    product = one.product(vector)
    torch.testing.assert_close(one.product(vector), product, rtol=0, atol=0)  # its graph is kept
    for batch in (7, 30):
        torch.testing.assert_close(mean_loss(run, batch).product(vector), product)
    turned = mean_loss(run, 7)
    turned = MeanLoss(run, turned.task, turned.batches[::-1], turned.weights, turned.names)
    torch.testing.assert_close(turned.product(vector), product)
    torch.testing.assert_close(one.product(-vector), -product)


def test_tokens_count_by_their_number_however_they_are_batched(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, "sharpness", network="causal_lm", splits=("test",), dtype="float64")
    split = run.splits[0]
    names = [name for name, _ in run.resources.module.named_parameters()]
    products = []
    for batch in (1, 3, 100):
        task, batches = batches_of(run, split, len(split), batch)
        own = MeanLoss(run, task, batches, run.weights(0), names)
        products.append(own.product(torch.ones_like(own.point)))
        loss = float(run.evaluate([run.weights(0)], (split,)).loss[0, 0])
        assert own.scores()[0] == pytest.approx(loss, rel=1e-12)
    for other in products[1:]:
        torch.testing.assert_close(other, products[0])


def exact(width: int) -> tuple[dict[str, Tensor], Tensor]:
    """Return a trained MLP of one hidden layer more than it needs, and its Hessian by torch.func."""
    del width
    weights = double(trained("mlp", 0))
    return weights, _hessian()


@cache
def _hessian() -> Tensor:
    weights = double(trained("mlp", 0))
    order = torch.randperm(len(digits("test")), generator=_generator())
    loss = plain_loss_of("mlp", weights, order[:EXAMPLES].sort().values)
    names = [name for name, _ in initial("mlp", 0).named_parameters()]
    found: Tensor = jacrev(grad(loss))(flat(weights, names))
    return found


def _generator() -> torch.Generator:
    from lmctool.graph.randomness import generator

    return generator(0, "curvature examples")


def test_eigenvalues_and_trace_are_those_of_the_exact_hessian(tmp_path: Path) -> None:
    import time
    t=time.time()
    weights, matrix = exact(0)
    print(matrix.shape, time.time()-t); t=time.time()
    known = torch.linalg.eigvalsh(matrix).numpy()
    print(time.time()-t); t=time.time()
    path = save(tmp_path / "a.safetensors", "mlp", weights)
    out = tmp_path / "out.h5"
    done = invoke("sharpness", path, *EXACT, "--top", "8", "--probes", "4000", "--trace-tolerance", "0.004", "-o", out)
    print(time.time()-t); t=time.time()
    assert done.exit_code == 0, done.output
    found = read(out).groups["sharpness/curvature"].variables
    print(found["eigenvalue"].values, known[::-1][:8], found["residual"].values)
    print(found["lowest"].values, known[0], found["trace"].values, matrix.trace(), found["trace_error"].values, found["trace_probes"].values)
