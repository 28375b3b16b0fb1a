"""What a number depends on, and how each of it is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.command import nothing
from tools.attack.inputs import write_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NET = """
import json
from pathlib import Path
from torch import nn
from helper import ACTIVATION

def make():
    scale = json.loads(Path("scale.json").read_text())
    class Scaled(nn.Linear):
        def forward(self, x):
            return super().forward(x.flatten(1) * scale)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = Scaled(64, 16), nn.Linear(16, 10)
            self.act = getattr(nn, ACTIVATION)()
        def forward(self, x):
            return self.last(self.act(self.first(x)))
    return Net()
"""
WORDS = (
    *("barrier", "mine_a.safetensors", "mine_b.safetensors", "--points", "5", "--allow-chance"),
    *("--align", "theirs", "--spec", "spec.toml", "--split", "test", "-q"),
)
MODEL = ("--model", "./net.py:make")
DATA = ("--data", "arrays:data.npz")


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        make: makes it in the folder.
        reason: what says so in ``--resume``, ``compare`` and ``rerun``, as an expression.
        inside: makes it in the process of a command.
        environment: makes it by variables; then the commands are programs of their own.
        words: the words of the command from then on.
        told: whether ``compare`` and ``rerun`` are to notice it.
    """

    make: Callable[[], object]
    reason: str
    inside: Callable[[], object] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = (*WORDS, *MODEL, *DATA)
    told: bool = True


def edited(path: str, old: str, new: str) -> Callable[[], None]:
    """Return what replaces a text in a file."""

    def edit() -> None:
        text = Path(path).read_text()
        if old not in text:
            raise ValueError(f"{path} has no {old!r}")
        Path(path).write_text(text.replace(old, new))

    return edit


def _labels() -> None:
    import numpy as np

    held = dict(np.load("data.npz"))
    held["y_test"] = held["y_test"][::-1].copy()
    np.savez("data.npz", **held)


def _one_pixel() -> None:
    import numpy as np

    held = dict(np.load("data.npz"))
    held["x_test"].flat[7] += 2**-10
    np.savez("data.npz", **held)


def _order() -> None:
    import numpy as np

    held = dict(np.load("data.npz"))
    np.savez("data.npz", **{name: array[::-1].copy() for name, array in held.items()})


def _weight(path: str) -> None:
    from safetensors.torch import load_file, save_file

    held = load_file(path)
    held["first.bias"][0] += 2**-12
    save_file(held, path)


def _version(name: str) -> None:
    info = Path(f"site/{name}-99.0.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n")


def _newer_plugin() -> None:
    info = Path("site/theirs-1.0.dist-info").rename("site/theirs-2.0.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 2.0\n")


def _threads() -> None:
    import torch

    torch.set_num_threads(2)


def _other_linear() -> None:
    import torch

    forward = torch.nn.Linear.forward

    def other(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return forward(self, x) * (1 + 2**-20)

    torch.nn.Linear.forward = other  # type: ignore[method-assign, assignment]


def configure(seed: int) -> None:
    write_data(f"data{seed}.npz", seed)
    Path("lmctool.toml").write_text(f'[data]\nspec = "arrays:data{seed}.npz"\n')


def _options(*more: str) -> tuple[str, ...]:
    return (*WORDS, *MODEL, *DATA, *more)


CODE = r"source of {}|code\.{}"
CHANGES = {
    "other data": Change(
        partial(write_data, "data.npz", 1), "split.test.digest|content of the data"
    ),
    "other labels": Change(_labels, "split.test.digest|content of the data"),
    "one pixel": Change(_one_pixel, "split.test.digest|content of the data"),
    "another order": Change(_order, "split.test.digest|content of the data"),
    "the model's code": Change(
        edited("net.py", "* scale", "* scale * 2"), CODE.format(*["net.py"] * 2)
    ),
    "a comment in it": Change(
        edited("net.py", "def make", "# x\ndef make"), CODE.format(*["net.py"] * 2)
    ),
    "an imported module": Change(
        edited("helper.py", "ReLU", "GELU"), CODE.format("helper", "helper")
    ),
    "a file that it reads": Change(
        edited("scale.json", "1.0", "2.0"), "makes another network|model.graph"
    ),
    "a plugin's code": Change(
        edited("site/theirs.py", "'weight'", "'activation'"), CODE.format("theirs", "theirs")
    ),
    "a plugin's version": Change(_newer_plugin, "plugins.theirs"),
    "a library's version": Change(partial(_version, "numpy"), "versions.numpy"),
    "threads": Change(nothing, "threads", _threads),
    "the first checkpoint": Change(partial(_weight, "mine_a.safetensors"), "checkpoint.0.digest"),
    "the second checkpoint": Change(partial(_weight, "mine_b.safetensors"), "checkpoint.1.digest"),
    "a permutation spec": Change(
        edited("spec.toml", "[tensors]", "[tensors]\n[rules]\nfix = ['last.*']"), "spec"
    ),
    "kernels that round otherwise": Change(
        nothing, "first examples|probe|other", _other_linear, told=False
    ),
    "lmctool.toml": Change(
        partial(configure, 1), "split.test.digest|content of the data|data", words=(*WORDS, *MODEL)
    ),
    "the processor": Change(
        nothing, r"platform\.cpu", environment={"ATEN_CPU_CAPABILITY": "default"}
    ),
    "--seed": Change(nothing, "seed|command", words=_options("--seed", "1")),
    "--subset-seed": Change(
        nothing, "subset_seed|content|digest|command", words=_options("--subset-seed", "1")
    ),
    "--dtype": Change(nothing, "dtype|command", words=_options("--dtype", "float64")),
    "--points": Change(nothing, "points|command", words=_options("--points", "7")),
    "--limit": Change(nothing, "limit|content|digest|command", words=_options("--limit", "30")),
    "--aligner": Change(nothing, "align|command", words=_options("--align", "random")),
    "--batchnorm": Change(nothing, "batchnorm|command", words=_options("--batchnorm", "a")),
    "--definition": Change(
        nothing, "definition|command", words=_options("--definition", "max-end")
    ),
    "--mean": Change(
        nothing, "preprocessing|mean|command", words=_options("--mean", "0.1", "--std", "1")
    ),
}
OPTIONS = [name for name in CHANGES if name.startswith("--")]
