"""The aligner learned: it never ends worse than it began, and finds what was planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn import functional

from lmctool.api import LmctoolError
from lmctool.plugin.settings import Choice
from lmctool.results.result import Group, Result
from lmctool.run.calibration import Calibration
from lmctool.run.parted_examples import parted_examples
from lmctool.run.provenance import complete
from lmctool.run.run import Run
from lmctool.symmetry import Permutation
from lmctool.symmetry.linear.transform import LinearTransform
from lmctool.testing.small_networks import named
from lmctool.weights.arithmetic import lerp
from lmctool_plugins.aligners.learned import learned_maps
from lmctool_plugins.aligners.learned.between import Between
from lmctool_plugins.aligners.learned.objective import Objective, objective
from lmctool_plugins.aligners.learned.search import CHECKED, Search, share

if TYPE_CHECKING:
    from torch import Tensor

Runs = Callable[..., Run]
SHORT: dict[str, Any] = {"start": "identity", "steps": 30, "rate": 0.05, "batch": 16}


@pytest.fixture
def run_on() -> Iterator[Callable[..., Any]]:
    """Open runs on small networks, in float64, with the aligner."""
    with ExitStack() as stack:

        def opened(key: str, *, options: Mapping[str, Any] | None = None, **settings: Any) -> Run:
            (network,) = named([key])
            aligner = Choice("learned", {**SHORT, **(options or {})})
            chosen = {"dtype": "float64", "aligner": aligner, **settings}
            return stack.enter_context(network.run(**chosen))

        yield opened


def frames(run: Run) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    """Return both networks in canonical form."""
    return run.frame(run.weights(0)), run.frame(run.weights(1))


def recorded(run: Run) -> Group:
    """Return what a result says of the search."""
    return complete(run, Result("barrier", {}), command="", options={}).groups["learned"]


def test_it_ends_no_worse_than_it_began_on_held_out_examples(run_on: Runs) -> None:
    run = run_on("causal_lm")
    a, b = frames(run)
    transform = run.align(run.weights(0), run.weights(1))
    course = recorded(run)
    held = course.variables["held_out_loss"].values
    assert list(course.variables["check"].values) == [0, 25, 30]
    assert len(course.variables["train_loss"].values) == SHORT["steps"]
    assert held.min() < held[0]
    start = LinearTransform(run.linear_spec, Permutation(run.permutation_spec, {}))
    positions = parted_examples(run, "learned", 16).held_out
    batch = run.calibration.split.at(positions, run.dtype)
    for found, expected in ((start, held[0]), (transform, held.min())):
        end = found.apply(b)
        losses = [float(run.loss(lerp(a, end, alpha), batch)) for alpha in CHECKED]
        assert sum(losses) / 3 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("key", ["vit", "causal_lm"])
def test_what_is_found_keeps_the_function_of_b(key: str, run_on: Runs) -> None:
    run = run_on(key, options={"scales": True})
    assert not run.align(run.weights(0), run.weights(1)).is_identity
    (alignment,) = run.alignments.proved
    assert alignment.proof.holds
    conditions = recorded(run).variables
    assert (conditions["condition"].values >= 1).all()
    assert len(conditions["map"].values) == len(conditions["condition"].values) > 0


def test_a_planted_transform_is_found_from_a_spoilt_one(run_on: Runs) -> None:
    run = run_on("causal_lm")
    a, _ = frames(run)
    generator = torch.Generator().manual_seed(1)
    planted = LinearTransform.random(run.linear_spec, generator)
    b = planted.apply(a)
    maps = learned_maps(run, planted.inverse(), stretches=True, scales=True)
    noisy = {}
    for name, each in maps.items():
        zeros = each.numbers(torch.float64)
        noise = torch.randn(zeros.shape, generator=generator, dtype=torch.float64)
        noisy[name] = each.exact(0.1 * noise)
    start = LinearTransform(run.linear_spec, planted.inverse().permutation, noisy)
    maps = learned_maps(run, start, stretches=True, scales=True)
    examples = parted_examples(run, "learned", 16)
    looking = Search(run, Between(a, b, start, maps), Objective(run, (a, b)), examples)
    course = looking.go(50, 0.05)
    least = entropy(run, a, examples.held_out)
    losses = [loss - least for _, loss in course.checks]
    assert 0 <= min(losses) < losses[0] / 30


def entropy(run: Run, weights: Mapping[str, Tensor], positions: Tensor) -> float:
    """Return the least loss that any network can have where one's own answers are right."""
    inputs, targets = run.calibration.split.at(positions, run.dtype)
    with torch.no_grad():
        logarithms = run.outputs(weights, inputs).log_softmax(-1)
    each = -(logarithms.exp() * logarithms).sum(-1)
    counted = targets != -100 if targets.ndim > 1 else torch.ones_like(targets, dtype=torch.bool)
    return float(each[counted].mean())


