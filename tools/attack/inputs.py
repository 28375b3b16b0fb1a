"""Sound inputs, made once, of which every attack gets a copy; and what commands take."""

from __future__ import annotations

import shutil
from pathlib import Path

CANARY = "canary"
"""The file that code makes when it is run."""
EVIL = f"""open({CANARY!r}, "w").close()
from torch import nn
def make(**_):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
fn = make
"""
"""A module that makes it when it is imported."""
MINE = """
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 16), nn.Linear(16, 10)
    def forward(self, x):
        BEFORE
        h = self.first(x.flatten(1)).relu()
        INSIDE
        y = self.last(h)
        AFTER
        return y

def make():
    START
    return Net()
"""
"""A network of a user's own, with places where something may be put in."""
SPEC = """\
version = 1
mode = "extend"
[groups]
[tensors]
"""
POLICY = """\
[[gate]]
require = "barrier.error <= 90%"
"""
FEW = ("--limit", "20", "--calib-size", "40", "--split", "test")
A, B = "a.safetensors", "b.safetensors"
PAIR = (A, B)
OUT = ("-o", "out.h5")
BARE = {
    **{A: "bare_a.safetensors", B: "bare_b.safetensors", "run-a": "bare-run", "run-b": "bare-run2"},
    **{"fork-0": "bare-fork-0", "fork-40": "bare-fork-40"},
}
"""Files of the same tensors without any metadata."""
ANALYSES: dict[str, tuple[str, ...]] = {
    "align": (*PAIR, *FEW),
    "barrier": (*PAIR, "--points", "3", *FEW),
    "curve": (*PAIR, "--curve-steps", "3", "--points", "3", *FEW),
    "distance": PAIR,
    "el2n": (A, "--limit", "20", "--split", "test"),
    "graft": (A, "--from", B, "--layers", "layers.0.*", "--evaluate", *FEW),
    "instability": ("fork-0", "fork-40", "--points", "3", *FEW),
    "interpolate": (*PAIR, "--points", "3", *FEW),
    "layerwise": (*PAIR, "--points", "3", *FEW),
    "matrix": (*PAIR, "--points", "3", *FEW),
    "merge": (*PAIR, *FEW),
    "plane": (A, "--random", "--points", "3", *FEW),
    "repair": (*PAIR, *FEW),
    "sharpness": (*PAIR, "--curvature-size", "20", "--lanczos", "4", "--probes", "3", *FEW),
    "similarity": (*PAIR, *FEW),
    "trajectory": ("run-a", "run-b", *FEW),
    "variance": (*PAIR, *FEW),
}
"""The arguments of each analysis."""
RESULT = "barrier.h5"
HOST: dict[str, tuple[str, ...]] = {
    "inspect": (A,),
    "show": (RESULT,),
    "plot": (RESULT, "-o", "out.png"),
    "metrics": (RESULT,),
    "compare": (RESULT, "other.h5"),
    "report": (RESULT, "-o", "out.html"),
    "audit": ("--policy", "policy.toml", RESULT),
    "rerun": (RESULT,),
    "schema": ("result",),
    "plugins": (),
    "convert": ("new.pt", "out.safetensors"),
    "stamp": (A, "-o", "out.safetensors", "--data", "digits"),
    "config": ("show",),
    "completion": ("bash",),
}
"""The arguments of each command of the host."""


def words_of(name: str, *, bare: bool = False) -> tuple[str, ...]:
    """Return the words of a sound command, its output among them.

    Args:
        name: an analysis or a command of the host.
        bare: whether checkpoints say nothing about themselves.
    """
    words = (name, *ANALYSES[name], *OUT, "-q") if name in ANALYSES else (name, *HOST[name])
    return tuple(BARE.get(word, word) for word in words) if bare else words


def prepare(folder: Path) -> None:
    """Write the sound inputs into an empty folder, which is the current one."""
    import torch
    from safetensors.torch import load_file, save_file

    from lmctool.testing import tiny_pair
    from tools.attack.command import run

    tiny_pair(folder, steps=100)
    for name in PAIR:
        save_file(load_file(name), BARE[name])
    shutil.copyfile(B, "c.safetensors")
    for place, first in (("run-a", A), ("run-b", B), ("bare-run", BARE[A]), ("bare-run2", BARE[B])):
        Path(place).mkdir()
        for step in range(2):
            shutil.copyfile(first, Path(place, f"net-step{step}.safetensors"))
    for place in ("fork-0", "fork-40", "bare-fork-0", "bare-fork-40"):
        Path(place).mkdir()
        for end, name in zip("ab", PAIR, strict=True):
            source = BARE[name] if place.startswith("bare") else name
            shutil.copyfile(source, Path(place, f"{end}.safetensors"))
    torch.save({"model": load_file(A)}, "new.pt")
    write_data("data.npz")
    Path("evil.py").write_text(EVIL)
    Path("pkg").mkdir()
    Path("pkg/__init__.py").touch()
    Path("pkg/mod.py").write_text(EVIL)
    Path("policy.toml").write_text(POLICY)
    Path("spec.toml").write_text(SPEC)
    for seed, name in enumerate(("mine_a.safetensors", "mine_b.safetensors")):
        torch.manual_seed(seed)
        layers = {"first": torch.nn.Linear(64, 16), "last": torch.nn.Linear(16, 10)}
        parts = {
            f"{key}.{n}": t for key, layer in layers.items() for n, t in layer.state_dict().items()
        }
        save_file(parts, name)
    Path("mine.py").write_text(mine())
    for words, out in (
        (("barrier", *ANALYSES["barrier"]), RESULT),
        (("barrier", *ANALYSES["barrier"], "--align", "weight"), "other.h5"),
        (("el2n", *ANALYSES["el2n"]), "scores.h5"),
        (("align", *ANALYSES["align"]), "aligned.h5"),
        (("distance", *ANALYSES["distance"]), "distance.h5"),
    ):
        done = run(*words, "-o", out, "-q")
        if done.code:
            raise RuntimeError(f"{words} fails on sound files: {done.err}")


def write_data(path: str, seed: int = 0) -> None:
    """Write 60 digits, in an order that a seed draws, normalised as the checkpoints say."""
    import numpy as np

    from lmctool.plugin import registry
    from lmctool.plugin.kinds import DATASETS

    digits = registry.load(DATASETS, "digits").open("digits", None)
    examples = digits.splits["train"]()
    chosen = np.random.default_rng(seed).permutation(len(examples.targets))[:60]
    x = examples.inputs[chosen].astype(np.float32) * digits.scale
    x = ((x - digits.mean[0]) / digits.std[0]).astype(np.float32)
    y = examples.targets[chosen]
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)


def mine(**put: str) -> str:
    """Return the code of a network of a user's own, with statements at START, BEFORE, ..."""
    text = MINE
    for place in ("START", "BEFORE", "INSIDE", "AFTER"):
        text = text.replace(place, put.get(place.lower(), "pass"))
    return text
