"""What check_aligner lets pass, and what it says of aligners that break a promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest
import torch

from lmctool.api import (
    Aligner,
    Alignment,
    DeclaredMetric,
    Group,
    LmctoolError,
    Permutation,
    Variable,
)
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.symmetry.matching import match
from lmctool.testing import check_aligner

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.api import Run, Weights

BUILT_IN: dict[str, dict[str, Any]] = {
    "activation": {"recovers": True},
    "identity": {},
    # of two equal networks it lowers the loss between them as well, so that they part
    "learned": {"steps": 2, "batch": 16, "start": "identity", "harmless": False},
    "midpoint": {"steps": 2, "batch": 16},
    "procrustes": {"recovers": True},
    "random": {"harmless": False},
    "weight": {"recovers": True, "restarts": 1},
}


@pytest.mark.parametrize("word", BUILT_IN)
def test_a_built_in_aligner_passes(word: str) -> None:
    assert check_aligner(word, **BUILT_IN[word]) == {}


def test_they_are_all_of_them() -> None:
    installed = registry.names(ALIGNERS)
    own = {w for w in installed if registry.owner(registry.find(ALIGNERS, w)) == "lmctool"}
    assert own == set(BUILT_IN)


def by_activation(run: Run, a: Weights, b: Weights) -> Permutation:
    """Match by the first tap of each group, as an MLP alone lets one."""
    spec = run.permutation_spec
    taps = {group: spec.taps[group][0] for group in spec.groups}
    moments = run.calibration.cross_moments(a, b, taps.values())
    return Permutation(
        spec, match(spec, {g: moments[tap].correlation() for g, tap in taps.items()})
    )


def test_an_aligner_that_takes_every_group_to_have_a_tap_is_told_of_heads() -> None:
    aligner = Aligner(by_activation)
    assert check_aligner(aligner, networks=("mlp", "resnet")) == {}
    with pytest.raises(AssertionError) as told:
        check_aligner(aligner)
    assert str(told.value) == (
        "aligner 'under-check' on a ViT failed: IndexError: tuple index out of range;"
        " spec.taps['layer.qkv[0]'] is empty, for its inner groups 'layer.qkv[1]' and"
        " 'layer.qkv[2]' show its units (spec.inner(group)): match them together, as"
        " lmctool.api.match does; a move of 'layer.qkv[1]' has the shape (2, 4): spec.shape(group)"
    )


def by_every_name(run: Run, a: Weights, b: Weights) -> Permutation:
    """Match by the tensors of each group, as long as none is tied."""
    spec = run.permutation_spec
    similarity = {
        group: torch.stack([p.units(a[n]) @ p.units(b[n]).T for n, p in spec.uses(group)]).sum(0)
        for group in spec.groups
    }
    return Permutation(spec, match(spec, similarity))


def test_an_aligner_that_takes_every_name_to_be_in_the_weights_is_told_of_tied_ones() -> None:
    aligner = Aligner(by_every_name)
    assert check_aligner(aligner, networks=("mlp", "vit"), harmless=False) == {}
    with pytest.raises(AssertionError) as told:
        check_aligner(aligner, networks=("causal_lm",))
    assert str(told.value) == (
        "aligner 'under-check' on a causal LM failed: KeyError: 'head.weight'; 'head.weight' is"
        " tied to 'embedding.weight', and weights hold both once, under 'embedding.weight': pass"
        " over a name of spec.uses(group) that the weights don't have"
    )


def by_chance(run: Run, a: Weights, b: Weights) -> Permutation:
    spec = run.permutation_spec
    return Permutation(spec, {g: torch.rand(spec.shape(g)).argsort(-1) for g in spec.groups})


def by_own_chance(run: Run, a: Weights, b: Weights) -> Permutation:
    with torch.random.fork_rng():
        return by_chance(run, a, b)


def turning(run: Run, a: Weights, b: Weights) -> Permutation:
    spec = run.permutation_spec
    units = {g: torch.arange(spec.groups[g] - 1, -1, -1) for g in spec.groups}
    return Permutation(spec, {g: unit.expand(spec.shape(g)) for g, unit in units.items()})


def writing(run: Run, a: Weights, b: Weights) -> Permutation:
    next(iter(b.values())).mul_(2)
    return Permutation(run.permutation_spec, {})


def of_its_own(run: Run, a: Weights, b: Weights) -> Permutation:
    from dataclasses import replace

    return Permutation(replace(run.permutation_spec), {})


def of_nothing(run: Run, a: Weights, b: Weights) -> Any:
    return {}


def of_examples(run: Run, a: Weights, b: Weights) -> Permutation:
    return run.match("activation", a, b).permutation


def undeclared(run: Run, a: Weights, b: Weights) -> Alignment:
    import numpy as np

    value = Variable(np.array(1.0), (), metric="mine.value")
    return Alignment(Permutation(run.permutation_spec, {}), {"mine": Group({"value": value})})


def remembering(run: Run, a: Weights, b: Weights, calls: list[int] = []) -> Permutation:  # noqa: B006
    calls.append(0)
    return (
        run.match("random", a, b).permutation
        if len(calls) % 2
        else Permutation(run.permutation_spec, {})
    )


def asserting(run: Run, a: Weights, b: Weights) -> Permutation:
    assert a is b, "its own"
    return Permutation(run.permutation_spec, {})


def refusing(run: Run, a: Weights, b: Weights) -> Permutation:
    raise LmctoolError("this is for nobody")


@pytest.mark.parametrize(
    ("align", "told"),
    [
        (by_chance, "changed torch's global generator, .* draw from run.generator"),
        (by_own_chance, "finds another transform each time; draw what is random from"),
        (
            turning,
            "leaves tensor '1.bias' of two equal networks apart: the outputs",
        ),
        (writing, "wrote to tensor '1.bias' of its input, which others share; make a new one"),
        (of_its_own, "of another spec than run.permutation_spec; return Permutation"),
        (of_nothing, "aligner 'under-check' returned 'dict', not a Transform"),
        (undeclared, r"gives metric 'mine.value', which Aligner\(metrics=...\) does not declare"),
        (remembering, "finds another transform each time; .* depend on no earlier call"),
        (asserting, "aligner 'under-check' on an MLP failed: AssertionError: its own"),
        (refusing, "refused every network: {'mlp': 'this is for nobody'}"),
    ],
)
def test_a_broken_promise_is_told(align: Callable[..., Any], told: str) -> None:
    declared = (DeclaredMetric("mine.other", "another"),)
    with pytest.raises(AssertionError, match=told):
        check_aligner(Aligner(align, metrics=declared), networks=("mlp",))


def test_an_aligner_that_says_it_needs_no_data_is_tried_without() -> None:
    aligner = Aligner(of_examples, needs=frozenset({"model"}))
    with pytest.raises(AssertionError, match=r"on an MLP without data: .*: add it to Aligner"):
        check_aligner(aligner, networks=("mlp",))


def test_an_aligner_that_finds_nothing_does_not_recover() -> None:
    with pytest.raises(AssertionError, match="that a planted transform was to undo apart"):
        check_aligner("identity", networks=("resnet",), recovers=True)


def test_other_plugins_options_and_networks_are_told() -> None:
    with pytest.raises(AssertionError, match="'identity' declares no option 'start'; it has: none"):
        check_aligner("identity", start=1)
    with pytest.raises(AssertionError, match="'dict', not the word of an installed one or"):
        check_aligner({})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no network is called 'gan'; there are: mlp, resnet"):
        check_aligner("identity", networks=("gan",))
    assert "under-check" not in registry.names(ALIGNERS)


def test_options_that_clash_with_those_of_built_ins_are_told() -> None:
    for words, other in (
        (["--targets"], "correction 'closed-form'"),
        (["--points"], "analysis 'b"),
    ):
        clashing = Aligner(by_activation, options=(click.Option(words),))
        with pytest.raises(AssertionError, match=f"'{words[0]}' of .* clashes with {other}"):
            check_aligner(clashing, networks=("mlp",))
