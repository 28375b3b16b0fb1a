"""Change what numbers depend on between a kill and --resume, which then must refuse and say why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file

from tools.survival.job import kill

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
MODEL = """
import json
from pathlib import Path
from torch import nn
from activation import activation

def make():
    width = json.loads(Path("shape.json").read_text())["slope"]
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), activation(), nn.Linear(64, 64), nn.LeakyReLU(width),
        nn.Linear(64, 10),
    )
"""
PLUGIN = '''
"""Weight matching of a stranger, who takes what lmctool's own one finds."""
from lmctool.api import Aligner, hookimpl

def align(run, a, b):
    return run.match("weight", a, b)

@hookimpl
def lmctool_aligner():
    """Add it."""
    return Aligner(align)
'''
COMMAND = (
    *("barrier", "a.safetensors", "b.safetensors", "--align", "theirs", "--points", "2001"),
    *("--allow-chance", "--model", "./model.py:make", "--data", "data.npz", "-q"),
)
FINISHED, PATIENCE = "out.h5", 120.0


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        make: makes it in the folder of the run.
        reason: what the refusal says.
        environment: variables that are other from then on.
    """

    make: Callable[[Path], None]
    reason: str
    environment: Mapping[str, str]


def prepared(folder: Path) -> None:
    """Put two networks, their model's code, data, a plugin and lmctool itself into a folder."""
    folder.mkdir(parents=True)
    for seed, name in enumerate("ab"):
        write_network(folder / f"{name}.safetensors", seed)
    write_data(folder, 0)
    (folder / "model.py").write_text(MODEL)
    (folder / "activation.py").write_text("from torch.nn import ReLU as activation\n")
    (folder / "shape.json").write_text('{"slope": 0.1}')
    site = folder / "site"
    for package in ("lmctool", "plugins/lmctool_plugins"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, site / Path(package).name, ignore=skipped)
    (site / "theirs.py").write_text(PLUGIN)
    install(site, "theirs", "1.0", "[lmctool.aligners]\ntheirs = theirs\n")


def install(site: Path, name: str, version: str, entry_points: str = "") -> None:
    """Write the metadata of an installed distribution."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)


def write_network(path: Path, seed: int) -> None:
    """Write a network in a random state."""
    generator = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "1.weight": (64, 64),
        "3.weight": (64, 64),
        "5.weight": (10, 64),
    }
    shapes |= {"1.bias": (64,), "3.bias": (64,), "5.bias": (10,)}
    save_file({key: torch.randn(s, generator=generator) / 8 for key, s in shapes.items()}, path)


def write_data(folder: Path, seed: int) -> None:
    """Write examples of ten classes."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((400, 1, 8, 8)).astype(np.float32)
    y = generator.integers(10, size=400)
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)


def edited(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces a text in a file of the folder."""

    def edit(folder: Path) -> None:
        text = (folder / path).read_text()
        if old not in text:
            raise SystemExit(f"{folder / path} has no {old!r}")
        (folder / path).write_text(text.replace(old, new))

    return edit


def unchanged(_: Path) -> None:
    """Change no file."""


CHANGES: dict[str, Change] = {
    "data": Change(lambda folder: write_data(folder, 1), "the content of the data", {}),
    "model's code": Change(
        edited("model.py", "nn.LeakyReLU(width)", "nn.ELU(width)"), "the source of model.py", {}
    ),
    "imported module": Change(
        edited("activation.py", "ReLU", "GELU"), "the source of activation", {}
    ),
    "file read by the model": Change(
        edited("shape.json", "0.1", "0.2"), "the model's code makes another network", {}
    ),
    "plugin's code": Change(
        edited("site/theirs.py", '"weight"', '"activation"'), "the source of theirs", {}
    ),
    "lmctool's code": Change(
        edited("site/lmctool/run/run.py", "from __future__", "# edited\nfrom __future__"),
        "the source of lmctool",
        {},
    ),
    "library's version": Change(
        lambda folder: install(folder / "site", "numpy", "99.0"), "versions.numpy", {}
    ),
    "processor": Change(unchanged, "platform.", {"ATEN_CPU_CAPABILITY": "default"}),
    "checkpoint": Change(
        lambda folder: write_network(folder / "b.safetensors", 2), "checkpoint.1.digest", {}
    ),
    "threads": Change(unchanged, "threads", {"OMP_NUM_THREADS": "2"}),
}


def start(folder: Path, *more: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start the command in its folder, with the copy of lmctool that lies there."""
    words = [sys.executable, "-m", "lmctool", *COMMAND, "-o", FINISHED, *more]
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": "site", "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            words,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=os.environ | variables | environment,
            start_new_session=True,
        )


def trial(folder: Path, change: Change, chance: random.Random) -> str:
    """Kill a run, change something, and resume; return what was wrong, or nothing."""
    prepared(folder)
    process = start(folder)
    began = time.monotonic()
    while not list(folder.glob("*.work/*.npz")) and process.poll() is None:
        if time.monotonic() - began > PATIENCE:
            kill(process)
            return "no work was kept"
        time.sleep(0.05)
    try:
        process.wait(chance.uniform(0, 3))
    except subprocess.TimeoutExpired:
        kill(process)
    if not (folder / FINISHED).exists() and not list(folder.glob("*.work/*.npz")):
        return f"it does not run: see {folder / 'log'}"
    change.make(folder)
    code = start(folder, "--resume", **change.environment).wait()
    told = (folder / "log").read_text()
    if code != 2:
        return f"exit code {code}: {told[-300:]}"
    return "" if change.reason in told else f"another cause: {told[-300:]}"


def campaign(count: int, chance: random.Random, folder: Path) -> Counter[str]:
    """Try so many changes in turn; return how many were refused, by kind, and print the others."""
    refused: Counter[str] = Counter(dict.fromkeys(CHANGES, 0))
    for number in range(count):
        name = list(CHANGES)[number % len(CHANGES)]
        place = folder / f"{number:03}"
        if wrong := trial(place, CHANGES[name], chance):
            print(f"{name} ({place}): {wrong}", flush=True)
        else:
            refused[name] += 1
            shutil.rmtree(place)
    return refused
