"""Ten small networks, the command that measures all pairs of them, and what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import h5py
import torch

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.testing import ARGUMENTS, save

if TYPE_CHECKING:
    from pathlib import Path

Arrays: TypeAlias = "dict[str, tuple[str, tuple[int, ...], object]]"

COUNT = 10
COMMAND = (
    "matrix",
    *(f"{number}.safetensors" for number in range(COUNT)),
    *("--points", "11", "--allow-chance", "--quiet"),
)
"""45 pairs, each of a fraction of a second: of what a process does, most is to begin."""


def write(folder: Path) -> None:
    """Write networks that are not trained, from seeds of their own."""
    for seed in range(COUNT):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = registry.load(MODELS, "mlp").build("mlp", **ARGUMENTS)
        path = folder / f"{seed}.safetensors"
        save(path, module, model="mlp", arguments=ARGUMENTS)


def arrays(path: Path) -> Arrays:
    """Return every array of a result to the bit, by name."""
    found: Arrays = {}

    def note(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            values = item[()]
            text = item.dtype.kind == "O"
            found[name] = (item.dtype.str, item.shape, list(values) if text else values.tobytes())

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def differing(path: Path, serial: Arrays) -> list[str]:
    """Return the names of the arrays of a result that are not those of a serial run."""
    found = arrays(path)
    return sorted(name for name in found | serial if found.get(name) != serial.get(name))
