"""Two tiny networks of a registered model, written with their model and data named inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import DATASETS, MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

ARGUMENTS = {"inputs": 64, "width": 16, "depth": 2, "classes": 10, "norm": "none"}
"""The arguments of the tiny model, which is an ``mlp``."""
BATCH, RATE = 64, 3e-3
"""Examples of a training step, and its learning rate."""


def tiny_pair(folder: Path, *, steps: int = 0) -> tuple[Path, Path]:
    """Write two small networks, and return their paths.

    They are MLPs (64 inputs, two hidden layers of 16 units, 10 classes) from seeds 0 and 1,
    stamped with their model and with the embedded data ``digits``, so that a command needs no
    further option, but for ``--allow-chance`` where they are untrained.

    Args:
        folder: an existing folder, which gets ``a.safetensors`` and ``b.safetensors``.
        steps: how many steps to train them for; 100 take a moment, and are better than chance.
    """
    import torch

    from lmctool.plugin import registry

    paths = folder / "a.safetensors", folder / "b.safetensors"
    for seed, path in enumerate(paths):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = registry.load(MODELS, "mlp").build("mlp", **ARGUMENTS)
            _train(module, steps, seed)
        save(path, module, model="mlp", arguments=ARGUMENTS)
    return paths


def save(
    path: Path,
    module: nn.Module,
    *,
    model: str,
    arguments: dict[str, Any] | None = None,
    data: str = "digits",
) -> Path:
    """Write a network of your own as a stamped checkpoint, and return its path.

    Args:
        path: the file; it is replaced if it exists.
        module: the network.
        model: the registered word of its model family.
        arguments: what that family's ``build`` takes.
        data: the registered word of the data that commands use it with.
    """
    from safetensors.torch import save_file

    metadata = {
        "format": "pt",
        "lmctool.model": model,
        "lmctool.model_arguments": json.dumps(arguments or {}),
        "lmctool.data": data,
    }
    save_file(module.state_dict(), path, metadata=metadata)
    return path


def _train(module: nn.Module, steps: int, seed: int) -> None:
    """Train on digits by Adam; the same steps whatever the machine's own random state."""
    import torch

    if steps == 0:
        return
    from lmctool.plugin import registry

    digits = registry.load(DATASETS, "digits").open("digits", None)
    examples = digits.splits["train"]()
    inputs = torch.from_numpy(examples.inputs).float() * digits.scale
    inputs = (inputs - digits.mean[0]) / digits.std[0]
    targets = torch.from_numpy(examples.targets)
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = torch.randint(len(targets), (BATCH,), generator=generator)
        loss: Tensor = torch.nn.functional.cross_entropy(module(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
