"""A model that waits for the device: refused in a sentence, and the process stays sound."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.gpu.setting import Found, refused, tried
from benchmarks.gpu.subject import images, scores
from lmctool.data.opening import open_split
from lmctool.evaluate import Network
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.strategy import chosen
from lmctool.graph.capture import capture
from lmctool.plugin.data_records import Dataset, Examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Setting
    from lmctool.data.split import Split
    from lmctool.evaluate.strategy import Word

ROUNDS = 3
PIXELS = 28 * 28


class Waiting(nn.Module):
    """Branches on a value, which Python must fetch from the device."""

    def __init__(self) -> None:
        """Make its one layer."""
        super().__init__()
        self.head = nn.Linear(PIXELS, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return ten outputs."""
        outputs: Tensor = self.head(x.flatten(1))
        return outputs if outputs.sum().item() > 0 else 2 * outputs


def measure(setting: Setting) -> Iterator[Found]:
    """Evaluate it by each word, and look at what is left behind."""
    module = Waiting().eval().requires_grad_(False).to(setting.device)
    example = torch.zeros(2, 1, 28, 28, device=setting.device)
    own = Network(module, lambda: capture(module, example))
    split = images(1000, setting.device)
    before = _stream(setting)
    if setting.on_gpu:
        yield refused("--strategy graphs", partial(_captured, own, split), "no error")
    for word in ("plain", "auto"):
        yield from tried(word, partial(_evaluated, setting, own, split, word))
    same = _stream(setting) == before
    yield Found("the current stream is as it was", str(same), passed=same, expected="True")
    yield from tried("memory", partial(_memory, setting, own))


def _stream(setting: Setting) -> object:
    return torch.cuda.current_stream(setting.device) if setting.on_gpu else None


def _captured(own: Network, split: Split) -> None:
    with computing("float32", split.targets.device):
        strategy = chosen("graphs", own, split.head(2, torch.float32))
    scores(strategy, [dict(own.module.state_dict())], split)


def _evaluated(setting: Setting, own: Network, split: Split, word: Word) -> Iterator[Found]:
    with computing("float32", setting.device):
        strategy = chosen(word, own, split.head(2, torch.float32))
    loss = float(scores(strategy, [dict(own.module.state_dict())], split).loss[0, 0])
    with torch.no_grad():
        outputs = own.module(split.head(len(split), torch.float32))
        expected = float(nn.functional.cross_entropy(outputs, split.targets))
    good = abs(loss - expected) <= 0.1 * expected  # each batch has its own branch
    yield Found(f"{word}: loss ({strategy})", loss, "nat", good, f"about {expected:.4f}")


def _memory(setting: Setting, own: Network) -> Iterator[Found]:
    """Tell whether memory grows from one pass over streamed inputs to the next."""
    generator = np.random.default_rng(0)
    inputs = generator.integers(256, size=(4096, 1, 28, 28), dtype=np.uint8)
    examples = Examples(inputs, generator.integers(10, size=4096))
    dataset = Dataset({"test": lambda: examples}, "here", 10, 1 / 255)
    split = open_split(dataset, "test", limit=None, seed=0, device=setting.device)
    if setting.on_gpu:  # as where there is no room for them
        object.__setattr__(split, "inputs", split.inputs[:].cpu().pin_memory())
    with computing("float32", setting.device):
        strategy = chosen("plain", own, split.head(2, torch.float32))
    held = []
    for _ in range(ROUNDS):
        scores(strategy, [dict(own.module.state_dict())], split, size=256)
        held.append(torch.cuda.memory_reserved(setting.device) if setting.on_gpu else 0)
    text = ", ".join(f"{size / 1e6:.1f}" for size in held)
    yield Found("reserved after each round of prefetch, MB", text, "", held[-1] <= held[0], "equal")
