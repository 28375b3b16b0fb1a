"""The buffers of spectral norm between networks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from lmctool.errors import LmctoolError
from lmctool.weights.arithmetic import lerp
from lmctool.weights.mean import weighted_mean
from lmctool.weights.partwise import Partwise
from lmctool.weights.spectral_norm import following, spectral_norms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    Weights = Mapping[str, Tensor]
    Norm = Callable[[nn.Module], nn.Module]

NAMES = {
    "old": ("weight_orig", "weight_u", "weight_v"),
    "new": (
        "parametrizations.weight.original",
        "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
    ),
}
LAYERS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "linear": (lambda: nn.Linear(5, 7), 0),
    "conv": (lambda: nn.Conv2d(3, 4, 3), 0),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3), 1),
    "square transposed": (lambda: nn.ConvTranspose2d(4, 4, 1), 1),
}
FORMS = pytest.mark.parametrize("form", NAMES)


def network(form: str, kind: str, seed: int, steps: int = 50) -> Weights:
    """Return the weights of a layer under spectral norm, after steps of power iteration."""
    torch.manual_seed(seed)
    make, axis = LAYERS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates the old form, and files have it
        norm = nn.utils.spectral_norm if form == "old" else parametrizations.spectral_norm
        layer = norm(make().double(), n_power_iterations=steps)
    if form == "old":  # which takes its steps in forward
        shape = layer.state_dict()["weight_orig"].shape
        layer.train()(torch.zeros(1, shape[1 - axis], *[3] * (len(shape) - 2)).double())
    return layer.state_dict()


def estimate(form: str, kind: str, weights: Weights) -> tuple[float, float]:
    """Return what torch divides the weight by in evaluation mode, and what is right."""
    weight, u, v = (weights[name] for name in NAMES[form])
    matrix = weight.movedim(LAYERS[kind][1], 0).flatten(1)
    return float(u @ matrix @ v), float(np.linalg.svd(matrix.numpy(), compute_uv=False)[0])


@FORMS
@pytest.mark.parametrize("kind", LAYERS)
def test_a_network_between_two_has_the_singular_vectors_of_its_own_weight(
    form: str, kind: str
) -> None:
    a, b, c = (network(form, kind, seed) for seed in (0, 1, 2))
    made = {
        "point": lerp(a, b, 0.3),
        "mean": weighted_mean([a, b, c], (1, 2, 1)),
        "parts": Partwise(a, b, [list(NAMES[form])], np.array([[0.6]]))[0],
        "weight alone": Partwise(a, b, [[NAMES[form][0]]], np.array([[0.6]]))[0],
    }
    for which, weights in made.items():
        divided, right = estimate(form, kind, weights)
        assert divided == pytest.approx(right, rel=1e-9), which


@FORMS
def test_one_networks_weight_has_that_networks_buffers_to_the_bit(form: str) -> None:
    a, b = network(form, "linear", 0, steps=1), network(form, "linear", 1, steps=1)
    weight, u, v = NAMES[form]
    for alpha, end in ((0.0, a), (1.0, b)):
        assert all(torch.equal(lerp(a, b, alpha)[name], end[name]) for name in a)
        parted = Partwise(a, b, [[weight], [u]], np.array([[alpha, 0.5]]))[0]
        assert all(torch.equal(parted[name], end[name]) for name in (weight, u, v))
    same = lerp(a, {**b, **{name: a[name].clone() for name in NAMES[form]}}, 0.5)
    assert all(torch.equal(same[name], a[name]) for name in NAMES[form])


def test_ends_whose_vectors_are_of_another_singular_value_have_the_greatest_between() -> None:
    matrix = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    first = torch.eye(3, dtype=torch.float64)[0]
    a = {"weight_orig": matrix * 0.9, "weight_u": first, "weight_v": first}
    b = {"weight_orig": matrix * 1.1, "weight_u": -first, "weight_v": -first}
    assert lerp(a, b, 0.5)["weight_u"].abs().tolist() == pytest.approx([0, 0, 1], abs=1e-6)


def test_the_gradient_reaches_the_weight_between() -> None:
    a, b = network("old", "linear", 0), dict(network("old", "linear", 1))
    b["weight_orig"] = b["weight_orig"].clone().requires_grad_()
    between = lerp(a, b, 0.5)
    assert between["weight_orig"].requires_grad
    assert not between["weight_u"].requires_grad


@FORMS
def test_a_chosen_weight_takes_its_buffers_along(form: str) -> None:
    weight, u, v = NAMES[form]
    names = {*NAMES[form], "bias"}
    assert following({weight}, names) == {weight, u, v}
    assert following({u, "bias"}, names) == {"bias"}


def test_names_that_only_look_like_spectral_norm_are_left_alone() -> None:
    a = {"q_orig": torch.ones(3, 2), "q_u": torch.ones(2), "q_v": torch.ones(4)}
    between = lerp(a, {name: 3 * tensor for name, tensor in a.items()}, 0.5)
    assert all(torch.equal(between[name], 2 * a[name]) for name in a)
    assert spectral_norms(["menu", "x_u", "x_orig"]) == []


def test_a_spectral_norm_over_another_parametrization_is_refused() -> None:
    layer = parametrizations.spectral_norm(parametrizations.weight_norm(nn.Linear(3, 4)))
    weights = layer.state_dict()
    with pytest.raises(LmctoolError, match=r"over another parametrization .* cannot be found"):
        lerp(weights, {name: 2 * tensor for name, tensor in weights.items()}, 0.5)
