"""Pairs of checkpoints for the tests of the built-in plugins."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lmctool.config import Config
from lmctool.data.opening import open_split
from lmctool.data.resolve import resolve_data
from lmctool.plugin import kinds, registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.run.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lmctool.data.split import Split

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("mlp", {"inputs": 64, "width": 16, "depth": 2}),
    "mlp-batch": ("mlp", {"inputs": 64, "width": 16, "depth": 2, "norm": "batch"}),
    "mlp-layer": ("mlp", {"inputs": 64, "width": 16, "depth": 2, "norm": "layer"}),
    "vgg": ("vgg11", {"channels": 1, "width": 4, "size": 8}),
    "vgg-batch": ("vgg11_bn", {"channels": 1, "width": 4, "size": 8}),
    "resnet-batch": ("resnet20", {"channels": 1}),
    "resnet-batch-A": ("resnet20", {"channels": 1, "shortcut": "A"}),
    "resnet-layer": ("resnet20", {"channels": 1, "norm": "layer"}),
    "resnet-fixup": ("resnet20", {"channels": 1, "norm": "fixup", "shortcut": "A"}),
}


def digits(name: str) -> Split:
    """Return a split of the embedded digits."""
    data = resolve_data(spec="digits", metadata=[], config=Config())
    return open_split(data.dataset, name, limit=None, seed=0, device=torch.device("cpu"))


def initial(key: str, seed: int) -> nn.Module:
    """Return a model of the list above in its initial state."""
    word, arguments = MODELS[key]
    torch.manual_seed(seed)
    return registry.load(kinds.MODELS, word).build(word, **arguments)


@cache
def trained(key: str, seed: int, steps: int = 120) -> Mapping[str, Tensor]:
    """Return the weights of a model trained on digits for a moment: better than chance."""
    module = initial(key, seed).train()
    split = digits("train")
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(seed)
    (inputs, targets), *_ = split.batches(len(split), torch.float32)
    for _ in range(steps):
        batch = torch.randint(len(split), (64,), generator=generator)
        loss = nn.functional.cross_entropy(module(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return module.eval().state_dict()


def save(path: Path, key: str, weights: Mapping[str, Tensor]) -> Path:
    """Save weights as a stamped checkpoint."""
    word, arguments = MODELS[key]
    metadata = {
        "format": "pt",
        "lmctool.model": word,
        "lmctool.model_arguments": json.dumps(arguments),
        "lmctool.data": "digits",
    }
    save_file({k: v.contiguous() for k, v in weights.items()}, path, metadata=metadata)
    return path


def plain_loss(key: str, weights: Mapping[str, Tensor]) -> float:
    """Return the test loss of weights loaded into the plain module, in plain torch."""
    dtype = next(part.dtype for part in weights.values() if part.is_floating_point())
    module = initial(key, 0).to(dtype)
    module.load_state_dict(dict(weights))
    ((inputs, targets),) = digits("test").batches(1000, dtype)
    with torch.no_grad():
        return float(nn.functional.cross_entropy(module.eval()(inputs), targets))


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Run]:
    """Prepare a run of ``barrier`` on weights of two networks."""

    def prepare(key: str, a: Mapping[str, Tensor], b: Mapping[str, Tensor], **settings: Any) -> Run:
        paths = save(tmp_path / "a.safetensors", key, a), save(tmp_path / "b.safetensors", key, b)
        # two batches of the calibration data: a ResNet takes its time over all of it
        fewer: dict[str, Any] = {"calib_size": 600} if key.startswith("resnet") else {}
        usual: dict[str, Any] = {"dtype": "float64", "aligner": Choice("activation")}
        chosen = usual | fewer | settings
        analysis = registry.load(ANALYSES, "barrier")
        return Run("barrier", analysis, Settings(paths, **chosen))

    return prepare
