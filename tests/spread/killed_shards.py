"""Shards that are killed at random moments, all of one process that has imported what they need.

``python killed_shards.py SEED ROUNDS SHARDS COMMAND...`` starts the shards of a command again and
again, and kills one after the other; it prints how many were killed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

MOST, JITTER = 4, 0.05
"""Files of finished work that appear before a shard is killed, and seconds after that, at most."""


def started(words: list[str]) -> int:
    """Start a command in a process of its own, and return its number."""
    from lmctool.cli import main

    process = os.fork()
    if process:
        return process
    try:
        main(words)
    except SystemExit as end:
        os._exit(int(end.code or 0))
    finally:
        os._exit(1)


def killed_of(seed: int, rounds: int, shards: int, command: list[str]) -> int:
    """Return how many shards were killed before they had ended."""
    import torch

    from lmctool.cli import share  # noqa: F401

    torch.set_num_threads(1)
    chance, killed = random.Random(seed), 0
    for _ in range(rounds):
        processes = [
            started([*command, "-q", "--shard", f"{number + 1}/{shards}"])
            for number in range(shards)
        ]
        for process in processes:
            enough = files() + chance.randint(0, MOST)
            while files() < enough and not has_ended(process):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, JITTER))
            os.kill(process, signal.SIGKILL)
            killed += os.WIFSIGNALED(os.waitpid(process, 0)[1])
    return killed


def files() -> int:
    """Return how many files of finished work there are."""
    return sum(1 for _ in Path().glob("*.work/*.npz"))


def has_ended(process: int) -> bool:
    """Tell whether a child has ended; it can be waited for afterwards."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


if __name__ == "__main__":
    seed, rounds, shards = map(int, sys.argv[1:4])
    print(killed_of(seed, rounds, shards, sys.argv[4:]))
