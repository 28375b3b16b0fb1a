"""Fisher merging: the information of each value, and the mean in which values count by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lmctool.errors import LmctoolError
from lmctool.run.run import Run
from lmctool.testing.small_networks import named
from lmctool_plugins.merges.fisher import information
from lmctool_plugins.merges.fisher.information import Examples, diagonal
from lmctool_plugins.merges.fisher.kernel import drawn_labels, precise_mean
from tests.plugins.pairs import run_of, trained

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["run_of"]

Runs = Callable[..., Run]
FLOOR = 1e-6


@pytest.fixture
def run_on() -> Iterator[Runs]:
    """Open runs on small networks, in float64."""
    with ExitStack() as stack:

        def opened(key: str, **settings: Any) -> Run:
            (network,) = named([key])
            return stack.enter_context(network.run(**{"dtype": "float64", **settings}))

        yield opened


def one_by_one(run: Run, labels: Mapping[int, int] | None = None) -> dict[str, Tensor]:
    """Return the mean squared gradients by a loop over examples in plain torch, in float64."""
    weights, split = run.weights(0), run.calibration.split
    module, task = run.resources.module, run.task
    assert task is not None
    names = [name for name, _ in module.named_parameters() if name in weights]
    sums = {name: torch.zeros_like(weights[name], dtype=torch.float64) for name in names}
    ((inputs, targets),) = split.batches(len(split), run.dtype)
    for place in range(len(split)):
        own = {name: weights[name].clone().requires_grad_() for name in names}
        outputs = torch.func.functional_call(module, {**weights, **own}, (inputs[place][None],))
        outputs = outputs if isinstance(outputs, Tensor) else outputs.logits
        if labels is None:
            loss = task.score(outputs, targets[place][None])[0].sum()
        else:
            loss = -functional.log_softmax(outputs, dim=1)[0, labels[place]]
        gradients = torch.autograd.grad(loss, list(own.values()))
        for name, gradient in zip(names, gradients, strict=True):
            sums[name] += gradient.double().square()
    return {name: each / len(split) for name, each in sums.items()}


def same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, each in expected.items():
        torch.testing.assert_close(found[name], each, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("key", ["mlp", "resnet", "vit", "causal_lm"])
def test_the_empirical_information_is_that_of_a_loop_over_examples(run_on: Runs, key: str) -> None:
    run = run_on(key, calib_size=6)
    found = diagonal(run, run.weights(0), "data")
    assert found.exact
    same(found.values, one_by_one(run))


@pytest.mark.parametrize("size", [3, 100])
def test_labels_are_drawn_from_the_answers_whatever_the_size_of_batches(
    run_on: Runs, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    run = run_on("resnet")
    split, weights = run.calibration.split, run.weights(0)
    ((inputs, _),) = split.batches(len(split), run.dtype)
    shares = run.outputs(weights, inputs).softmax(dim=1).cumsum(dim=1).numpy()
    places = torch.rand(
        len(split), dtype=torch.float64, generator=run.generator("fisher labels")
    ).numpy()
    labels = {
        n: int(np.searchsorted(row, place, "right"))
        for n, (row, place) in enumerate(zip(shares, places, strict=True))
    }
    monkeypatch.setattr(information, "BATCH", size)
    same(diagonal(run, weights, "model").values, one_by_one(run, labels))


def test_a_class_is_drawn_as_often_as_its_probability_says() -> None:
    count = 10_000
    logits = torch.tensor([[0.1, 0.2, 0.7]]).log().expand(count, 3)
    places = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    assert drawn_labels(logits, places).bincount().tolist() == [1000, 2000, 7000]


def test_the_last_class_is_drawn_where_probabilities_add_up_to_less_than_a_place() -> None:
    logits = torch.zeros(1, 7)
    assert drawn_labels(logits, torch.ones(1, dtype=torch.float64)).tolist() == [6]


def test_of_softmax_regression_it_is_p_times_1_less_p_times_squared_inputs() -> None:
    """E_y (1[y = c] - p_c)^2 x_j^2 = p_c (1 - p_c) x_j^2, of labels in their proportions."""
    count = 20_000
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    x = torch.randn(4, generator=generator, dtype=torch.float64)
    places = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    labels = drawn_labels((weight @ x).expand(count, 3), places)

    def loss(own: Tensor, label: Tensor) -> Tensor:
        return functional.cross_entropy((own @ x)[None], label[None])

    gradients = torch.func.vmap(torch.func.grad(loss), (None, 0))(weight, labels)
    p = (weight @ x).softmax(dim=0)
    expected = (p * (1 - p))[:, None] * x.square()
    torch.testing.assert_close(gradients.square().mean(dim=0), expected, rtol=1e-3, atol=1e-4)


def test_random_signs_estimate_it_without_bias(
    run_on: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on("mlp", calib_size=4)
    weights = run.weights(0)
    exact = Examples(run, weights, "data").mean_squares(exact=True)
    signs = [torch.tensor([n >> k & 1 for k in range(4)]) for n in range(1 << 4)]
    total = {name: np.zeros_like(each) for name, each in exact.items()}
    for drawn in signs:  # every combination of signs, so that nothing is left to chance
        monkeypatch.setattr(torch, "randint", lambda *_, own=drawn, **__: own.double())
        for name, each in Examples(run, weights, "data").mean_squares(exact=False).items():
            total[name] += each / len(signs)
    for name, each in exact.items():
        np.testing.assert_allclose(total[name], each, rtol=1e-9, atol=1e-14)


def test_a_model_that_cannot_be_mapped_is_estimated(
    run_on: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("vmap: .item() is called")

    run = run_on("mlp")
    monkeypatch.setattr(Examples, "_squares", refuses)
    assert not diagonal(run, run.weights(0), "model").exact


def test_answers_of_many_items_have_no_label_to_draw(run_on: Runs) -> None:
    run = run_on("causal_lm")
    with pytest.raises(LmctoolError) as error:
        diagonal(run, run.weights(0), "model")
    assert str(error.value) == (
        "--method fisher draws the label of an example from a network's answer, which task"
        " 'causal-lm' has not one class in; take the data's by --fisher-labels data"
    )


def test_a_permuted_network_has_the_permuted_information(run_of: Runs) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), calib_size=50)
    a, b = run.weights(0), run.weights(1)
    permutation = run.align(a, b)
    own = permutation.apply(dict(diagonal(run, b, "data").values))
    moved = diagonal(run, permutation.apply(b), "data").values
    for name, each in moved.items():
        torch.testing.assert_close(each, own[name], rtol=1e-8, atol=1e-12, msg=name)


def test_each_value_counts_by_its_information() -> None:
    a, b = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([3.0, 3.0, 3.0])
    f, g = torch.tensor([3.0, 0.0, 0.0]).double(), torch.tensor([1.0, 2.0, 0.0]).double()
    found = precise_mean([a, b], [f, g], (1, 1), FLOOR)
    np.testing.assert_allclose(found, [1.5, 3.0, 2.0], rtol=1e-6)
    found = precise_mean([a, b], [f, g], (1, 3), FLOOR)
    np.testing.assert_allclose(found, [2.0, 3.0, 2.5], rtol=1e-6)


def test_equal_networks_are_their_mean_to_the_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(50, generator=generator)
    precisions = [torch.rand(50, generator=generator, dtype=torch.float64) for _ in range(3)]
    assert torch.equal(
        precise_mean([own.clone() for _ in range(3)], precisions, (1, 2, 4), FLOOR), own
    )


def test_equal_information_gives_the_plain_mean() -> None:
    tensors = [torch.randn(20, dtype=torch.float64) for _ in range(3)]
    same_for_all = [torch.rand(20, dtype=torch.float64) + 0.1] * 3
    expected = (tensors[0] + 2 * tensors[1] + 3 * tensors[2]) / 6
    found = precise_mean(tensors, same_for_all, (1, 2, 3), FLOOR)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
