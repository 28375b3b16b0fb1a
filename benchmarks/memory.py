"""The memory and the rate of ``lmctool distance`` on checkpoints larger than it may hold.

Two sharded checkpoints of random values, bfloat16 and float32 by turns, are written into a
temporary folder and removed afterwards.  The rate is told against ``cat`` of the same files, warm,
to ``/dev/null``: of the sums alone, and of the whole command, which also takes the two hashes of
each checkpoint for the record.

Run ``python benchmarks/memory.py``; it prints a Markdown table.  It needs Linux, and disk and free
memory (for the page cache) of twice ``--size``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.squares import squared_norms

if TYPE_CHECKING:
    from collections.abc import Callable

ALLOWANCE = 700
"""Megabytes of anonymous memory that the command may take."""
TENSOR = 1 << 28
"""Bytes of one tensor."""
WIDTH = 4096
DTYPES = {"BF16": torch.bfloat16, "F32": torch.float32}
POLL = 0.02
"""Seconds between two looks at the memory."""


def write(folder: Path, seed: int, gigabytes: float, shards: int) -> None:
    """Write one checkpoint: an index and its shards, a tensor's values a block over and over."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(TENSOR // 16, generator=generator)
    blocks = {
        word: drawn.to(dtype).view(torch.uint8).numpy().data for word, dtype in DTYPES.items()
    }
    count = max(round(gigabytes * 1e9 / TENSOR), shards)
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        own = range(shard, count, shards)
        header, begin = {}, 0
        for number in own:
            word = list(DTYPES)[number % len(DTYPES)]
            shape = [TENSOR // DTYPES[word].itemsize // WIDTH, WIDTH]
            place = [begin, begin := begin + TENSOR]
            header[f"blocks.{number}.weight"] = {
                "dtype": word,
                "shape": shape,
                "data_offsets": place,
            }
        text = json.dumps(header).encode()
        with (folder / name).open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for entry in header.values():
                block = blocks[str(entry["dtype"])]
                for _ in range(TENSOR // len(block)):
                    file.write(block)
        weight_map |= dict.fromkeys(header, name)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def anonymous(process: int) -> float:
    """Return the megabytes of anonymous memory that a process holds; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    held = next((line for line in lines if line.startswith("RssAnon")), "RssAnon: 0 kB")
    return int(held.split()[1]) / 1000


def watched(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and the most megabytes of anonymous memory it held."""
    begun, most = time.perf_counter(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(POLL)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - begun, most


def least(repeats: int, work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of several runs."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


@click.command()
@click.option("--size", type=float, default=6, show_default=True, help="Gigabytes of each.")
@click.option("--shards", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, exists=True), help="Where they go.")
def main(size: float, shards: int, repeats: int, folder: str | None) -> None:
    """Print memory and rates; exit with 1 if the command takes more memory than allowed."""
    with TemporaryDirectory(dir=folder) as temporary:
        paths = [Path(temporary) / name for name in "ab"]
        for seed, path in enumerate(paths):
            write(path, seed, size, shards)
        files = [str(file) for path in paths for file in sorted(path.glob("*.safetensors"))]
        total = sum(Path(file).stat().st_size for file in files) / 1e9
        checkpoints = [open_checkpoint(path) for path in paths]
        cat = ["cat", *files]
        subprocess.run(cat, check=True, stdout=subprocess.DEVNULL)  # so that all else is warm
        seconds = {
            "cat": least(
                repeats, lambda: subprocess.run(cat, check=True, stdout=subprocess.DEVNULL)
            ),
            "the sums": least(
                repeats, lambda: squared_norms(checkpoints, checkpoints[0].parameters)
            ),
        }
        run = [sys.executable, "-m", "lmctool", "distance", *map(str, paths), "--quiet"]
        seconds["lmctool distance"], most = watched([*run, "-o", f"{temporary}/out.h5"])
    click.echo(f"\n{total:.1f} GB in {len(files)} files\n\n| | seconds | GB/s | to cat |")
    click.echo("|---|---|---|---|")
    for name, taken in seconds.items():
        rate = f"{total / taken:.2f} | {seconds['cat'] / taken:.2f}"
        click.echo(f"| {name} | {taken:.1f} | {rate} |")
    click.echo(f"\nanonymous memory, at most: {most:.0f} MB, allowed {ALLOWANCE}")
    raise SystemExit(most > ALLOWANCE)


if __name__ == "__main__":
    main()
