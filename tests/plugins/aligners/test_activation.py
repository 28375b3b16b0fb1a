"""Activation matching: against all assignments, and planted permutations recovered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.linear.transform import permutation_part
from lmctool_plugins.aligners import activation
from lmctool_plugins.aligners.activation import blocks
from tests import reference
from tests.plugins.pairs import initial, trained

Runs = Callable[..., Run]


def planted(run: Run, seed: int) -> Permutation:
    return Permutation.random(run.permutation_spec, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "key", ["mlp", "mlp-layer", "vgg", "resnet-batch", "resnet-batch-A", "resnet-fixup"]
)
def test_a_planted_permutation_is_recovered_bit_for_bit(run_of: Runs, key: str) -> None:
    weights = trained(key, 0, 60)
    run = run_of(key, weights, weights, dtype="float32")
    original = run.weights(0)
    for seed in range(3):
        shuffled = planted(run, seed).apply(original)
        recovered = run.align(original, shuffled).apply(shuffled)
        assert all(torch.equal(recovered[name], original[name]) for name in original)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["mlp", "vgg", "resnet-batch"])
def test_a_hundred_planted_permutations_of_fresh_networks_are_recovered(
    run_of: Runs, key: str
) -> None:
    fresh = initial(key, 0).state_dict()
    run = run_of(key, fresh, fresh, dtype="float32")
    found = 0
    for seed in range(100):
        original = {name: t.clone() for name, t in initial(key, seed).state_dict().items()}
        permutation = planted(run, seed)
        shuffled = permutation.apply(original)
        recovered = activation.align(run, original, shuffled).apply(shuffled)
        found += all(torch.equal(recovered[name], original[name]) for name in original)
    assert found == 100


def test_silent_units_are_told_apart_by_their_weights(run_of: Runs) -> None:
    weights = {name: tensor.clone() for name, tensor in trained("mlp", 0).items()}
    weights["layers.1.bias"][:6] = -100  # six units that no example wakes
    run = run_of("mlp", weights, weights)
    original = run.weights(0)
    shuffled = planted(run, 3).apply(original)
    recovered = run.align(original, shuffled).apply(shuffled)
    assert all(torch.equal(recovered[name], original[name]) for name in original)


def test_the_order_of_b_does_not_change_how_well_it_is_matched(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    a, b = run.weights(0), run.weights(1)
    shuffled = planted(run, 1).apply(b)
    taps = {group: taps[0] for group, taps in run.permutation_spec.taps.items()}
    totals = []
    for end in (b, shuffled):
        aligned = run.align(a, end).apply(end)
        moments = run.calibration.cross_moments(a, aligned, taps.values())
        totals.append([moments[tap].correlation().trace().item() for tap in taps.values()])
    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-12)


def test_a_network_is_aligned_with_itself_by_the_identity(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 0))
    assert run.align(run.weights(0), run.weights(1)).is_identity
    (alignment,) = run.alignments.proved
    proof = alignment.proof
    assert proof.holds and proof.difference == 0


def test_the_matched_correlations_are_the_objective_of_loops(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    a, b = run.weights(0), run.weights(1)
    moves = permutation_part(run.align(a, b)).moves
    names = ["layers.0", "layers.1", "classifier"]
    inputs = torch.cat([x for x, _ in run.calibration.split.batches(500, torch.float64)]).flatten(1)
    hidden = [
        reference.forward(
            reference.layers_of({k: v.numpy() for k, v in net.items()}, names), inputs.numpy()
        )[1]
        for net in (a, b)
    ]
    taps = [tap for taps in run.permutation_spec.taps.values() for tap in taps]
    moments = run.calibration.cross_moments(a, b, taps)
    for depth, (group, move) in enumerate(moves.items()):
        x, y = (np.maximum(seen[depth], 0).T for seen in hidden)
        expected = reference.correlation(x, y)
        tap = run.permutation_spec.taps[group][0]
        found = moments[tap].correlation().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
        rows = np.arange(len(move))
        assert found[rows, move].sum() == pytest.approx(expected[rows, move].sum(), rel=1e-6)
        assert expected[rows, move].sum() > expected.trace()


def test_groups_are_compared_in_as_many_passes_as_memory_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = PermutationSpec({"a": 4, "heads": 2, "b": 4, "c": 4}, {}, per={"b": "heads"})
    tap: Any = object()
    seen = {"a": (tap,), "heads": (tap,), "b": (tap,), "c": (tap,)}
    assert [*blocks(spec, seen, 0)] == [["a", "heads", "b", "c"]]  # too little to be worth more
    monkeypatch.setattr(activation, "ONE_PASS", 1)
    assert [*blocks(spec, seen, 190)] == [["a", "heads", "b"], ["c"]]
    assert [*blocks(spec, seen, 0)] == [["a"], ["heads", "b"], ["c"]]
    assert [*blocks(spec, {"c": (tap,)}, 0)] == [["c"]]


def test_several_passes_find_what_one_does(run_of: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for most in (1 << 25, 1):
        monkeypatch.setattr(activation, "ONE_PASS", most)
        run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=Choice("activation", {}))
        found.append(permutation_part(run.align(run.weights(0), run.weights(1))).moves)
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(move, found[1][group]) for group, move in found[0].items())
