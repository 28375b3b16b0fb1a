"""Every built-in score, against loops in float64, and what must not change it."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.other_scores import of_split
from lmctool.plugin import registry
from lmctool.plugin.kinds import SCORES

if TYPE_CHECKING:
    from lmctool.plugin.records import Score

NAMES = ("auc", "balanced_error", "ece", "miou", "top5")
CLASSES, ITEMS = 8, 61
"""Items that neither 7 nor 2 divides."""


def load(name: str) -> Score:
    return registry.load(SCORES, name)


def value(name: str, answers: Tensor, right: Tensor, size: int = ITEMS) -> float:
    """Return a score as an evaluation does, from batches."""
    score = load(name)
    batches = zip(torch.split(answers, size), torch.split(right, size), strict=True)
    return float(of_split(score, [score.of_batch(*batch) for batch in batches]))


def classes(dtype: torch.dtype = torch.float32, *, ties: bool = False) -> tuple[Tensor, Tensor]:
    """Return logits, equal ones in an item and in several if asked, and classes that all occur."""
    generator = torch.Generator().manual_seed(0)
    right = torch.randint(CLASSES, (ITEMS,), generator=generator)
    right[:CLASSES] = torch.arange(CLASSES)
    logits = 2 * torch.randn(ITEMS, CLASSES, generator=generator, dtype=dtype)
    logits += 2 * torch.nn.functional.one_hot(right, CLASSES)
    if ties:
        logits[-3:], logits[20:30, 3] = logits[-4].clone(), logits[20:30, 5].clone()
    return logits, right


def labels() -> tuple[Tensor, Tensor]:
    """Return logits of labels, and labels of which some don't count."""
    logits, right = classes()
    own = (torch.nn.functional.one_hot(right, CLASSES) == 1) | (logits > 3)
    return logits, own.long().masked_fill(torch.arange(ITEMS)[:, None] % 5 == 3, -100)


def of_pairs(scores: list[float], has: list[bool]) -> float:
    """Return how often an item with a class has the greater score, over all pairs."""
    own = [score for score, one in zip(scores, has, strict=True) if one]
    others = [score for score, one in zip(scores, has, strict=True) if not one]
    return float(np.mean([(a > b) + (a == b) / 2 for a, b in product(own, others)]))


def reference(name: str, answers: Tensor, right: Tensor) -> float:
    """Return a score by loops over items and classes, in float64."""
    logits, targets = answers.double().numpy(), right.tolist()
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    answered = [int(np.argmax(row)) for row in logits]
    each = range(CLASSES)
    if name == "top5":
        wrong = [
            target not in sorted(each, key=lambda c: (-row[c], c))[:5]
            for row, target in zip(logits, targets, strict=True)
        ]
        return float(np.mean(wrong))
    if name == "auc":
        return float(np.mean([of_pairs(shares[:, c], [t == c for t in targets]) for c in each]))
    if name == "balanced_error":
        own = [[a != c for a, t in zip(answered, targets, strict=True) if t == c] for c in each]
        return float(np.mean([np.mean(wrong) for wrong in own]))
    if name == "miou":
        pairs = list(zip(answered, targets, strict=True))
        both = [sum(a == t == c for a, t in pairs) for c in each]
        either = [sum(c in pair for pair in pairs) for c in each]
        return float(np.mean([b / e for b, e in zip(both, either, strict=True) if e]))
    total = 0.0
    for low, high in zip(np.arange(15) / 15, (np.arange(15) + 1) / 15, strict=True):
        places = [n for n, row in enumerate(shares) if low <= max(row) < high]
        confidence = sum(max(shares[n]) for n in places)
        total += abs(confidence - sum(answered[n] == targets[n] for n in places))
    return total / len(targets)


def test_every_score_is_here_and_has_the_name_of_its_word() -> None:
    assert set(NAMES) == {
        entry.name for entry in registry.installed(SCORES) if "lmctool_plugins" in entry.value
    }
    assert all(load(name).metric.name == name for name in NAMES)


@pytest.mark.parametrize("size", [1, 7, ITEMS])
@pytest.mark.parametrize("name", NAMES)
def test_a_score_of_classes_is_that_of_loops(name: str, size: int) -> None:
    answers, right = classes(ties=True)
    got = value(name, answers, right, size)
    assert got == pytest.approx(reference(name, answers, right), abs=1e-6)
    assert 0.02 < got < 0.98


