"""What is said of a model that cannot take its inputs, with torch's own errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lmctool.evaluate.misfit import misfit


@pytest.mark.parametrize(
    ("module", "inputs", "said"),
    [
        (nn.Linear(6, 2), torch.ones(4, 6, dtype=torch.int64), "int64 is for token ids: store mea"),
        (nn.Conv2d(1, 2, 3), torch.ones(4, 1, 5, 5, dtype=torch.int64), "int64 is for token ids"),
        (nn.Embedding(6, 2), torch.ones(4, 6), "it takes token ids: store them as int64"),
        (nn.Linear(6, 2), torch.ones(4, 5), "is it trained on other data?"),
        (nn.Embedding(6, 2), torch.full((4, 5), 9), "is it trained on other data?"),
    ],
    ids=["table", "images", "token ids as floats", "another width", "another vocabulary"],
)
def test_the_sentence_says_what_to_do(module: nn.Module, inputs: Tensor, said: str) -> None:
    with pytest.raises((RuntimeError, IndexError)) as caught:
        module(inputs)
    told = misfit((inputs,), "test", caught.value)
    assert told.startswith("the model cannot take the inputs of split 'test', ")
    assert said in told
