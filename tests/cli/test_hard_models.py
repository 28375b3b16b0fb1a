"""Models that are hard to follow: what is done with each, and what is said where nothing can be.

The table in docs/checkpoints.md says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

# torch warns of what it calls old, in its own code too
pytestmark = pytest.mark.filterwarnings("ignore")

MODELS = """
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, function=torch.relu, take=lambda x: x, give=lambda y: y):
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)
        self.function, self.take, self.give = function, take, give

    def forward(self, x):
        return self.give(self.b(self.function(self.a(self.take(x)))))


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clamp(min=0)


def halved(x):
    while x.abs().max() > 1:
        x = x / 2
    return x


def each(x):
    return torch.stack([row.relu() if row.sum() > 0 else row.tanh() for row in x])


by_numpy = lambda: Net(lambda x: torch.from_numpy(np.maximum(x.numpy(), 0)))
by_example = lambda: Net(each)
until = lambda: Net(halved)
sparse = lambda: Net(lambda x: x.relu().to_sparse().to_dense())
own_function = lambda: Net(Clamp.apply)
parallel = lambda: nn.DataParallel(Net())
compiled = lambda: torch.compile(Net())

scripted = lambda: torch.jit.trace(Net(), torch.zeros(2, 6))

nested = lambda: Net(lambda x: torch.nested.nested_tensor([*x]).to_padded_tensor(0.0))
of_a_list = lambda: Net(take=torch.stack)
of_a_dict = lambda: Net(take=lambda x: x["pixels"])
to_numpy = lambda: Net(give=lambda y: y.numpy())
to_function = lambda: Net(give=lambda y: lambda: y)


def lazy():
    net = Net()
    net.a = nn.LazyLinear(8)
    return net
"""


def align(folder: Path, name: str) -> tuple[int, str]:
    (folder / "models.py").write_text(MODELS)
    for file, seed in (("a", 1), ("b", 2)):
        torch.manual_seed(seed)
        net = nn.ModuleDict({"a": nn.Linear(6, 8), "b": nn.Linear(8, 3)})
        save_file(net.state_dict(), folder / f"{file}.safetensors")
    files = [folder / "a.safetensors", folder / "b.safetensors"]
    model = ("--model", f"{folder / 'models.py'}:{name}", "--input", "4x6")
    done = invoke("align", *files, "--aligner", "random", *model, "-o", folder / "aligned.h5")
    return done.exit_code, done.output


@pytest.mark.parametrize("name", ["by_example", "own_function", "parallel", "compiled"])
def test_a_model_that_torch_export_may_not_follow_is_followed(tmp_path: Path, name: str) -> None:
    code, said = align(tmp_path, name)
    assert code == 0, said
    assert "of 8 units moved" in said


@pytest.mark.parametrize("name", ["by_numpy", "until", "sparse"])
def test_where_an_operation_has_no_rule_no_unit_moves(tmp_path: Path, name: str) -> None:
    code, said = align(tmp_path, name)
    assert code == 0, said
    assert "none of the 8 hidden units may move, so nothing was aligned" in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("scripted", "returned a TorchScript program, whose parts cannot be followed"),
        ("lazy", "returned a model with lazy layers, whose sizes are open"),
        ("nested", "the model cannot be traced, by torch.export: "),
        ("of_a_list", "the model cannot be traced, by torch.export: stack(): argument 'tensors'"),
        ("of_a_dict", "the model cannot be traced, by torch.export: "),
        ("to_numpy", "the model returns 'ndarray', in which no tensors can be looked for"),
        ("to_function", "the model returns 'function', in which no tensors can be looked for"),
    ],
)
def test_a_model_that_cannot_be_followed_is_told_why(
    tmp_path: Path, name: str, sentence: str
) -> None:
    code, said = align(tmp_path, name)
    assert code == 2
    assert sentence in said
    assert not (tmp_path / "aligned.safetensors").exists()
