"""EL2N scores: closed forms, invariances, loops, and whole runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from lmctool.curves.partition import partition
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Settings
from lmctool.results.file import read
from lmctool.results.result import Result
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.el2n import measure
from lmctool_plugins.analyses.el2n.kernel import check_classes, el2n, equal_splits
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from pathlib import Path

Scored = Callable[..., Result]


def loops(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the scores as the definition says them, one number after the other."""
    scores = []
    for row, target in zip(logits, targets, strict=True):
        total = sum(math.exp(value - max(row)) for value in row)
        shares = [math.exp(value - max(row)) / total for value in row]
        wanted = [float(number == target) for number in range(len(row))]
        scores.append(math.sqrt(sum((p - y) ** 2 for p, y in zip(shares, wanted, strict=True))))
    return np.array(scores)


def logits_of(seed: int, examples: int = 30, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random logits and targets."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(examples, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (examples,), generator=generator)


def test_scores_are_those_of_loops() -> None:
    logits, targets = logits_of(0)
    expected = loops(logits.numpy(), targets.numpy())
    np.testing.assert_allclose(el2n(logits, targets), expected, rtol=1e-12, atol=1e-15)


def test_a_certain_answer_scores_nothing_when_right_and_the_root_of_two_when_wrong() -> None:
    certain = torch.tensor([[1000.0, 0, 0], [1000.0, 0, 0]])
    scores = el2n(certain, torch.tensor([0, 1]))
    assert scores[0] == 0
    assert scores[1] == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_a_network_that_knows_nothing_has_the_closed_form(classes: int) -> None:
    share = 1 / classes
    expected = math.sqrt((1 - share) ** 2 + (classes - 1) * share**2)
    scores = el2n(torch.zeros(3, classes), torch.tensor([0, 1, classes - 1]))
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


@given(st.integers(0, 1000))
def test_scores_lie_between_zero_and_the_root_of_two(seed: int) -> None:
    scores = el2n(*logits_of(seed))
    assert (scores >= 0).all()
    assert (scores <= math.sqrt(2) + 1e-12).all()


def test_the_order_of_classes_and_a_constant_change_nothing() -> None:
    logits, targets = logits_of(1)
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = el2n(logits[:, order], torch.argsort(order)[targets])
    np.testing.assert_allclose(turned, el2n(logits, targets), rtol=1e-12, atol=1e-15)
    shifted = el2n(logits + torch.arange(30.0)[:, None], targets)
    np.testing.assert_allclose(shifted, el2n(logits, targets), rtol=1e-12, atol=1e-15)


def test_outputs_that_are_no_logits_of_the_classes_are_refused() -> None:
    with pytest.raises(LmctoolError, match=r"outputs of shape \(example, class\)"):
        el2n(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64))
    for check in (check_classes, el2n):
        with pytest.raises((LmctoolError, RuntimeError), match=r"classes 0 to 7, but|num_classes"):
            check(torch.zeros(2, 5), torch.tensor([0, 7]))


def test_data_of_more_classes_is_refused_in_a_sentence(tmp_path: Path) -> None:
    weights = trained("mlp", 0).items()
    fewer = {name: t[:5].clone() if "classifier" in name else t for name, t in weights}
    save_file(fewer, tmp_path / "five.safetensors")
    done = invoke(
        "el2n", tmp_path / "five.safetensors", "--data", "digits", "-o", tmp_path / "r.h5"
    )
    assert done.exit_code == 2
    assert "classes 0 to 9, but the model tells 5 apart" in done.stderr


@given(st.integers(4, 40), st.integers(2, 4))
def test_splits_differ_by_one_example_at_most_and_rise(examples: int, count: int) -> None:
    scores = np.random.default_rng(examples).random(examples)
    splits = equal_splits(scores, count)
    sizes = np.bincount(splits)[1:]
    assert len(sizes) == count
    assert sizes.max() - sizes.min() <= 1
    for split in range(1, count):
        assert scores[splits == split].max() <= scores[splits == split + 1].min()


def test_of_equal_scores_the_earlier_example_comes_first() -> None:
    assert equal_splits(np.array([1.0, 0, 0, 0, 0]), 2).tolist() == [2, 1, 1, 1, 2]


def test_more_splits_than_examples_are_refused() -> None:
    with pytest.raises(LmctoolError, match="3 examples cannot be divided into 4 splits"):
        equal_splits(np.zeros(3), 4)


@pytest.fixture
def scored(tmp_path: Path) -> Scored:
    """Score the digits by networks of these seeds."""

    def compute(
        *seeds: int, pair: tuple[int, int] | None = None, count: int = 4, **settings: object
    ) -> Result:
        every = [*seeds, *(pair or ())]
        paths = [
            save(tmp_path / f"{place}.safetensors", "mlp", trained("mlp", seed))
            for place, seed in enumerate(every)
        ]
        chosen: dict[str, object] = {"splits": ("train",), "dtype": "float64"} | settings
        asked = Settings(
            tuple(paths[: len(seeds)]),
            others=tuple(paths[len(seeds) :]),
            **chosen,  # type: ignore[arg-type]
        )
        run = Run("el2n", registry.load(ANALYSES, "el2n"), asked)
        places = None if pair is None else (len(seeds), len(seeds) + 1)
        return measure.measure(run, count, places)

    return compute


def score(result: Result) -> np.ndarray:
    """Return the score of each example."""
    return result.groups["el2n/examples"].variables["score"].values