@pytest.mark.parametrize("key", ["vit", "causal_lm"])
def test_answers_of_the_ends_count_as_labels_do(key: str, run_on: Runs) -> None:
    run = run_on(key)
    a, b = frames(run)
    between = lerp(a, b, 0.5)
    inputs, targets = run.calibration.split.at(torch.arange(20), run.dtype)
    (found,) = Objective(run, (a, b)).losses([between], (inputs, targets))
    outputs = run.outputs(between, inputs)
    mean = (run.outputs(a, inputs).softmax(-1) + run.outputs(b, inputs).softmax(-1)) / 2
    total, items = 0.0, 0
    for example in range(20):
        for place in range(targets[example].numel()):
            if targets[example].reshape(-1)[place] != -100:
                chances = outputs[example].view(-1, outputs.shape[-1])[place].log_softmax(-1)
                total -= float(mean[example].view(-1, outputs.shape[-1])[place] @ chances)
                items += 1
    assert float(found) == pytest.approx(total / items, rel=1e-12)

    sure = sharpened(run, a)  # its answers are labels, so both losses are one
    answers = run.outputs(sure, inputs).argmax(-1)
    labels = torch.where(targets == -100, targets, answers)
    (by_ends,) = Objective(run, (sure, sure)).losses([between], (inputs, targets))
    (by_labels,) = Objective(run, None).losses([between], (inputs, labels))
    assert float(by_ends) == pytest.approx(float(by_labels), rel=1e-6)


def sharpened(run: Run, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network whose probabilities are all about 0 or 1."""
    return {
        name: tensor * 1e6 if name.startswith("head.") else tensor
        for name, tensor in weights.items()
    }


def test_without_labels_the_ends_say_what_is_right(
    run_on: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on("causal_lm")
    a, b = frames(run)
    inputs, targets = run.calibration.split.at(torch.arange(20), run.dtype)
    assert objective(run, a, b, None).ends is None
    (expected,) = Objective(run, (a, b)).losses([a], (inputs, torch.zeros_like(targets)))
    split = replace(run.calibration.split, unlike="targets are numbers")
    monkeypatch.setattr(Calibration, "split", split)
    (found,) = objective(run, a, b, None).losses([a], (inputs, torch.rand(20)))
    assert float(found) == float(expected)
    with pytest.raises(LmctoolError, match="targets are numbers; use --goal ends"):
        objective(run, a, b, "labels")


def test_ends_without_classes_are_refused(run_on: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_on("vit")
    assert run.task is not None
    monkeypatch.setattr(Run, "task", replace(run.task, answers=None))
    batch = run.calibration.split.at(torch.arange(20), run.dtype)
    with pytest.raises(LmctoolError, match="--goal ends needs a task with one class"):
        Objective(run, frames(run)).losses([run.weights(0)], batch)


def test_batchnorms_normalise_by_the_batch(run_on: Runs) -> None:
    run = run_on("resnet", aligner=Choice("activation"))
    batch = run.calibration.split.at(torch.arange(20), run.dtype)
    between = lerp(run.weights(0), run.weights(1), 0.5)
    (loss,) = Objective(run, None).losses([between], batch)
    module = run.resources.module.train()
    outputs = torch.func.functional_call(module, dict(between), batch[:1])
    module.eval()
    assert float(loss) == pytest.approx(float(functional.cross_entropy(outputs, batch[1])))


def test_the_same_seed_gives_the_same_transform(run_on: Runs) -> None:
    found = []
    for seed in (3, 3, 4):
        run = run_on("causal_lm", seed=seed, options={"steps": 5})
        transform: Any = run.align(run.weights(0), run.weights(1))
        found.append({name: matrices.tolist() for name, matrices in transform.maps.items()})
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("groups", ["orthogonal", "all"])
def test_rotations_alone_stretch_nothing_nor_does_what_they_start_from(
    groups: str, run_on: Runs
) -> None:
    run = run_on("causal_lm", options={"groups": groups, "start": "procrustes", "steps": 3})
    run.align(run.weights(0), run.weights(1))
    worst = recorded(run).variables["condition"].values.max()
    assert worst == pytest.approx(1) if groups == "orthogonal" else worst > 1.01


def test_units_and_heads_stay_as_the_start_has_them(run_on: Runs) -> None:
    run = run_on("causal_lm", options={"start": "activation", "steps": 3})
    start = run.match("activation", *frames(run)).permutation
    found: Any = run.align(run.weights(0), run.weights(1))
    assert not start.is_identity
    assert found.permutation.changed == start.changed
    for group in start.changed:
        assert torch.equal(found.permutation.moves[group], start.moves[group])


def test_no_evaluated_split_is_opened(run_on: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_on("vit", options={"steps": 3})
    ends = frames(run)

    def refuse(self: Run, name: str) -> None:
        raise AssertionError(f"split {name!r} was opened")

    monkeypatch.setattr(Run, "split", refuse)
    assert run.match("learned", ends[0], ends[1], **SHORT).transform.changed


@pytest.mark.parametrize(
    ("key", "options", "settings", "told"),
    [
        ("vit", {"groups": "permutation"}, {}, "leaves nothing to learn"),
        ("mlp", {"scales": False}, {}, "finds no linear maps"),
        ("vit", {}, {"calib_size": 12}, "needs 20 calibration examples or more, not 12"),
    ],
)
def test_what_cannot_be_learned_is_told(
    key: str, options: dict[str, Any], settings: dict[str, Any], told: str, run_on: Runs
) -> None:
    run = run_on(key, options=options, **settings)
    with pytest.raises(LmctoolError, match=told):
        run.align(run.weights(0), run.weights(1))


def test_the_learning_rate_rises_for_a_tenth_and_falls_to_nothing() -> None:
    shares = [share(step, 100) for step in range(100)]
    assert shares[:3] == [0.1, 0.2, pytest.approx(0.3)]
    assert shares[9] == shares[10] == 1
    assert all(after < before for before, after in pairwise(shares[10:]))
    assert shares[55] == pytest.approx(0.5) and shares[99] < 1e-3
    assert share(0, 1) == 1
