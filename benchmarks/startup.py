"""How long ``--help`` takes, against importing click alone.

Run ``python benchmarks/startup.py``; it prints a Markdown table.  The repeats are interleaved, so
that a slow moment of the machine meets all of them alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import click

ALLOWANCE = 0.060
"""Seconds that a help page may take beyond twice the import of click."""
BASELINE = "python -c 'import click'"
RUN = "import sys; from lmctool.cli import main; main(sys.argv[1:])"
COMMANDS = {
    BASELINE: [sys.executable, "-c", "import click"],
    "lmctool --help": [sys.executable, "-c", RUN, "--help"],
    "lmctool barrier --help": [sys.executable, "-c", RUN, "barrier", "--help"],
}


def seconds(command: list[str]) -> float:
    """Return how long one run of a command takes."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def measure(repeats: int) -> dict[str, float]:
    """Return the median time of each command in seconds, after one run that warms up."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for repeat in range(repeats + 1):
        for name, command in COMMANDS.items():
            taken = seconds(command)
            if repeat:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


@click.command()
@click.option("--repeats", type=click.IntRange(min=1), default=20, show_default=True)
def main(repeats: int) -> None:
    """Print how long help takes; exit with 1 if it takes longer than allowed."""
    medians = measure(repeats)
    allowed = 2 * medians[BASELINE] + ALLOWANCE
    click.echo("| command | median, ms | ratio | allowed, ms |\n|---|---|---|---|")
    for name, taken in medians.items():
        limit = "" if name == BASELINE else f"{1000 * allowed:.0f}"
        click.echo(f"| `{name}` | {1000 * taken:.0f} | {taken / medians[BASELINE]:.2f} | {limit} |")
    if max(medians.values()) > allowed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
