"""Whether two installations of lmctool give the same numbers, bit for bit.

    python tools/same_numbers.py OLD/bin/lmctool NEW/bin/lmctool

Runs every analysis with both, on examples/digits and on two pairs that are trained here, and
compares every array of every result but for the provenance.  Says what differs, and how many
metrics and arrays are equal.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import torch
from safetensors.torch import save_file

from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS, MODELS

DIGITS = Path(__file__).parents[1] / "examples/digits"
MODELS_TRAINED: dict[str, tuple[str, dict[str, object]]] = {
    "mlp-batch": ("mlp", {"inputs": 64, "width": 16, "depth": 2, "norm": "batch"}),
    "resnet": ("resnet20", {"channels": 1}),
}
STEPS, BATCH, RATE = 120, 64, 3e-3
FEW = ("--limit", "200", "--calib-size", "200")
JOBS: tuple[tuple[str, ...], ...] = (
    ("align", "A", "B", *FEW),
    ("align", "A", "B", "--aligner", "weight", *FEW),
    ("align", "A", "B", "--aligner", "random", *FEW),
    ("align", "A", "B", "--aligner", "midpoint", "--steps", "3", *FEW),
    ("barrier", "A", "B", "--align", "--repair", "--points", "5", "--bootstrap", "20", *FEW),
    ("barrier", "A", "B", "--repair", "closed-form", "--points", "3", *FEW),
    ("barrier", "A", "B", "--repair", "rescale", "--batchnorm", "a", "--points", "3", *FEW),
    ("barrier", "A", "B", "--repair", "shift", "--batchnorm", "b", "--points", "3", *FEW),
    ("barrier", "A", "B", "--align", "--within", "10%", "--points", "5", "--calib-size", "200"),
    ("barrier", "A", "B", "--batchnorm", "reset", "--points", "3", *FEW),
    ("barrier", "A", "B", "--per-example", "--points", "3", *FEW),
    ("curve", "A", "B", "--curve-steps", "5", "--points", "3", *FEW),
    ("distance", "A", "B"),
    ("el2n", "A", "B", *FEW),
    ("graft", "A", "--from", "B", "--by", "layer", "--evaluate", *FEW),
    ("instability", "FORK-0", "FORK-40", "--align", "--points", "3", *FEW),
    ("interpolate", "A", "B", "--points", "5", *FEW),
    ("layerwise", "A", "B", "--points", "3", *FEW),
    ("matrix", "A", "B", "A2", "--points", "3", *FEW),
    ("merge", "A", "B", "--align", *FEW),
    ("merge", "A", "B", "--batchnorm", "b", *FEW),
    ("merge", "A", "B", "--method", "fisher", "--calibrate-temperature", *FEW),
    ("merge", "A", "B", "A2", "--align", "weight", "--frame", "common", *FEW),
    ("plane", "A", "B", "A2", "--points", "5", *FEW),
    ("plane", "A", "--random", "--points", "3", *FEW),
    ("repair", "A", "B", "--align", *FEW),
    ("sharpness", "A", "B", "--by", "layer", "--probes", "8", *FEW),
    ("similarity", "A", "B", "--align", "--repair", *FEW),
    ("trajectory", "RUN-A", "RUN-B", *FEW),
    ("variance", "A", "B", "--align", "--repair", *FEW),
)


def train(word: str, arguments: dict[str, object], seed: int, path: Path) -> None:
    """Train a network on digits for a moment, and write it with its stamps."""
    torch.manual_seed(seed)
    module = registry.load(MODELS, word).build(word, **arguments)
    dataset = registry.load(DATASETS, "digits").open("digits", None)
    examples = dataset.splits["train"]()
    inputs = torch.from_numpy(examples.inputs).float() * dataset.scale
    inputs = (inputs - torch.tensor(dataset.mean)) / torch.tensor(dataset.std)
    targets = torch.from_numpy(examples.targets)
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        batch = torch.randint(len(targets), (BATCH,), generator=generator)
        loss = torch.nn.functional.cross_entropy(module(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    stamps = {"model": word, "model_arguments": json.dumps(arguments), "data": "digits"}
    metadata = {f"lmctool.{key}": value for key, value in stamps.items()} | {"format": "pt"}
    save_file(module.state_dict(), path, metadata=metadata)


def pairs(folder: Path) -> dict[str, Path]:
    """Make a folder of networks for each pair: A, B, a third one, two runs and two forks."""
    places = {name: folder / name for name in ("digits", *MODELS_TRAINED)}
    for name, place in places.items():
        place.mkdir()
        if name == "digits":
            for end in "ab":
                shutil.copy(DIGITS / f"{end}.safetensors", place / f"{end.upper()}.safetensors")
            shutil.copy(DIGITS / "b.safetensors", place / "A2.safetensors")
        else:
            for seed, end in enumerate(("A", "B", "A2")):
                word, arguments = MODELS_TRAINED[name]
                train(word, arguments, seed, place / f"{end}.safetensors")
        for run, ends in (("RUN-A", ("A", "B")), ("RUN-B", ("B", "A"))):
            (place / run).mkdir()
            for step, end in enumerate(ends):
                source = place / f"{end}.safetensors"
                shutil.copy(source, place / run / f"net-step{step}.safetensors")
        for fork, siblings in (("FORK-0", ("A", "B")), ("FORK-40", ("B", "A2"))):
            (place / fork).mkdir()
            for each in siblings:
                shutil.copy(place / f"{each}.safetensors", place / fork)
    return places


def run(program: Path, job: tuple[str, ...], place: Path, out: Path) -> None:
    """Run one job, or say why it could not be run."""
    named = {path.name.removesuffix(".safetensors"): str(path) for path in place.iterdir()}
    words = [named.get(word, word) for word in job]
    evaluates = () if job[0] == "distance" else ("--allow-chance",)
    command = [str(program), *words, *evaluates, "-q", "--force", "-o", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    out.with_suffix(".exit").write_text(f"{done.returncode}\n{done.stderr}")


def arrays(path: Path) -> tuple[dict[str, np.ndarray], set[str]]:
    """Return every array of a result but for its provenance, and which of them are metrics."""
    by_name: dict[str, np.ndarray] = {}
    metrics: set[str] = set()

    def visit(name: str, item: h5py.HLObject) -> None:
        if name.startswith("provenance") or not isinstance(item, h5py.Dataset):
            return
        by_name[name] = item.asstr()[()] if item.dtype.kind == "O" else item[()]
        if "metric" in item.attrs:
            metrics.add(name)

    with h5py.File(path) as file:
        file.visititems(visit)
    return {name: np.asarray(values) for name, values in by_name.items()}, metrics


def differences(old: Path, new: Path) -> tuple[list[str], int, int]:
    """Return what differs, how many numbers of metrics are equal, and how many arrays."""
    codes = [path.with_suffix(".exit").read_text().partition("\n") for path in (old, new)]
    if codes[0][0] != codes[1][0] or codes[0][0] != "0":
        same = codes[0][0] == codes[1][0]
        return ([] if same else [f"exit {codes[0][0]} then {codes[1][0]}: {codes[1][2]}"]), 0, 0
    (before, metrics), (after, _) = arrays(old), arrays(new)
    lines = [f"{name}: only in one of them" for name in sorted(before.keys() ^ after.keys())]
    numbers = equal = 0
    for name in sorted(before.keys() & after.keys()):
        if before[name].tobytes() == after[name].tobytes() or (
            before[name].dtype.kind == "O" and before[name].tolist() == after[name].tolist()
        ):
            equal += 1
            numbers += before[name].size if name in metrics else 0
        else:
            lines.append(f"{name}: {before[name].ravel()[:3]} then {after[name].ravel()[:3]}")
    return lines, numbers, equal


def main() -> None:
    """Run every job with both programs, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name, ThreadPoolExecutor(arguments.workers) as pool:
        folder, work = Path(name), []
        for pair, place in pairs(folder).items():
            for number, job in enumerate(JOBS):
                outs = [folder / f"{pair}-{number}-{side}.h5" for side in ("old", "new")]
                work.append((pair, job, outs))
                for program, out in zip((arguments.old, arguments.new), outs, strict=True):
                    pool.submit(run, program, job, place, out)
        pool.shutdown()
        numbers = equal = different = 0
        for pair, job, outs in work:
            lines, some, more = differences(*outs)
            numbers, equal, different = numbers + some, equal + more, different + len(lines)
            code = outs[0].with_suffix(".exit").read_text().partition("\n")
            note = "" if code[0] == "0" else f" (exit {code[0]}: {code[2].strip()[:90]})"
            print(f"{'differs' if lines else 'equal'}: {pair}: {' '.join(job)}{note}")
            for line in lines:
                print(f"    {line}")
        print(f"{numbers} numbers of metrics and {equal} arrays are equal, {different} differ")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
