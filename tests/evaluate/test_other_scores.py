"""Scores beside loss and error come of the same pass, whatever batches and memory there are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError, PluginError
from lmctool.evaluate import Network, evaluate, other_scores
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.other_scores import kept_of
from lmctool.evaluate.verified import Disproved
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.named_scores import named_scores
from lmctool.plugin.records import Score
from lmctool.results.journal import Journal
from lmctool.results.score_metric import STANDARD, ScoreMetric
from tests.emulated_gpu.waits import pretended_gpu
from tests.evaluate.pairs import examples
from tests.evaluate.test_engine import module, network, split

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from lmctool.evaluate.functional import Outputs
    from lmctool.evaluate.scores import Scores

TASK = registry.load(TASKS, "classification")
OTHERS = named_scores(["auc", "ece", "balanced_error"])
NAMES = [score.metric.name for score in OTHERS]


def networks() -> list[dict[str, Tensor]]:
    return [{k: v * s for k, v in module().state_dict().items()} for s in (1, 2)]


def measured(size: BatchSize, forward: Any = None, **told: Any) -> Scores:
    told = {"dtype": torch.float64, "batch_size": size, "others": OTHERS, **told}
    return evaluate(forward or network(), networks(), [split(), split(9)], TASK, **told)


def alone(number: int, examples: int) -> dict[str, float]:
    """Return the scores of one network on all examples at once."""
    ((inputs, targets),) = split(examples).batches(examples, torch.float64)
    with torch.no_grad():
        answers = network()(networks()[number])(inputs)
    return {
        score.metric.name: float(score.of_split(score.of_batch(answers, targets)))
        for score in OTHERS
    }


@pytest.mark.parametrize("size", [1, 7, 23])
def test_scores_stand_beside_loss_and_error_whatever_the_batches(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.evaluate.engine.GATHERED", 1)  # each batch by itself
    scores = measured(BatchSize(size), per_example=True)
    assert scores.metrics == (*STANDARD, *(score.metric for score in OTHERS))
    for place, count in enumerate((23, 9)):
        for number in (0, 1):
            for name, value in alone(number, count).items():
                assert scores.more[name][place, number] == pytest.approx(value, rel=1e-6)


def test_loss_and_error_are_to_the_bit_what_they_are_without_other_scores() -> None:
    with_others, plain = measured(BatchSize(7)), measured(BatchSize(7), others=())
    np.testing.assert_array_equal(with_others.loss, plain.loss)
    np.testing.assert_array_equal(with_others.error, plain.error)
    assert (plain.more, plain.metrics) == ({}, STANDARD)


def test_memory_that_runs_out_counts_no_batch_twice() -> None:
    inner, calls = network(), iter(range(99))

    def small(weights: Mapping[str, Tensor]) -> Outputs:
        def outputs(inputs: Tensor) -> Tensor:
            if next(calls) == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return inner(weights)(inputs)

        return outputs

    scores = measured(BatchSize(None, automatic=8), small)
    assert scores.more["auc"][0, 0] == pytest.approx(alone(0, 23)["auc"], rel=1e-12)


def test_a_network_that_is_computed_anew_counts_once() -> None:
    inner, calls = network(), iter(range(99))

    def wrong_once(weights: Mapping[str, Tensor]) -> Outputs:
        def outputs(inputs: Tensor) -> Tensor:
            if next(calls) == 2:
                raise Disproved
            return inner(weights)(inputs)

        return outputs

    scores = measured(BatchSize(7), wrong_once)
    assert scores.more["ece"][0, 0] == pytest.approx(alone(0, 23)["ece"], rel=1e-6)


def test_what_was_measured_is_known_again_where_the_same_scores_are_asked_for(
    tmp_path: Path,
) -> None:
    def kept(others: tuple[Score, ...]) -> Scores:
        names = [score.metric.name for score in others]
        with Journal(tmp_path).entries("evaluate", names) as entries:
            return measured(BatchSize(7), entries=entries, others=others, per_example=True)

    first, again = kept(OTHERS), kept(OTHERS)
    for name in NAMES:
        np.testing.assert_array_equal(first.more[name], again.more[name])
    assert kept(OTHERS[:1]).more.keys() == {"auc"}


def test_a_gpu_is_waited_for_once_for_each_network_and_never_after_a_batch() -> None:
    others = named_scores(["ece", "balanced_error", "miou"])
    net, data = module(), examples((6,))
    forward = Network(net, lambda: pytest.fail("no graph is needed"))
    told: dict[str, Any] = {
        "dtype": torch.float64, "batch_size": BatchSize(4), "others": others
    }  # fmt: skip
    here = evaluate(forward, networks(), [data], TASK, **told)
    with pretended_gpu() as gpu:
        parts = {part: getattr(data, part).to("cuda") for part in ("inputs", "targets")}
        there = replace(data, _cached={}, _checked=set(), **parts)
        moved = [{k: v.to("cuda") for k, v in each.items()} for each in networks()]
        evaluate(forward, moved, [there], TASK, **told)
        gpu.waits.clear()
        scores = evaluate(forward, moved, [there], TASK, **told)
        assert [wait.rpartition(":")[0] for wait in gpu.waits] == [
            "aten._to_copy.default at lmctool/evaluate/measured.py"
        ]
    for name, values in here.more.items():
        np.testing.assert_array_equal(scores.more[name], values)


def test_a_task_without_classes_has_no_such_score() -> None:
    with pytest.raises(LmctoolError, match="--score auc judges answers of classes, and the task"):
        evaluate(
            network(), networks(), [split()], replace(TASK, answers=None), dtype=torch.float64,
            batch_size=BatchSize(7), others=OTHERS,
        )  # fmt: skip


def test_what_is_too_much_to_keep_is_told_at_the_first_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each = 3 * 2 * 8  # a score and a flag of three classes
    monkeypatch.setattr(other_scores, "MOST_KEPT", 23 * each)
    measured(BatchSize(7))
    monkeypatch.setattr(other_scores, "MOST_KEPT", 23 * each - 1)
    with pytest.raises(LmctoolError, match=r"keeps 1.03e-06 GiB of the split; try --limit"):
        measured(BatchSize(7))


def total(answers: Tensor, _: Tensor) -> Tensor:
    return answers.double().sum()


@pytest.mark.parametrize(
    ("of_batch", "of_split", "told"),
    [
        (total, lambda kept: kept.expand(3), r"gave an array of shape \(3,\) where one number"),
        (total, float, "gave float where a float64 tensor is due"),
        (lambda answers, _: answers.sum(), total, "gave float32 where a float64 tensor is due"),
        (
            lambda answers, _: answers[:, 0].double(),
            lambda kept: kept.mean(),
            r"keeps of batches what has the shapes \(1,\), \(2,\); add up their items, or list",
        ),
    ],
)
def test_a_score_that_gives_something_else_names_itself(
    of_batch: Any, of_split: Any, told: str
) -> None:
    metric = ScoreMetric("mine", "1", "mine", "{}", "lower", 0, 1, share=False)
    score = Score(metric, of_batch, of_split)
    answers, right = torch.ones(3, 4), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(PluginError, match=f"score 'mine' {told}"):
        other_scores.of_split(
            score,
            [
                kept
                for part in (slice(2), slice(2, None))
                for kept in kept_of(answers[part], right[part], TASK, [score], 3)
            ],
        )


def test_what_somebody_elses_score_raises_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> Tensor:
        raise KeyError("gone")

    metric = ScoreMetric("mine", "1", "mine", "{}", "lower", 0, 1, share=False)
    monkeypatch.setattr(registry, "load", lambda *_: Score(metric, failing, failing))
    monkeypatch.setattr(registry, "find", lambda *_: None)
    monkeypatch.setattr(registry, "owner", lambda _: "theirs")
    (score,) = named_scores(["mine"])
    with pytest.raises(PluginError, match="score 'mine' failed: KeyError: 'gone'"):
        score.of_batch(torch.ones(1, 2), torch.zeros(1))
