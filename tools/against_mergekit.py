"""Merge the same checkpoints by lmctool and by mergekit, and tell how far they are apart.

    python -m tools.against_mergekit ENVIRONMENT/bin/mergekit-pytorch [A B BASE]

mergekit's licence keeps it out of our environment: it is a program of one of its own, which is run
on files and read from files.  Without checkpoints three of random tensors are made.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
import yaml
from safetensors.torch import load_file, save_file

SHAPES = {"first.weight": (128, 96), "first.bias": (128,), "second.weight": (10, 128, 3, 3)}


class Case(NamedTuple):
    """One merge, in the words of both."""

    words: str
    method: str
    parameters: dict[str, Any]
    of_each: tuple[dict[str, Any], ...] = ({}, {})
    based: bool = True


WEIGHTED = ({"weight": 0.3}, {"weight": 0.9})
ONES = ({"weight": 1.0}, {"weight": 1.0})
CASES = (
    Case("", "linear", {"normalize": True}, ONES, based=False),
    Case("--method slerp --alphas 0.3", "slerp", {"t": 0.3}, based=False),
    Case(
        "--method task-arithmetic --scale 0.7 --weights 0.3,0.9",
        "task_arithmetic",
        {"lambda": 0.7, "normalize": False},
        WEIGHTED,
    ),
    *(
        Case(
            f"--method ties --density {density} --scale 0.7 --weights 0.3,0.9",
            "ties",
            {"lambda": 0.7, "normalize": True, "density": density},
            WEIGHTED,
        )
        for density in (0.1, 0.5, 1.0)
    ),
    # of other densities each draws masks of its own
    Case(
        "--method dare --density 1 --weights 0.3,0.9",
        "dare_linear",
        {"normalize": False, "density": 1.0},
        WEIGHTED,
    ),
    Case(
        "--method dare --then ties --density 1 --weights 0.3,0.9",
        "dare_ties",
        {"normalize": True, "density": 1.0},
        WEIGHTED,
    ),
)


def made(folder: Path) -> list[Path]:
    """Write two checkpoints of random tensors, and their base, and return the paths."""
    numbers = torch.Generator().manual_seed(0)
    base = {name: torch.randn(shape, generator=numbers) for name, shape in SHAPES.items()}
    paths = [folder / f"{letter}.safetensors" for letter in ("a", "b", "base")]
    for path in paths[:2]:
        moved = {n: t + 0.3 * torch.randn(t.shape, generator=numbers) for n, t in base.items()}
        save_file(moved, path)
    save_file(base, paths[2])
    return paths


def by_mergekit(program: str, case: Case, files: list[Path], folder: Path) -> dict[str, Any]:
    """Return what mergekit makes of two checkpoints."""
    models: list[dict[str, Any]] = [
        {"model": str(path), "parameters": own}
        for path, own in zip(files, case.of_each, strict=False)
    ]
    config = {"merge_method": case.method, "models": models, "parameters": case.parameters}
    if case.based or case.method == "slerp":
        config["base_model"] = str(files[2] if case.based else files[0])
    recipe, out = folder / "recipe.yml", folder / "mergekit"
    recipe.write_text(yaml.safe_dump({**config, "dtype": "float32"}))
    done = subprocess.run(
        [program, recipe, out, "--safe-serialization"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return {
        name: tensor
        for path in out.glob("*.safetensors")
        for name, tensor in load_file(path).items()
    }


def by_lmctool(case: Case, files: list[Path], folder: Path) -> dict[str, Any]:
    """Return what lmctool makes of them."""
    base = ["--base", str(files[2])] if case.based else []
    words = [*map(str, files[:2]), *case.words.split(), *base, "-o", str(folder / "lmctool")]
    command = [sys.executable, "-m", "lmctool", "merge", *words, "--quiet", "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return load_file(folder / "lmctool.safetensors")


def main() -> None:
    """Compare every case, and print the largest differences."""
    program, *given = sys.argv[1:]
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = [*map(Path, given)] or made(folder)
        for case in CASES:
            theirs, ours = (
                by_mergekit(program, case, files, folder),
                by_lmctool(case, files, folder),
            )
            assert theirs.keys() == ours.keys()
            apart = max(
                float((theirs[n].double() - own.double()).abs().max()) for n, own in ours.items()
            )
            largest = max(float(own.abs().max()) for own in ours.values())
            print(f"{case.words or 'mean':62} {apart:.1e} of {largest:.3g}")


if __name__ == "__main__":
    main()