def test_scores_are_averaged_over_checkpoints(scored: Scored) -> None:
    one, other, both = (score(scored(*seeds)) for seeds in ((0,), (1,), (0, 1)))
    np.testing.assert_allclose(both, (one + other) / 2, rtol=1e-12)


def test_the_batch_size_does_not_matter(scored: Scored) -> None:
    few, many = (score(scored(0, batch_size=size)) for size in (7, 1000))
    np.testing.assert_allclose(few, many, rtol=1e-9, atol=1e-12)


def test_parts_of_the_pair_by_their_sizes_are_the_whole(scored: Scored) -> None:
    groups = scored(0, pair=(0, 1), splits=("train", "test")).groups
    sizes = groups["el2n/splits"].variables["examples"].values
    for metric in ("loss", "error"):
        parts = groups["el2n/parts"].variables[metric].values
        whole = (parts * sizes).sum(axis=-1) / sizes.sum(axis=-1)
        np.testing.assert_allclose(whole, groups["el2n/whole"].variables[metric].values, rtol=1e-9)


def test_the_scoring_networks_err_more_on_harder_parts(scored: Scored) -> None:
    loss = scored(0, 1, pair=(0, 1)).groups["el2n/parts"].variables["loss"].values
    assert (np.diff(loss[:2, 0], axis=1) > 0).all()


def test_a_stored_result_divides_the_examples_of_a_later_run(
    tmp_path: Path, scored: Scored
) -> None:
    path = save(tmp_path / "net.safetensors", "mlp", trained("mlp", 0))
    done = invoke("el2n", path, "--splits", "3", "-o", tmp_path / "scores.h5", "--split", "test")
    assert done.exit_code == 0, done.output
    stored = read(tmp_path / "scores.h5")
    run = Run("el2n", registry.load(ANALYSES, "el2n"), Settings((path,), limit=50))
    split = run.split("test")
    parts = partition(split, "el2n", stored)
    assert parts.parts == ("1", "2", "3")
    again = measure.scored(run, split)
    wanted = stored.groups["el2n/examples"].variables
    np.testing.assert_allclose(again, wanted["score"].values[split.index], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(parts.members + 1, wanted["part"].values[split.index])


def test_a_pair_is_measured_from_the_command_line(tmp_path: Path) -> None:
    a, b, c = (save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in range(3))
    done = invoke(
        *("el2n", a, b, "--pair", b, c, "--align", "--repair", "--json", tmp_path / "r.json"),
        *("-o", tmp_path / "r.h5", "--limit", "200"),
    )
    assert done.exit_code == 0, done.output
    assert "mean of 2 checkpoints" in done.stdout
    metrics = json.loads((tmp_path / "r.json").read_text())["metrics"]
    whole = metrics["el2n.error[network=b,split=train]"]
    parts = [metrics[f"el2n.parts.error[network=b,split=train,part={n}]"] for n in range(1, 5)]
    assert whole == pytest.approx(np.mean(parts))
    assert "el2n.loss[network=align+repair,split=train]" in metrics
    assert (tmp_path / "r.png").stat().st_size > 5000


def test_networks_at_chance_may_score_too(tmp_path: Path) -> None:
    zeros = {name: torch.zeros_like(t) for name, t in trained("mlp", 0).items()}
    path = save(tmp_path / "zeros.safetensors", "mlp", zeros)
    done = invoke("el2n", path, "-o", tmp_path / "r.h5")
    assert done.exit_code == 0, done.output
    held = read(tmp_path / "r.h5").groups["el2n/examples"].variables["score"].values
    np.testing.assert_allclose(held, math.sqrt(0.9**2 + 9 * 0.1**2), rtol=1e-6)


def test_outputs_that_are_no_numbers_are_not_judged(scored: Scored) -> None:
    with pytest.raises(UnjudgedError, match=r"0\.safetensors' gives outputs that are no numbers"):
        scored(0, mean=(3e38,), std=(1e-3,), dtype="float32")


def test_a_path_without_a_pair_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "net.safetensors", "mlp", trained("mlp", 0))
    done = invoke("el2n", path, "--align", "-o", tmp_path / "r.h5")
    assert done.exit_code == 2
    assert "--align and --repair are for the pair of --pair A B" in done.stderr


def test_one_logit_scores_as_far_as_its_probability_is_from_the_class_times_the_root_of_two() -> (
    None
):
    logits, _ = logits_of(1)
    targets = torch.tensor([0, 1] * 15)
    scores = el2n(logits[:, 0], targets)
    torch.testing.assert_close(scores, math.sqrt(2) * (logits[:, 0].sigmoid() - targets).abs())
    both = torch.stack([torch.zeros(30), logits[:, 0]], dim=1)
    assert torch.equal(scores, el2n(both, targets))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("regression", "which task 'regression' does not tell"),
        ("multi-label", "which task 'multi-label' does not tell"),
        ("binary", "the binary task needs outputs of shape (example, 1) or (example,)"),
    ],
)
def test_a_task_without_a_class_for_each_example_is_refused(
    tmp_path: Path, task: str, said: str
) -> None:
    path = save(tmp_path / "net.safetensors", "mlp", trained("mlp", 0))
    done = invoke("el2n", path, "--task", task, "--limit", "20", "-o", tmp_path / "r.h5")
    assert done.exit_code == 2
    assert said in done.stderr
