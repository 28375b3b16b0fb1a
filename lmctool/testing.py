"""What the author of a plugin needs to test it: two tiny checkpoints with data, and runners.

a, b = tiny_pair(tmp_path)                  # two checkpoints, stamped with model and data
done = invoke("barrier", a, b, "--align", "mine", "--allow-chance")
found = metrics("mine", a, b)               # the numbers of a run, by name
run = tiny_run(tmp_path, aligner="mine")    # what a plugin's function gets
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import ANALYSES, DATASETS, MODELS

if TYPE_CHECKING:
    from click.testing import Result
    from torch import Tensor, nn

    from lmctool.run.run import Run

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


def tiny_run(folder: Path, analysis: str = "barrier", **settings: Any) -> Run:
    """Return a run on the tiny pair, as a plugin's functions get it.

    ``run.weights(0)`` and ``run.weights(1)`` are the networks; ``run.align``, ``run.variants``
    and the like work as they do in a command.

    Args:
        folder: an existing folder, which gets the pair unless ``checkpoints`` are given.
        analysis: the analysis that the run is of.
        settings: shared options by the names of ``lmctool.api.Settings``; ``aligner`` and
            ``correction`` may be the word alone.
    """
    from lmctool.plugin import registry
    from lmctool.plugin.settings import Choice, Settings
    from lmctool.run.run import Run

    chosen = {"checkpoints": None, "allow_chance": True} | settings
    chosen["checkpoints"] = chosen["checkpoints"] or tiny_pair(folder)
    for slot in ("aligner", "correction"):
        if isinstance(chosen.get(slot), str):
            chosen[slot] = Choice(chosen[slot])
    return Run(analysis, registry.load(ANALYSES, analysis), Settings(**chosen))


def invoke(*arguments: str | Path) -> Result:
    """Run the command line in this process.

    Returns:
        click's result: ``exit_code``, ``stdout``, ``stderr``, and ``output`` with both.
    """
    from click.testing import CliRunner

    from lmctool.cli import main

    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def metrics(*arguments: str | Path) -> dict[str, float | None]:
    """Run an analysis in this process, and return its metrics by full name; None is no number.

    Its files lie in a temporary folder unless ``-o`` is among the arguments.

    Raises:
        AssertionError: it does not exit with 0; says what it printed.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        place = () if {"-o", "--out"} & set(map(str, arguments)) else ("-o", Path(folder, "out"))
        done = invoke(*arguments, *place, "--json", "-")
        if done.exit_code != 0:
            raise AssertionError(f"exit code {done.exit_code}: {done.output}")
    found: dict[str, float | None] = json.loads(done.stdout)["metrics"]
    return found


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
