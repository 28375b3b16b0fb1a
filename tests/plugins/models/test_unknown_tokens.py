"""Tokens that a language model of transformers does not know, and who looks for them when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.model.tied import once
from lmctool.plugin.data_records import Dataset, Examples
from lmctool.plugin.settings import Settings
from lmctool.run.splits import Splits
from tests.emulated_gpu.waits import pretended_gpu

if TYPE_CHECKING:
    from torch import nn

SIZES: dict[str, Any] = {
    "n_embd": 8,
    "n_head": 2,
    "n_layer": 1,
    "n_positions": 12,
    "vocab_size": 23,
}
IDS = torch.randint(3, 23, (3, 11), generator=torch.Generator().manual_seed(0))
# the library warns of what its own next version will change
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def gpt2() -> nn.Module:
    """Return a small language model, or skip."""
    pytest.importorskip(
        "transformers", reason="transformers is not installed", exc_type=ImportError
    )
    from lmctool_plugins.models.transformers import build

    return build("transformers:GPT2LMHeadModel", **SIZES).eval()


def test_tokens_of_a_split_are_refused_before_any_batch(gpt2: nn.Module) -> None:
    tokens = np.array([[1, 2], [3, 23]])
    dataset = Dataset({"test": lambda: Examples(tokens, tokens)}, "here", 0, task="causal-lm")
    data: Any = SimpleNamespace(dataset=dataset)
    splits = Splits("any", data, Settings(()), torch.device("cpu"), gpt2)
    for _ in range(2):
        with pytest.raises(LmctoolError, match="token 23 but the model knows 23 tokens"):
            splits.open("test", None)


def test_a_gpu_is_not_waited_for_to_look_at_each_batch(gpt2: nn.Module) -> None:
    check: Any = gpt2.check_inputs
    with pretended_gpu() as gpu, torch.no_grad():
        with pytest.raises(LmctoolError, match="token 23 but the model knows"):
            check(torch.tensor([[3, 23]]).to("cuda"))
        tensors = once(gpt2.state_dict(), gpt2)
        weights = {name: tensor.to("cuda") for name, tensor in tensors.items()}
        ids = IDS.to("cuda")
        gpu.waits.clear()
        outputs = torch.func.functional_call(gpt2, weights, (ids,))
        # the library itself asks whether sequences are packed, which is a truth value
        assert {wait.partition(" ")[0] for wait in gpu.waits} <= {"__bool__"}
        torch.testing.assert_close(outputs.cpu(), gpt2(IDS))
