"""What networks put out at their layers, example by example, as `run.activations` yields it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from lmctool.testing import tiny_run
from lmctool.testing.small_networks import named
from tests.run.test_activations import hooked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from lmctool.run.run import Run

SOURCE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(64, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.patch(x.flatten(2))
        return self.head(x + self.attention(x, x, x, need_weights=False)[0]).{end}


def attention():
    return Net()
"""
ENDS = {"logits": "mean(1)", "one number an example": "mean((1, 2))"}


def of_code(folder: Path, end: str, **settings: Any) -> Run:
    """Return a run on two networks of torch's own attention, which puts tokens before examples."""
    code = folder / "net.py"
    code.write_text(SOURCE.replace("{end}", ENDS[end]))
    scope: dict[str, Any] = {}
    exec(code.read_text(), scope)
    paths = []
    for seed in range(2):
        torch.manual_seed(seed)
        paths.append(folder / f"{seed}.safetensors")
        save_file(scope["attention"]().state_dict(), paths[-1])
    (network,) = named(["vit"])
    return tiny_run(
        folder,
        checkpoints=tuple(paths),
        model=f"{code}:attention",
        data=network.data,
        dtype="float64",
        **settings,
    )


def shown(run: Run, size: int, count: int = 2) -> list[Mapping[str, Tensor]]:
    """Return what networks put out, over all examples."""
    targets, split = run.resources.layer_outputs(), run.splits[0]
    networks = [run.weights(index) for index in range(count)]
    batches = [[*batch] for batch in run.activations(networks, targets, split, size)]
    return [
        {each.tap: torch.cat([batch[n][each.tap] for batch in batches]) for each in targets}
        for n in range(count)
    ]


def check(run: Run) -> None:
    """Check that what an example shows does not depend on those that it is shown with."""
    together, apart = shown(run, 100), shown(run, 3)
    for target in run.resources.layer_outputs():
        for several, single in zip(together, apart, strict=True):
            values = several[target.tap]
            assert values.shape[0] == len(run.splits[0])
            assert values.shape[2] == target.channels
            torch.testing.assert_close(values, single[target.tap], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("key", ["mlp", "resnet", "vit", "causal_lm"])
def test_an_example_shows_the_same_in_every_batch(key: str) -> None:
    (network,) = named([key])
    with network.run(dtype="float64", limit=9) as run:
        check(run)
        names = [target.name for target in run.resources.layer_outputs()]
    assert names[-1] == ("5" if key == "mlp" else "head")


def test_tokens_that_lie_before_the_examples_are_told_from_them(tmp_path: Path) -> None:
    run = of_code(tmp_path, "logits", limit=9)  # in batches of 3, which are as many as tokens
    check(run)
    found = {target.name: target for target in run.resources.layer_outputs()}
    layouts = run.resources.example_layouts
    assert layouts[found["attention.out_proj"].tap].together is False
    assert found["output"].kind == "output"


def test_a_model_of_one_number_an_example_has_one_channel(tmp_path: Path) -> None:
    run = of_code(tmp_path, "one number an example", limit=9)
    last = run.resources.layer_outputs()[-1]
    assert (last.name, last.channels) == ("output", 1)
    assert shown(run, 4, 1)[0][last.tap].shape == (9, 1, 1)


def test_layers_show_what_hooks_of_the_module_see() -> None:
    (network,) = named(["resnet"])
    with network.run(dtype="float64", splits=("train",), calib_size=30, limit=30) as run:
        (found,) = shown(run, 7, 1)
        for target in run.resources.layer_outputs():
            if target.kind == "layer":
                expected = hooked(run, target.name, 1).T
                torch.testing.assert_close(found[target.tap].flatten(0, 1), expected)


def test_corrections_that_weights_carry_are_seen() -> None:
    (network,) = named(["mlp"])
    with network.run(dtype="float64", limit=9) as run:
        target, weights, split = run.resources.layer_outputs()[0], run.weights(0), run.splits[0]
        scale, shift = torch.linspace(0.5, 2, 8).double(), torch.linspace(-1, 1, 8).double()
        entries = {f"@{target.tap}.scale": scale, f"@{target.tap}.shift": shift}
        (batch,) = run.activations([weights, {**weights, **entries}], [target], split, 9)
        plain, corrected = (each[target.tap] for each in batch)
    torch.testing.assert_close(corrected, plain * scale + shift)
