"""Means by the weight of each example: tokens count, sequences don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool.data.split import Split
from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError
from lmctool.evaluate import evaluate
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.plugin.records import Task
from lmctool_plugins.tasks import causal_lm, classification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.evaluate import Scores
    from lmctool.evaluate.functional import Outputs

TASK = Task(causal_lm.score, causal_lm.chance, causal_lm.weight)
TOKENS = 5


def split(lengths: tuple[int, ...]) -> Split:
    """Return sequences of eight ids of which so many targets count."""
    ids = torch.randint(
        TOKENS, (len(lengths), 8), generator=torch.Generator().manual_seed(len(lengths))
    )
    hidden = torch.arange(8) >= torch.tensor(lengths)[:, None]
    targets = ids.roll(-1, dims=1).masked_fill(hidden, IGNORE_INDEX)
    return Split("test", ids, targets, np.arange(len(ids)), len(ids), "", 1.0, (), (), TOKENS)


def forward(weights: Mapping[str, Tensor]) -> Outputs:
    """Return what gives the logits of a bigram model."""
    return lambda inputs: weights["table"][inputs]


def table(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {"table": torch.randn(TOKENS, TOKENS, generator=generator, dtype=torch.float64)}


def scores(data: Split, size: int = 2, per_example: bool = False) -> Scores:
    return evaluate(
        forward, [table(0), table(1)], [data], TASK, dtype=torch.float64,
        batch_size=BatchSize(size), per_example=per_example,
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_mean_is_that_of_all_tokens_alike_whatever_the_batches(size: int) -> None:
    data = split((8, 1, 3, 0, 5))
    counted = data.targets != IGNORE_INDEX
    got = scores(data, size)
    for number in range(2):
        logits = forward(table(number))(data.inputs[:])[counted]
        losses, errors = classification.score(logits, data.targets[counted])
        assert got.loss[0, number] == pytest.approx(float(losses.mean()), rel=1e-13)
        assert got.error[0, number] == pytest.approx(float(errors.mean()), rel=1e-13)


def test_values_of_each_example_come_with_their_weights() -> None:
    got = scores(split((8, 1, 3, 0, 5)), per_example=True)
    assert got.weights["test"].tolist() == [8, 1, 3, 0, 5]
    assert got.losses["test"].shape == (2, 5)
    means = np.average(got.losses["test"], axis=1, weights=got.weights["test"])
    np.testing.assert_allclose(means, got.loss[0], rtol=1e-14)


def test_an_example_without_tokens_weighs_nothing() -> None:
    whole, less = split((8, 0, 3)), split((8, 0, 3))
    kept = torch.tensor([0, 2])
    less = Split(
        "test", whole.inputs[kept], whole.targets[kept], np.arange(2), 2, "", 1.0, (), (), TOKENS
    )
    np.testing.assert_allclose(scores(whole).loss, scores(less).loss, rtol=1e-14)


def test_a_split_without_any_token_is_refused() -> None:
    with pytest.raises(LmctoolError, match="split 'test' has no target that counts"):
        scores(split((0, 0)))


def test_without_weights_the_mean_is_torchs_own_to_the_last_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(TOKENS, (101,), generator=generator)
    targets = torch.randint(TOKENS, (101,), generator=generator)
    data = Split("test", inputs, targets, np.arange(101), 101, "", 1.0, (), (), TOKENS)
    task = Task(classification.score, majority_error)
    size = BatchSize(101)
    got = evaluate(forward, [table(0)], [data], task, dtype=torch.float64, batch_size=size)
    losses, errors = classification.score(forward(table(0))(inputs), targets)
    assert got.loss.item() == losses.mean().item()
    assert got.error.item() == errors.mean().item()
    assert got.weights == {}
