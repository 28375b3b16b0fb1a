"""What tells weights apart: their recipe, and the bytes of their tensors."""

from __future__ import annotations

import gc
import math
import weakref
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.weights.lazy_networks import LazyNetworks, candidates
from lmctool.weights.recipe import KnownWeights, content, derived, identity, recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

W = {"w": torch.arange(6.0).view(2, 3), "n": torch.tensor(3)}


def test_content_is_that_of_the_tensors_in_any_order_and_layout() -> None:
    turned = torch.arange(6.0).view(2, 3).T.contiguous().T
    assert not turned.is_contiguous()
    assert content(W) == content({"n": torch.tensor(3), "w": turned})


@pytest.mark.parametrize(
    "other",
    [
        {"w": torch.zeros(3, 2), "n": torch.tensor(3)},
        {"w": torch.zeros(2, 3).double(), "n": torch.tensor(3)},
        {"w": torch.full((2, 3), 1e-45), "n": torch.tensor(3)},
        {"w": -torch.zeros(2, 3), "n": torch.tensor(3)},
        {"v": torch.zeros(2, 3), "n": torch.tensor(3)},
        {"w": torch.zeros(2, 3)},
    ],
    ids=["shape", "dtype", "value", "sign", "name", "fewer"],
)
def test_other_tensors_have_another_content(other: dict[str, torch.Tensor]) -> None:
    assert content({"w": torch.zeros(2, 3), "n": torch.tensor(3)}) != content(other)


def test_bfloat16_and_empty_tensors_have_a_content() -> None:
    both = [{"w": torch.ones(3, dtype=torch.bfloat16)}, {"w": torch.empty(0, 3)}]
    assert len({content(each) for each in both}) == 2


def test_a_recipe_takes_only_what_json_says_whole() -> None:
    assert recipe("mix", 0.1) != recipe("mix", math.nextafter(0.1, 1))
    with pytest.raises(TypeError):
        recipe("mix", object())


def test_known_weights_are_told_by_their_recipe_alone() -> None:
    assert identity(KnownWeights(W, lambda: "made of flour")) == "made of flour"
    assert identity(dict(W)) == content(W)


@pytest.mark.parametrize("change", ["write", "replace", "remove", "add"])
def test_changed_weights_are_told_by_their_tensors(change: str) -> None:
    weights = KnownWeights({name: tensor.clone() for name, tensor in W.items()}, lambda: "known")
    assert identity(weights) == "known"
    match change:
        case "write":
            weights["w"][0, 0] = 7
        case "replace":
            weights["w"] = weights["w"].clone()
        case "remove":
            del weights["n"]
        case "add":
            weights["more"] = torch.ones(1)
    assert weights.recipe is None
    assert identity(weights) == content(weights)


def test_known_weights_keep_no_tensor_that_was_taken_out() -> None:
    weights = KnownWeights({"w": torch.ones(3)}, lambda: "known")
    gone = weakref.ref(weights["w"])
    del weights["w"]
    gc.collect()
    assert gone() is None


def test_derived_weights_know_what_they_were_made_of() -> None:
    a, b = KnownWeights(W, lambda: "a"), KnownWeights(W, lambda: "b")
    assert identity(derived(W, "mix", (a, b), lambda: [0.5])) == recipe("mix", ["a", "b"], 0.5)
    assert identity(derived(W, "mix", (b, a), lambda: [0.5])) == recipe("mix", ["b", "a"], 0.5)


def test_weights_made_under_inference_mode_are_told_by_their_tensors() -> None:
    with torch.inference_mode():
        weights = derived({"w": torch.ones(2) * 2}, "doubled", (W,))
    assert identity(weights) == content(weights)


def test_a_network_whose_recipe_is_known_is_not_formed_to_be_told() -> None:
    formed: list[int] = []

    def form(item: int) -> dict[str, torch.Tensor]:
        formed.append(item)
        return {"w": torch.full((2,), float(item))}

    lazy = LazyNetworks(form, [1, 2], lambda item: f"network {item}")
    known = [network for _, network in candidates(lazy)]
    assert [each.identity() for each in known] == ["network 1", "network 2"]
    assert not formed
    unknown = [network for _, network in candidates(LazyNetworks(form, [1, 2]))]
    assert [each.identity() for each in unknown] == [content(form(1)), content(form(2))]


def test_candidates_hold_one_network_of_a_generator_at_a_time() -> None:
    alive: list[weakref.ref[torch.Tensor]] = []

    def networks() -> Iterator[dict[str, torch.Tensor]]:
        for _ in range(3):
            assert all(each() is None for each in alive)
            tensor = torch.ones(2)
            alive.append(weakref.ref(tensor))
            yield {"w": tensor}
            del tensor

    for _, network in candidates(networks()):
        assert network.identity()
        del network
        gc.collect()
    assert len(alive) == 3
