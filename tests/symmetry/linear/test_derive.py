"""Small models made to mislead: every linear map keeps the function, and all are found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.symmetry import derive
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.linear.transform import LinearTransform, act, drawn, factors
from tests.symmetry.conftest import randomise
from tests.symmetry.linear.models import MODELS

if TYPE_CHECKING:
    from torch import nn

    from lmctool.symmetry.linear.place import Place
    from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec
    from tests.symmetry.linear.models import Model

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


class Found(NamedTuple):
    """A network of a model with random weights, and what keeps its function."""

    net: nn.Module
    spec: LinearSpec
    inputs: Tensor
    form: dict[str, Tensor]

    def output(self, weights: dict[str, Tensor]) -> Tensor:
        output: Tensor = functional_call(self.net, weights, (self.inputs,))
        return output

    def change(self, weights: dict[str, Tensor]) -> float:
        """Return how far the outputs of weights are from the model's, relative to these."""
        before = self.output(dict(self.net.state_dict()))
        return float((self.output(weights) - before).abs().max() / before.abs().max())


@cache
def found(model: Model) -> Found:
    net = randomise(model.net.double(), 1)
    inputs = torch.randn(3, *model.shape, generator=torch.Generator().manual_seed(2)).double()
    graph = record_graph(fresh(net), (inputs,))
    spec = derive_linear(graph, derive(graph))
    return Found(net, spec, inputs, canonical(spec, dict(net.state_dict())))


def kinds(spec: LinearSpec) -> list[tuple[str, int, int]]:
    """Return all groups but those of scales, which tests of their own count."""
    groups = spec.groups.values()
    return sorted((each.kind, each.size, each.count) for each in groups if each.kind != "scale")


@every_model
def test_all_groups_are_found(model: Model) -> None:
    spec = found(model).spec
    assert kinds(spec) == sorted(model.groups)
    assert model.blocked in "; ".join(spec.blocked.values())
    assert len(spec.canonical.key_biases) == model.keys
    assert len(spec.canonical.value_biases) == model.values


@every_model
def test_a_random_element_of_all_groups_keeps_the_function(model: Model) -> None:
    given = found(model)
    assert given.change(given.form) < 1e-10
    for seed in range(2):
        transform = LinearTransform.random(given.spec, torch.Generator().manual_seed(seed))
        assert given.change(transform.apply(given.form)) < 1e-10
        assert given.change(transform.then(transform.inverse()).apply(given.form)) < 1e-10


@every_model
def test_a_map_that_breaks_one_rule_changes_the_function(model: Model) -> None:
    given = found(model)
    for group in given.spec.groups.values():
        matrices = drawn(group, torch.Generator().manual_seed(3))
        assert given.change(acted(given, group, matrices)) < 1e-10
        for number, place in enumerate(group.places):
            if is_silent(given, place):
                continue
            rest = (*group.places[:number], *group.places[number + 1 :])
            assert given.change(acted(given, replace(group, places=rest), matrices)) > 1e-9
            if group.kind != "orthogonal":
                turned = (*rest, replace(place, power=-place.power))
                assert given.change(acted(given, replace(group, places=turned), matrices)) > 1e-9
        if group.kind == "orthogonal":
            larger = replace(group, kind="invertible", keeps_ones=False)
            free = drawn(larger, torch.Generator().manual_seed(4))
            assert given.change(acted(given, larger, free)) > 1e-9


def is_silent(given: Found, place: Place) -> bool:
    """Tell whether units are 0, as biases are in canonical form, or make no difference."""
    tensor = given.form[place.tensor]
    units = place.index.units(tensor)
    other = given.form | {place.tensor: place.index.replaced(tensor, units + 1)}
    return not units.any() or given.change(other) < 1e-10


@pytest.mark.parametrize(
    "name", ["attention_with_alibi", "rotary_of_grouped_queries", "streams_side_by_side"]
)
def test_another_tracer_tells_the_same(name: str) -> None:
    given = found(next(model for model in MODELS if model.name == name))
    graph = capture(given.net, given.inputs)
    spec = derive_linear(graph, derive(graph))
    assert kinds(spec) == kinds(given.spec)
    transform = LinearTransform.random(spec, torch.Generator().manual_seed(0))
    form = canonical(spec, dict(given.net.state_dict()))
    assert given.change(transform.apply(form)) < 1e-10
    for part in ("norms", "centred", "key_biases", "value_biases"):
        both = (getattr(each.canonical, part) for each in (spec, given.spec))
        assert len(set(map(len, both))) == 1


def acted(given: Found, group: LinearGroup, matrices: Tensor) -> dict[str, Tensor]:
    """Return the network in canonical form with a map acting at the places of a group."""
    kinds_of_place = factors(group, matrices)
    return {name: act(group, kinds_of_place, name, tensor) for name, tensor in given.form.items()}
