"""Curvature of networks against the exact Hessian, and what theory says of it."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, vjp

from lmctool.graph.randomness import generator
from lmctool.report import figure
from lmctool.results.file import read
from lmctool.testing import invoke, tiny_run
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
LITTLE = ("--density", "0", "--probes", "2", "--lanczos", "2")


def double(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: w.double() if w.is_floating_point() else w for name, w in weights.items()}


def flat(weights: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    return torch.cat([weights[name].reshape(-1) for name in names])


def plain_loss_of(key: str, weights: Mapping[str, Tensor], chosen: Tensor) -> Callable[..., Tensor]:
    """Return the mean cross-entropy as a function of all parameters in one vector."""
    module = initial(key, 0).double().eval()
    names = [name for name, _ in module.named_parameters()]
    inputs, targets = digits("test").at(chosen, torch.float64)

    def loss(vector: Tensor) -> Tensor:
        parts = torch.split(vector, [weights[name].numel() for name in names])
        own = {n: part.view(weights[n].shape) for n, part in zip(names, parts, strict=True)}
        outputs = functional_call(module, {**weights, **own}, (inputs,))
        return nn.functional.cross_entropy(outputs, targets)

    return loss


def mean_loss(run: Run, batch: int, names: Sequence[str] = (), index: int = 0) -> MeanLoss:
    task, batches = batches_of(run, run.split("test"), EXAMPLES, batch)
    named = [name for name, _ in run.resources.module.named_parameters()]
    return MeanLoss(run, task, batches, run.weights(index), names or named)


def chosen_examples(run: Run) -> Tensor:
    order = torch.randperm(len(run.split("test")), generator=run.generator("curvature examples"))
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
    slope, back = vjp(grad(loss), point)[:2]
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


@cache
def exact() -> Tensor:
    """Return the Hessian of a trained MLP of 1,482 parameters, by torch.func."""
    weights = double(trained("mlp", 0))
    order = torch.randperm(len(digits("test")), generator=generator(0, "curvature examples"))
    loss = plain_loss_of("mlp", weights, order[:EXAMPLES].sort().values)
    names = [name for name, _ in initial("mlp", 0).named_parameters()]
    found: Tensor = jacrev(grad(loss))(flat(weights, names))
    return found


def curvature(*words: Any) -> dict[str, NDArray[Any]]:
    """Return what a run of the command stores."""
    done = invoke("sharpness", *words, "-o", "out.h5", "--force")
    assert done.exit_code == 0, done.output
    variables: Mapping[str, Variable] = read(Path("out.h5")).groups["sharpness/curvature"].variables
    return {name: variable.values for name, variable in variables.items()}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "save", lambda *_: None)  # drawn where it is looked at


def saved(name: str, weights: Mapping[str, Tensor], key: str = "mlp") -> Path:
    return save(Path(name), key, weights)


def test_eigenvalues_and_trace_are_those_of_the_exact_hessian() -> None:
    path, matrix = saved("a.safetensors", double(trained("mlp", 0))), exact()
    found = curvature(path, *EXACT, "--top", "5", "--probes", "30", "--by", "layer")
    known = torch.linalg.eigvalsh(matrix).numpy()
    np.testing.assert_allclose(found["eigenvalue"][0, 0, 0], known[::-1][:5], rtol=1e-6)
    assert found["lowest"][0, 0, 0] == pytest.approx(known[0], rel=1e-3) and known[0] < 0
    assert found["residual"].max() < 1e-3 * known[-1]
    start = 0
    for part, name in enumerate(found["part"]):
        size = int(found["size"][part])
        block = matrix if name == "all" else matrix[start:, start:][:size, :size]
        start += 0 if name == "all" else size
        top = torch.linalg.eigvalsh(block)[-1]
        assert found["eigenvalue"][0, 0, part, 0] == pytest.approx(float(top), rel=1e-6)
        error = found["trace_error"][0, 0, part]
        assert abs(found["trace"][0, 0, part] - float(block.trace())) < 4 * error
    assert start == len(matrix)


def test_in_float32_they_are_so_to_a_tenth_of_a_per_cent() -> None:
    found = curvature(saved("a.safetensors", trained("mlp", 0)), *FEW, "--density", "0")
    known = torch.linalg.eigvalsh(exact()).numpy()
    np.testing.assert_allclose(found["eigenvalue"][0, 0, 0], known[::-1][:3], rtol=1e-3)
    assert found["steps"][0, 0, 0] < 60  # it ends when they have converged
    assert found["loss_here"].shape == (1, 1, 1)


@pytest.mark.slow
def test_the_trace_is_within_a_per_cent_where_it_may_take_its_time() -> None:
    path = saved("a.safetensors", double(trained("mlp", 0)))
    found = curvature(path, *EXACT, "--probes", "4000", "--trace-tolerance", "0.0025")
    assert found["trace"][0, 0, 0] == pytest.approx(float(exact().trace()), rel=0.01)


def test_the_hessian_of_a_linear_model_is_that_of_its_inputs() -> None:
    Path("mine.py").write_text(
        dedent(
            """
            import numpy as np
            from torch import nn
            from lmctool.api import Dataset, Examples

            def net():
                return nn.Linear(6, 1, bias=False)

            def data():
                stored = np.load("stored.npz")
                return Dataset({"train": lambda: Examples(stored["x"], stored["y"])}, "memory", 0)
            """
        )
    )
    inputs = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    np.savez("stored.npz", x=inputs, y=3 * inputs[:, 0] + 2)
    save_file({"weight": torch.tensor([[2.9, 0.1, 0, 0, 0, 0]])}, "a.safetensors")
    mine = ("--model", "./mine.py:net", "--data", "./mine.py:data", "--dtype", "float64")
    few = ("--quiet", "--top", "6", "--curvature-batch", "9", "--rho", "0.5", "--probes", "2")
    found = curvature("a.safetensors", *mine, *few)
    inputs64 = inputs.astype(np.float64)
    matrix = 2 * inputs64.T @ inputs64 / 40  # of the mean squared error
    known = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(found["eigenvalue"][0, 0, 0], known[::-1], rtol=1e-10)
    assert found["lowest"][0, 0, 0] == pytest.approx(known[0])
    weights = np.array([np.float32(2.9), np.float32(0.1), 0, 0, 0, 0], dtype=np.float64)
    slope = 2 * inputs64.T @ (inputs64 @ weights - (3 * inputs[:, 0] + 2)) / 40
    step = 0.5 * slope / np.linalg.norm(slope)
    rise = slope @ step + step @ matrix @ step / 2
    assert found["rise_loss"][0, 0, 0] == pytest.approx(rise, rel=1e-6)


def rescaled(weights: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """Return the same function with the first layer larger, and the second one smaller for it."""
    own = dict(weights)
    own["layers.0.weight"] = own["layers.0.weight"] * factor
    own["layers.0.bias"] = own["layers.0.bias"] * factor
    own["layers.1.weight"] = own["layers.1.weight"] / factor
    return own


def test_a_rescaled_relu_network_has_another_curvature_and_the_same_adaptive_rise() -> None:
    weights = double(trained("mlp", 0))
    pair = saved("a.safetensors", weights), saved("b.safetensors", rescaled(weights, 4))
    words = (*EXACT, "--probes", "2", "--density", "0", "--top", "1", "--rho", "0.5")
    found = curvature(*pair, *words, "--by", "layer", "--adaptive")
    one, other = found["eigenvalue"][:, 0, :, 0]
    first = list(found["part"]).index("layers.0")
    assert other[first] == pytest.approx(one[first] / 16, rel=1e-6)  # of c x the square of c
    assert not math.isclose(one[0], other[0], rel_tol=0.1)
    np.testing.assert_allclose(found["loss_here"][0], found["loss_here"][1], rtol=1e-12)
    np.testing.assert_allclose(found["rise_loss"][0, 0, 0], found["rise_loss"][1, 0, 0], rtol=1e-9)
    plain = curvature(*pair, *EXACT, *LITTLE, "--rho", "0.5")
    assert not math.isclose(*plain["rise_loss"][:, 0, 0], rel_tol=0.05)


def test_a_path_begins_and_ends_with_its_checkpoints_and_a_permutation_keeps_the_spectrum() -> None:
    pair = [saved(f"{name}.safetensors", trained("mlp", n)) for n, name in enumerate("ab")]
    words = (*EXACT, "--density", "0", "--probes", "2", "--top", "1", "--calib-size", "200")
    ends = curvature(*pair, *words)
    path = curvature(*pair, *words, "--along", "--points", "3", "--align")
    assert path["variant"].tolist() == ["plain", "align"] and path["alpha"].tolist() == [0, 0.5, 1]
    for name in ("eigenvalue", "trace", "rise_loss", "loss_here"):
        np.testing.assert_array_equal(path[name][0, [0, -1]], ends[name])
        np.testing.assert_array_equal(path[name][:, 0], np.stack([ends[name][0]] * 2))
    np.testing.assert_allclose(path["eigenvalue"][1, -1], ends["eigenvalue"][1], rtol=1e-6)
    np.testing.assert_allclose(path["rise_loss"][1, -1], ends["rise_loss"][1], rtol=1e-9)
    assert path["loss_here"][1, 1, 0, 0] < path["loss_here"][0, 1, 0, 0]  # aligned


def test_its_loss_is_that_of_the_split_where_all_examples_are_taken() -> None:
    path = saved("a.safetensors", trained("mlp-batch", 0), "mlp-batch")
    words = ("--split", "test", "--limit", "70", "--curvature-batch", "30", "--quiet")
    found = curvature(path, *words, *LITTLE, "--dtype", "float64")
    scores = read(Path("out.h5")).groups["sharpness/scores"].variables
    for name in ("loss", "error"):
        here = found[f"{name}_here"][0, 0, 0]
        assert here == pytest.approx(scores[name].values[0, 0], rel=1e-12)


def test_no_gate_judges_an_eigenvalue_that_has_not_converged() -> None:
    path = saved("a.safetensors", trained("mlp", 0))
    few = (*FEW[:-1], "--lanczos", "4", "--probes", "2", "--force")
    done = invoke("sharpness", path, *few, "--require", "sharpness.eigenvalue <= 1000")
    assert done.exit_code == 4
    assert "raise --lanczos or --eigenvalue-tolerance" in done.stderr
    assert invoke("sharpness", path, *few, "--require", "sharpness.trace <= 1000").exit_code == 0
    lowest = invoke("sharpness", path, *few, "--require", "sharpness.lowest <= 1000")
    assert lowest.exit_code == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--along",), "--along takes the two checkpoints at the ends of a path, not 1"),
        (("--align",), "--align is for the path of --along; give that too"),
        (("--alphas", "0.5"), "--alphas is for the path of --along; give that too"),
        (
            ("--vector-memory", "0.0001"),
            "60 Lanczos vectors of 1,482 parameters take 0.000331 GiB, more than --vector-memory"
            " 0.0001 GiB; lower --lanczos (18 have room), or raise that",
        ),
        (("--by", "layers.9*"), "'layers.9*' is neither one of layer, block, group, kind"),
    ],
)
def test_what_cannot_be_measured_is_told(words: tuple[str, ...], told: str) -> None:
    path = saved("a.safetensors", trained("mlp", 0))
    done = invoke("sharpness", path, *FEW, *words)
    assert done.exit_code == 2
    assert told in done.stderr
