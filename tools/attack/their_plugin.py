"""A plugin of each kind, with places where a statement may be put in."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.attack.inputs import FEW

PAIR = ("mine_a.safetensors", "mine_b.safetensors")
GATED = ("--require", "end.error <= 0.1%")
"""A gate that the networks, which are untrained, fail: the honest exit code is 3."""
MINE: tuple[str, ...] = (
    "barrier",
    *PAIR,
    "--points",
    "3",
    *FEW,
    "--allow-chance",
    "-o",
    "out.h5",
    "-q",
)
MINE = (*MINE, "--model", "./mine.py:make", "--data", "digits")
PLUGIN = {
    "analyses": (
        "from lmctool.api import Analysis, Group, Result, Variable, hookimpl",
        "def compute(run):\n    import numpy as np\n    CALL\n    value = Variable(np.array(1.0),"
        " metric='theirs.value')\n    return Result('theirs', {'theirs': Group({'value': value})})",
        "lmctool_analysis",
        "Analysis(compute, needs=frozenset())",
        ("theirs", *PAIR, "-o", "out.h5", "-q", "--require", "theirs.value <= 0"),
    ),
    "aligners": (
        "from lmctool.api import Aligner, hookimpl",
        "def align(run, a, b):\n    CALL\n    return run.match('weight', a, b)",
        "lmctool_aligner",
        "Aligner(align)",
        (*MINE, *GATED, "--align", "theirs"),
    ),
    "corrections": (
        "from lmctool.api import Correction, hookimpl",
        "def prepare(run, a, b, *, storable):\n    CALL\n    return lambda alpha:"
        " run.batchnorm.mix(a, b, alpha)",
        "lmctool_correction",
        "Correction(prepare)",
        (*MINE, *GATED, "--repair", "theirs"),
    ),
    "tasks": (
        "from lmctool.api import Task, hookimpl",
        "def score(outputs, targets):\n    import torch\n    CALL\n"
        "    loss = torch.nn.functional.cross_entropy(outputs, targets, reduction='none')\n"
        "    return loss, (outputs.argmax(1) != targets).float()",
        "lmctool_task",
        "Task(score, lambda targets: 0.9)",
        (*MINE, *GATED, "--task", "theirs"),
    ),
    "datasets": (
        "from lmctool.api import DataFormat, Dataset, Examples, hookimpl",
        "def load():\n    import numpy as np\n"
        "    x = np.random.default_rng(0).standard_normal((40, 1, 8, 8)).astype('f4')\n"
        "    return Examples(x, np.arange(40) % 10)\n"
        "def opened(word, place):\n    CALL\n    splits = {'test': load, 'train': load}\n"
        "    return Dataset(splits, source='theirs', classes=10)",
        "lmctool_dataset",
        "DataFormat(opened)",
        (*MINE[:-2], *GATED, "--data", "theirs"),
    ),
    "models": (
        "from lmctool.api import ModelFamily, hookimpl",
        "def build(spec):\n    CALL\n    import mine\n    return mine.make()",
        "lmctool_model",
        "ModelFamily(build)",
        (*MINE[:-4], *MINE[-2:], *GATED, "--model", "theirs"),
    ),
    "observers": (
        "from lmctool.api import Observer, hookimpl",
        "def started(provenance):\n    CALL\ndef progressed(what, done, total):\n    LATER\n"
        "def finished(result, error):\n    LAST",
        "lmctool_observer",
        "Observer(started, progressed, finished)",
        (*MINE, *GATED),
    ),
}
"""A plugin of each kind: imports, code with places, its hook, its record, a command."""


def install(kind: str, **put: str) -> None:
    """Write a plugin of that kind, with statements put in, as an installed distribution."""
    imports, code, hook, record, _ = PLUGIN[kind]
    for place in ("CALL", "LATER", "LAST"):
        code = code.replace(place, put.get(place.lower(), "pass"))
    text = (
        f'"""Theirs."""\n{put.get("imported", "pass")}\n{imports}\n{code}\n@hookimpl\n'
        f'def {hook}():\n    """Add it."""\n    {put.get("hooked", "pass")}\n    return {record}\n'
    )
    info = Path("site/theirs-1.0.dist-info")
    info.mkdir(parents=True)
    Path("site/theirs.py").write_text(text)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[lmctool.{kind}]\ntheirs = theirs\n")


def installed() -> None:
    """Let the command find what is installed in the folder."""
    from lmctool.plugin import registry

    sys.path[:0] = [str(Path("site").absolute()), str(Path.cwd())]
    for cached in vars(registry).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
