"""Memory and time of a run on data larger than memory should hold, by the format of its file.

Run ``python -m benchmarks.reading --gigabytes 2``; it writes files of random images under
``build/reading`` and prints a Markdown table.  Peaks (of Linux) are those of a process above the
same command on a file of few images.  The time of a full run is set against one that holds all
inputs in memory; the two take turns, so that a slow moment of the machine meets both.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import h5py
import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FOLDER = Path(__file__).parents[1] / "build/reading"
SHAPE = (3, 32, 32)
IMAGE = 3072
FEW = 2000
"""Images of the file that peaks are set against."""
BLOCK = 10_000
RUN = """
import sys
from pathlib import Path
from lmctool.data import placement
placement.HELD = int(sys.argv[1])
from lmctool.cli import main
try:
    main(sys.argv[3:])
finally:
    Path(sys.argv[2]).write_text(Path("/proc/self/status").read_text())
"""
MODEL = """
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
"""
IN_FILE, IN_MEMORY = 1 << 28, 1 << 50


def images(count: int) -> Iterator[NDArray[np.uint8]]:
    """Give random images, some at a time."""
    generator = np.random.default_rng(0)
    for start in range(0, count, BLOCK):
        size = (min(BLOCK, count - start), *SHAPE)
        yield generator.integers(0, 256, size, dtype=np.uint8)


def write_npz(path: Path, count: int, method: int = zipfile.ZIP_STORED) -> None:
    """Write an archive as ``numpy.savez`` does, without holding all of it."""
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *SHAPE)}
            np.lib.format.write_array_header_1_0(member, header)
            for block in images(count):
                member.write(block.data)
        with archive.open("y.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(count) % 10)


def write_packed(path: Path, count: int) -> None:
    """Write one as ``numpy.savez_compressed`` does."""
    write_npz(path, count, zipfile.ZIP_DEFLATED)


def write_hdf5(path: Path, count: int, **packing: Any) -> None:
    """Write an HDF5 file."""
    with h5py.File(path, "w") as file:
        file["y"] = np.arange(count) % 10
        held = file.create_dataset("x", (count, *SHAPE), np.uint8, **packing)
        start = 0
        for block in images(count):
            held[start : start + len(block)] = block
            start += len(block)


def write_chunks(path: Path, count: int) -> None:
    """Write an HDF5 file in packed chunks."""
    write_hdf5(path, count, chunks=(100, *SHAPE), compression="gzip", compression_opts=1)


def write_safetensors(path: Path, count: int) -> None:
    """Write a safetensors file, without holding all of it."""
    size = count * IMAGE
    x = {"dtype": "U8", "shape": [count, *SHAPE], "data_offsets": [0, size]}
    y = {"dtype": "I64", "shape": [count], "data_offsets": [size, size + 8 * count]}
    header = json.dumps({"x": x, "y": y}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for block in images(count):
            file.write(block.data)
        file.write((np.arange(count) % 10).data)


WRITERS = {
    "npz": write_npz,
    "packed npz": write_packed,
    "safetensors": write_safetensors,
    "hdf5": write_hdf5,
    "packed hdf5": write_chunks,
}


def file_of(kind: str, count: int) -> Path:
    """Return a file of so many images, written unless it is there."""
    path = FOLDER / f"{kind.replace(' ', '-')}-{count}"
    if not path.exists():
        WRITERS[kind](path.with_name("draft"), count)
        path.with_name("draft").rename(path)
    return path


def measured(path: Path, held: int, *words: str) -> tuple[float, float]:
    """Return the peak of a run in MB, and its seconds."""
    ends = [str(FOLDER / name) for name in ("a.safetensors", "b.safetensors")]
    options = ("--model", f"{FOLDER}/model.py:make", "--data", f"arrays:{path}", "--allow-chance")
    out = ("-o", str(FOLDER / "r.h5"), "--force", "-q", "--points", "3")
    status = FOLDER / "status"
    command = [sys.executable, "-c", RUN, str(held), str(status), "barrier", *ends]
    begun = time.perf_counter()
    subprocess.run([*command, *options, *out, *words], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    peaks = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    return 1.024 * int(peaks[0]) / 1e3, seconds


def prepare() -> None:
    """Write the model and its two ends."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "model.py").write_text(MODEL)
    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        own = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
        save_file(
            {key: tensor.numpy() for key, tensor in own.state_dict().items()},
            FOLDER / f"{name}.safetensors",
        )


@click.command()
@click.option("--gigabytes", type=click.FloatRange(min=0, min_open=True), default=0.74)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(WRITERS)))
@click.option("--keep", is_flag=True, help="Leave the files for the next time.")
def main(gigabytes: float, repeats: int, kinds: tuple[str, ...], keep: bool) -> None:
    """Print peaks and times of runs on a file of so many gigabytes."""
    prepare()
    count = int(gigabytes * 1e9 / IMAGE)
    click.echo(f"{count} images, {count * IMAGE / 1e6:.0f} MB; a batch of 256 is 3.1 MB in float32")
    click.echo("| file | run | MB above few images | seconds | in memory: MB | seconds |")
    click.echo("|---|---|---|---|---|---|")
    for kind in kinds or WRITERS:
        few, many = file_of(kind, FEW), file_of(kind, count)
        for words in (("--limit", "100"), ("--limit", "1000"), ()):
            least, _ = measured(few, IN_FILE, *words)
            ways = (IN_FILE,) if words else (IN_FILE, IN_MEMORY)
            runs = [[measured(many, held, *words) for held in ways] for _ in range(repeats)]
            cells = []
            for way in zip(*runs, strict=True):
                peak, seconds = (statistics.median(values) for values in zip(*way, strict=True))
                cells.append(f"{peak - least:.0f} | {seconds:.1f}")
            row = " | ".join([*cells, *[" | "] * (2 - len(cells))])
            click.echo(f"| {kind} | {' '.join(words) or 'all'} | {row} |")
        if not keep:
            many.unlink()
    if not keep:
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
