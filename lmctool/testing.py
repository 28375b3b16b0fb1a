"""What the author of a plugin needs to test it: two tiny checkpoints with data, and a runner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ARGUMENTS = {"inputs": 64, "width": 16, "depth": 2, "classes": 10, "norm": "none"}


def tiny_pair(folder: Path) -> tuple[Path, Path]:
    """Write two small untrained networks, and return their paths.

    They are MLPs of random weights from seeds 0 and 1, stamped with their model and with the
    embedded data ``digits``, so that a command needs no further option but ``--allow-chance``.

    Args:
        folder: an existing folder, which gets ``a.safetensors`` and ``b.safetensors``.
    """
    import torch
    from safetensors.torch import save_file

    from lmctool import registry

    metadata = {
        "format": "pt",
        "lmctool.model": "mlp",
        "lmctool.model_arguments": json.dumps(ARGUMENTS),
        "lmctool.data": "digits",
    }
    paths = folder / "a.safetensors", folder / "b.safetensors"
    for seed, path in enumerate(paths):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = registry.load("lmctool.models", "mlp").build("mlp", **ARGUMENTS)
        save_file(module.state_dict(), path, metadata=metadata)
    return paths


def invoke(*arguments: str | Path) -> Result:
    """Run the command line in this process.

    Returns:
        click's result: ``exit_code``, ``stdout``, ``stderr``, and ``output`` with both.
    """
    from click.testing import CliRunner

    from lmctool.cli import main

    return CliRunner().invoke(main, [str(argument) for argument in arguments])
