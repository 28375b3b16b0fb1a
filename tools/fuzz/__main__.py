"""The long campaign: ``python -m tools.fuzz --mutants 24000``, which prints a table of figures."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tools.fuzz.campaign import TARGETS, read
from tools.fuzz.figures import table

PORTIONS = {
    "safetensors": 1.5,
    "HDF5 result": 1.5,
    "lmctool.toml": 1.5,
    "policy": 2.0,
    "condition": 3.0,
    "permutation spec": 0.5,
}
"""The share of a target beside the others, where it isn't 1."""
SHOWN = 30
"""Faults of one target that are told."""


def main() -> int:
    """Run the campaign; return 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=24_000, help="of all formats together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes that read at once")
    parser.add_argument("--only", choices=sorted(TARGETS), action="append", help="one format")
    parser.add_argument("--markdown", type=Path, help="a file that gets the table too")
    asked = parser.parse_args()
    shares = {name: PORTIONS.get(name, 1.0) for name in asked.only or TARGETS}
    counts = {n: -int(-asked.mutants * s // sum(shares.values())) for n, s in shares.items()}
    work = partial(read, seed=asked.seed)
    with ProcessPoolExecutor(asked.jobs, multiprocessing.get_context("spawn")) as pool:
        found = []
        for each in pool.map(work, counts, counts.values()):
            found.append(each)
            sys.stderr.write(table([each]).splitlines()[2] + "\n")
            sys.stderr.writelines(f"{each.target}, {fault}\n" for fault in each.faults[:SHOWN])
    text = table(found)
    sys.stdout.write(text)
    if asked.markdown:
        asked.markdown.write_text(text)
    return int(any(each.faults for each in found))


if __name__ == "__main__":
    sys.exit(main())
