"""How fast the commands on weights alone read a pair of checkpoints, against ``cat``, and memory.

Two sharded checkpoints of random values are written into a temporary folder and removed
afterwards.  Rates are told against ``cat`` of the same files, warm, to ``/dev/null``: ``cp`` of one
of them, with the wait for the disk that a command has too; the sums of ``lmctool distance``; the
digests of the tensors; the same with the SHA-256 of the files in one read, as of files that no run
has seen; that SHA-256 alone, two files at a time; and the whole commands, with their start.
``merge`` and ``graft`` write a third checkpoint as well.  Commands find the sums of files in a
cache of their own; two rows more are of ``distance`` on new files, and without sums.  With
``--before FOLDER``, another checkout of lmctool, its commands have rows as well.

Run ``python benchmarks/weights.py``; it prints a Markdown table, and exits with 1 if a command
takes more memory than allowed.  The repeats are interleaved, so that a slow moment of the machine
meets all alike.  It needs Linux, and disk and free memory (for the page cache) of three times
``--gigabytes``.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import numpy as np
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.checkpoint import identify_all
from lmctool.checkpoint.file_sums import NO_SUMS
from lmctool.checkpoint.squared_norms import squared_norms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).parents[1]
ALLOWANCE = 500
"""Megabytes of anonymous memory that a command may take beside two of the largest tensor."""
TENSOR = 1 << 26
"""Bytes of one tensor."""
WIDTH = 4096
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16}
POLL = 0.02
"""Seconds between two looks at the memory."""


def write(folder: Path, seed: int, gigabytes: float, shards: int, word: str) -> None:
    """Write one checkpoint: an index and its shards, a tensor's values a block over and over."""
    folder.mkdir()
    drawn = torch.randn(TENSOR // 16, generator=torch.Generator().manual_seed(seed))
    block = drawn.to(DTYPES[word]).view(torch.uint8).numpy().data
    shape = [TENSOR // DTYPES[word].itemsize // WIDTH, WIDTH]
    count = max(round(gigabytes * 1e9 / TENSOR), shards)
    names = sorted(f"blocks.{number}.weight" for number in range(count))
    weight_map: dict[str, str] = {}
    for shard, own in enumerate(np.array_split(names, shards)):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        header = {
            str(name): {
                "dtype": word,
                "shape": shape,
                "data_offsets": [n * TENSOR, (n + 1) * TENSOR],
            }
            for n, name in enumerate(own)
        }
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with (folder / file).open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            for _ in range(len(own) * TENSOR // len(block)):
                out.write(block)
        weight_map |= dict.fromkeys(header, file)
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


def watched(command: Sequence[str], surroundings: Mapping[str, str]) -> float:
    """Run a command; return the most megabytes of anonymous memory it held."""
    most = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=surroundings) as process:
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(POLL)
    if process.returncode:
        raise SystemExit(process.returncode)
    return most


def hashed(files: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of each file, two at a time."""

    def one(file: Path) -> str:
        with file.open("rb") as opened:
            return file_digest(opened, "sha256").hexdigest()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, files))


def processor() -> float:
    """Return the processor seconds that this process and those it waited for have spent."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def works(
    folder: Path, paths: Sequence[Path], before: Path | None = None
) -> dict[str, Callable[[], float]]:
    """Return what is measured by name; each returns the megabytes it took, or 0."""
    files = [file for path in paths for file in sorted(path.glob("*.safetensors"))]
    a, b = map(str, paths)
    checkpoints = [open_checkpoint(path) for path in paths]

    def cat() -> float:
        subprocess.run(["cat", *map(str, files)], check=True, stdout=subprocess.DEVNULL)
        return 0.0

    def sums() -> float:
        squared_norms(checkpoints, checkpoints[0].parameters)
        return 0.0

    def sha256() -> float:
        hashed(files)
        return 0.0

    def copied() -> float:
        subprocess.run(["cp", "-r", a, f"{folder}/copy"], check=True)
        subprocess.run(["sync", "-f", f"{folder}/copy"], check=True)
        shutil.rmtree(f"{folder}/copy")
        return 0.0

    def digests() -> float:
        identify_all([open_checkpoint(path) for path in paths], NO_SUMS)
        return 0.0

    def identities() -> float:
        identify_all([open_checkpoint(path) for path in paths])
        return 0.0

    def command(*words: str, of: Path = HERE) -> Callable[[], float]:
        start = f"import sys; sys.path[:0] = [{str(of)!r}, {str(of / 'plugins')!r}]"
        start += "; from lmctool.cli import main; main(sys.argv[1:])"
        out = [sys.executable, "-c", start, *words, "-o", f"{folder}/out", "--force", "--quiet"]
        surroundings = {**os.environ, "LMCTOOL_CACHE": f"{folder}/cache"}
        return lambda: watched(out, surroundings)

    commands = {
        "lmctool distance": ("distance", a, b),
        "lmctool merge": ("merge", a, b),
        "lmctool graft": ("graft", a, "--from", b, "--layers", r"blocks\.\d*[02468]"),
    }
    found = {
        "cat": cat,
        "cp of one": copied,
        "sums of distance": sums,
        "digests of the tensors": digests,
        "digests and SHA-256": identities,
        "SHA-256 of the files": sha256,
        "lmctool distance, new files": command("distance", a, b, "--no-cache"),
        "lmctool distance --no-hash": command("distance", a, b, "--no-hash"),
    }
    for name, words in commands.items():
        found[name] = command(*words)
        if before is not None:
            found[f"{name}, before"] = command(*words, of=before)
    return found


def measure(work: Callable[[], float], cat: Callable[[], float], repeats: int) -> dict[str, float]:
    """Return medians: seconds, their ratio to cat's just before, processor seconds, megabytes."""
    rows = []
    for _ in range(repeats):
        begun = time.perf_counter()
        cat()
        between, spent = time.perf_counter(), processor()
        memory = work()
        seconds = time.perf_counter() - between
        rows.append((seconds, (between - begun) / seconds, processor() - spent, memory))
    medians = np.median(np.array(rows), axis=0).tolist()
    return dict(zip(("seconds", "ratio", "processor", "memory"), medians, strict=True))


@click.command()
@click.option("--gigabytes", type=float, default=6, show_default=True, help="Of each.")
@click.option("--shards", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="F32", show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, exists=True), help="Where they go.")
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--before",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Another checkout, whose commands are measured as well.",
)
def main(
    gigabytes: float,
    shards: int,
    dtype: str,
    repeats: int,
    folder: str | None,
    out: Path | None,
    before: Path | None,
) -> None:
    """Print rates and memory; with --json write them too."""
    with TemporaryDirectory(dir=folder) as temporary:
        paths = [Path(temporary) / name for name in "ab"]
        for seed, path in enumerate(paths):
            write(path, seed, gigabytes, shards, dtype)
        files = [file for path in paths for file in path.glob("*.safetensors")]
        total = sum(file.stat().st_size for file in files) / 1e9
        todo = works(Path(temporary), paths, before and before.resolve())
        todo["cat"]()  # so that all else is warm
        time.sleep(3)  # sums of files that have just been written are not kept
        todo["lmctool distance"]()
        found = {name: measure(work, todo["cat"], repeats) for name, work in todo.items()}
    click.echo(
        f"{total:.1f} GB of {dtype} in {len(files)} files, {torch.get_num_threads()} threads\n"
    )
    click.echo("| work | seconds | GB/s | rate to cat's | processor seconds | MB at most |")
    click.echo("|---|---|---|---|---|---|")
    for name, told in found.items():
        rate = f"{told['seconds']:.1f} | {total / told['seconds']:.2f} | {told['ratio']:.2f}"
        held = f"{told['memory']:.0f}" if told["memory"] else ""
        click.echo(f"| {name} | {rate} | {told['processor']:.1f} | {held} |")
    if out is not None:
        machine = platform.processor() or platform.machine()
        about = {"gigabytes": total, "files": len(files), "dtype": dtype, "repeats": repeats}
        about |= {"machine": machine, "threads": torch.get_num_threads()}
        about |= {"python": platform.python_version(), "torch": torch.__version__}
        out.write_text(json.dumps({**about, "work": found}, indent=2) + "\n")
    most = max(told["memory"] for told in found.values())
    raise SystemExit(most > ALLOWANCE + 2 * TENSOR / 1e6)


if __name__ == "__main__":
    main()
