"""The baselines of merging on split data: the ensemble, and balanced logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmctool.errors import UnjudgedError
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.barrier import measure
from lmctool_plugins.analyses.barrier.balance import balance
from lmctool_plugins.analyses.barrier.baselines import mixed
from tests import reference
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Group

Runs = Callable[..., Run]
Array = NDArray[np.float64]


def softmax(logits: Array) -> Array:
    """Return the probabilities of (example, class) logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def scaled(logits: Array, rounds: int = 20000) -> Array:
    """Return balancing constants by turns: each class's factor, until nothing moves."""
    constants: Array = np.zeros(logits.shape[1])
    for _ in range(rounds):
        shares = softmax(logits + constants).mean(axis=0)
        constants -= np.log(shares * len(shares))
    constants -= constants.mean()
    return constants


def logits_of(seed: int, spread: float = 3.0) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(0, spread, (60, 5)) + rng.normal(0, spread, 5)


def groups_of(run: Run, **options: object) -> dict[str, Group]:
    arguments: dict[str, object] = {"alphas": None, "refine": False, "definition": "chord"}
    result = measure.measure(run, points=5, baselines=True, **(arguments | options))  # type: ignore[arg-type]
    return dict(result.groups)


def test_the_constants_are_those_of_slow_scaling_by_turns() -> None:
    logits = logits_of(0, 1.5)
    np.testing.assert_allclose(balance(logits), scaled(logits), atol=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 30.0]))
def test_every_class_gets_the_same_share_of_the_predictions(seed: int, spread: float) -> None:
    logits = logits_of(seed, spread)
    shares = softmax(logits + balance(logits)).mean(axis=0)
    np.testing.assert_allclose(shares, 0.2, rtol=1e-6)


def test_one_example_is_balanced_by_its_own_logits_turned_round() -> None:
    logits = np.array([[3.0, 1.0, -1.0]])
    np.testing.assert_allclose(balance(logits), [-2, 0, 2], atol=1e-6)


def test_what_favours_a_class_everywhere_is_taken_away() -> None:
    logits = logits_of(1)
    favoured = logits + np.array([4.0, 2, 0, 0, -3]) + np.arange(60.0)[:, None]
    one, other = (softmax(z + balance(z)) for z in (logits, favoured))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_logits_that_are_balanced_already_stay() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]]))
    np.testing.assert_allclose(balance(logits), 0, atol=1e-9)


def test_logits_that_are_no_numbers_have_no_balance() -> None:
    with pytest.raises(UnjudgedError, match="not finite"):
        balance(np.array([[0.0, math.inf]]))


def test_equal_logits_mix_to_themselves() -> None:
    logits = logits_of(2)
    for alpha in (0.0, 0.3, 0.5, 1.0):
        np.testing.assert_array_equal(mixed(logits, logits, alpha), logits)
    np.testing.assert_array_equal(mixed(logits, -logits, 1.0), -logits)


def test_the_ensemble_of_a_network_with_itself_is_itself(run_of: Runs) -> None:
    a = trained("mlp", 0)
    groups = groups_of(run_of("mlp", a, a, aligner=None))
    for metric in ("loss", "error"):
        end = groups["barrier/ends"].variables[metric].values[0, 0]
        along = groups["barrier/ensemble"].variables[metric].values[0]
        np.testing.assert_allclose(along, end, rtol=1e-9)
        assert groups["barrier/baselines"].variables[metric].values[0, 0] == pytest.approx(end)


def test_the_ensemble_is_that_of_loops(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    run = run_of("mlp", a, b, aligner=None)
    names = ["layers.0", "layers.1", "classifier"]
    ((inputs, targets),) = run.split("test").batches(1000, torch.float64)
    outputs = [
        reference.forward(
            reference.layers_of({k: v.double().numpy() for k, v in net.items()}, names),
            inputs.flatten(1).numpy(),
        )[0]
        for net in (a, b)
    ]
    wanted = targets.numpy()
    groups = groups_of(run)
    along = groups["barrier/ensemble"].variables["loss"].values[0]
    for alpha, value in zip((0, 0.25, 0.5, 0.75, 1), along, strict=True):
        logits = (1 - alpha) * outputs[0] + alpha * outputs[1]
        assert value == pytest.approx(reference.cross_entropy(logits, wanted).mean(), rel=1e-9)
    balanced = outputs[0] + scaled(outputs[0])
    errors = groups["barrier/baselines"].variables["loss"].values[1, 0]
    assert errors == pytest.approx(reference.cross_entropy(balanced, wanted).mean(), rel=1e-4)


def test_classes_by_their_sizes_are_the_whole(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    groups = groups_of(run)
    sizes = np.bincount(run.split("test").targets, minlength=10)
    classes = groups["barrier/classes"].variables
    assert classes["network"].values.tolist() == [
        *("a", "b", "plain", "align", "ensemble", "balanced a", "balanced b")
    ]
    curve, ends, baselines = (
        groups[f"barrier/{name}"].variables for name in ("curve", "ends", "baselines")
    )
    for metric in ("loss", "error"):
        whole = np.average(classes[metric].values[:, 0], axis=1, weights=sizes)
        expected = [
            *ends[metric].values[0],
            *curve[metric].values[:, 0, 2],
            *baselines[metric].values[:, 0],
        ]
        np.testing.assert_allclose(whole, expected, rtol=1e-9)


def test_balance_helps_a_network_that_favours_some_classes(run_of: Runs) -> None:
    a = trained("mlp", 0)
    favour = torch.linspace(-8, 8, 10)
    biased = {k: v + favour if k == "classifier.bias" else v for k, v in a.items()}
    groups = groups_of(run_of("mlp", biased, a, aligner=None))
    before = groups["barrier/ends"].variables["loss"].values[0, 0]
    after = groups["barrier/baselines"].variables["loss"].values[1:, 0]
    assert after[0] < before
    assert after[0] == pytest.approx(after[1], rel=1e-5)  # the favour is all that differs


def test_the_baselines_are_shown_beside_the_path(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in range(2)]
    done = invoke("barrier", *paths, "--points", "3", "--baselines", "-o", tmp_path / "r.h5")
    assert done.exit_code == 0, done.output
    for name in ("ensemble", "balanced a", "balanced b"):
        assert name in done.stdout
    assert (tmp_path / "r.png").stat().st_size > 5000


def test_a_task_without_classes_has_no_baselines(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in range(2)]
    done = invoke("barrier", *paths, "--task", "binary", "--baselines", "-o", tmp_path / "r.h5")
    assert done.exit_code == 2
    assert (
        "--baselines mixes and rescales the logits of classes, which task 'binary'" in done.stderr
    )