@pytest.mark.parametrize("size", [1, 7, ITEMS])
def test_the_auc_of_labels_is_that_of_loops_over_the_labels_that_count(
    size: int,
) -> None:
    answers, right = labels()
    got = value("auc", answers, right, size)
    by_loops = [
        of_pairs(own[has != -100].tolist(), (has[has != -100] == 1).tolist())
        for own, has in zip(answers.T, right.T, strict=True)
    ]
    assert got == pytest.approx(float(np.mean(by_loops)), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_items_and_the_constant_of_their_logits_change_nothing(name: str) -> None:
    answers, right = classes(dtype=torch.float64)
    order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(1))
    moved = answers[order] + torch.linspace(-3, 3, ITEMS)[:, None]
    assert value(name, moved, right[order], 7) == pytest.approx(
        value(name, answers, right), rel=1e-7
    )


@pytest.mark.parametrize("name", ["auc", "balanced_error", "miou"])
def test_classes_have_no_order(name: str) -> None:
    answers, right = classes(dtype=torch.float64)
    order = torch.randperm(CLASSES, generator=torch.Generator().manual_seed(1))
    assert value(name, answers[:, order], order.argsort()[right]) == pytest.approx(
        value(name, answers, right), rel=1e-12
    )


@pytest.mark.parametrize(("name", "best"), [(n, load(n).metric.better == "higher") for n in NAMES])
def test_certain_answers_that_are_right_have_the_best_score(name: str, best: bool) -> None:
    _, right = classes()
    assert value(name, 99.0 * torch.nn.functional.one_hot(right, CLASSES), right) == best


def test_equal_logits_tell_nothing() -> None:
    right = torch.arange(12) % 6
    flat = torch.zeros(12, 6)
    assert value("auc", flat, right) == 0.5
    assert value("top5", flat, right) == pytest.approx(1 / 6)  # the last class is the sixth
    assert value("balanced_error", flat, right) == pytest.approx(5 / 6)
    assert value("ece", flat, right) == pytest.approx(0, abs=1e-7)


def test_logits_that_a_probability_does_not_tell_apart_are_ordered_all_the_same() -> None:
    assert value("auc", torch.tensor([40.0, 41.0, 39.0]), torch.tensor([0, 1, 0])) == 1


def test_a_rare_class_counts_as_much_as_a_frequent_one() -> None:
    logits = torch.tensor([-1.0, -2.0, -3.0, 4.0, -1.0])
    assert value("balanced_error", logits, torch.tensor([0, 0, 0, 1, 1])) == 0.25


def test_classes_that_do_not_occur_count_for_nothing() -> None:
    answers, right = classes()
    wider = torch.cat([answers, torch.full((ITEMS, 2), -1e4)], dim=1)
    for name in ("auc", "balanced_error", "miou"):
        assert value(name, wider, right) == pytest.approx(value(name, answers, right), rel=1e-6)


@pytest.mark.parametrize("name", ["balanced_error", "miou", "top5"])
def test_a_logit_that_is_not_a_number_is_no_right_answer(name: str) -> None:
    answers, right = classes()
    answers[3:5] = 99.0 * torch.nn.functional.one_hot(right[3:5], CLASSES)
    before = value(name, answers, right)
    answers[3, right[3]] = answers[4, right[4] - 1] = math.nan
    worse = 1 if load(name).metric.better == "lower" else -1
    assert worse * value(name, answers, right) > worse * before


@pytest.mark.parametrize("name", ["auc", "ece"])
def test_a_logit_that_is_not_a_number_has_no_probability(name: str) -> None:
    answers, right = classes()
    answers[3, right[3]] = math.nan
    assert math.isnan(value(name, answers, right))


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_judged_in_more(name: str) -> None:
    answers, right = classes()
    half = answers.bfloat16()
    assert value(name, half, right) == value(name, half.float(), right)
    if name != "top5":
        one, own = half[:, 0], (right > 3).long()
        assert value(name, one, own) == value(name, one.float(), own)


def test_fewer_than_six_classes_have_no_top_five() -> None:
    with pytest.raises(LmctoolError, match="six classes or more, and the model tells 5 apart"):
        value("top5", torch.zeros(3, 5), torch.tensor([0, 1, 4]))


@pytest.mark.parametrize("name", ["balanced_error", "ece", "miou", "top5"])
def test_labels_have_no_score_that_is_of_one_class_each(name: str) -> None:
    with pytest.raises(LmctoolError, match=f"--score {name} judges answers of one class"):
        value(name, *labels())


def test_answers_of_one_class_alone_have_no_auc() -> None:
    with pytest.raises(LmctoolError, match="of one class alone; see --split and --limit"):
        value("auc", torch.randn(9), torch.ones(9, dtype=torch.int64))
