"""Kill runs at random moments, let them go on, and count what was lost: make survival."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

from tools.survival import changes
from tools.survival.job import DIGITS, Job, kill

PAIR = (str(DIGITS / "a.safetensors"), str(DIGITS / "b.safetensors"))
STEPS = ("--align", "--repair")


def alphas(count: int) -> tuple[str, str]:
    """Return the option that names so many positions between the ends."""
    return "--alphas", ",".join(f"{n / (count + 1):.6f}" for n in range(1, count + 1))


COMMANDS = {
    "barrier": ("barrier", *PAIR, *STEPS, "--points", "601"),
    "variance": ("variance", *PAIR, *STEPS, *alphas(120)),
    "merge": ("merge", *PAIR, *STEPS, *alphas(300)),
    "layerwise": ("layerwise", *PAIR, "--align", "--points", "401"),
}


def main() -> None:
    """Print one line a command, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("build/survival"))
    parser.add_argument("--commands", default=",".join(COMMANDS))
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    names = given.commands.split(",")
    total: Counter[str] = Counter()
    for number, name in enumerate(names):
        kills = given.kills // len(names) + (number < given.kills % len(names))
        chance = random.Random(given.seed + number)
        total.update(campaign(name, kills, chance, given.folder / name))
    print("in all:", ", ".join(f"{count} {what}" for what, count in total.items()))
    chance = random.Random(given.seed)
    refused = changes.campaign(given.changes, chance, given.folder / "changes")
    print(f"changes before --resume: {given.changes}, refused for the right cause", end=" ")
    print(f"{refused.total()}:", ", ".join(f"{count} {name}" for name, count in refused.items()))


def campaign(name: str, kills: int, chance: random.Random, folder: Path) -> Counter[str]:
    """Kill one command so many times; return what was counted."""
    folder.mkdir(parents=True)
    reference = Job(folder / "reference", COMMANDS[name])
    reference.folder.mkdir()
    began = time.monotonic()
    if reference.start().wait():
        raise SystemExit(f"{name} does not run: see {reference.log}")
    seconds = time.monotonic() - began
    counted: Counter[str] = Counter(
        dict.fromkeys(
            ("kills", "runs", "broken outputs", "lost work", "failed", "strays", "different"), 0
        )
    )
    while counted["kills"] < kills:
        job = Job(folder / f"run{counted['runs']}", COMMANDS[name])
        job.folder.mkdir()
        _run(job, kills, seconds, chance, counted)
        counted["runs"] += 1
        if told := job.differs(reference):
            counted["different"] += 1
            print(f"{job.folder}: {told}")
        counted["strays"] += len(job.strays())
    print(
        f"{name}: unbroken {seconds:.1f} s,",
        ", ".join(f"{n} {w}" for w, n in counted.items()),
        flush=True,
    )
    return counted


def _run(
    job: Job, kills: int, seconds: float, chance: random.Random, counted: Counter[str]
) -> None:
    """Start a job, and again after each kill, until it comes to its end."""
    while True:
        before = len(job.work())
        process = job.start("--resume")
        try:
            left = chance.uniform(0, seconds) if counted["kills"] < kills else None
            code = process.wait(left)
        except subprocess.TimeoutExpired:
            kill(process)
            counted["kills"] += 1
            counted["broken outputs"] += len(job.broken())
            counted["lost work"] += not job.whole() and len(job.work()) < before
            continue
        counted["failed"] += code != 0
        return


if __name__ == "__main__":
    main()
