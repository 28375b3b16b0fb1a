"""Run the zoo: every model in a process of its own, so that memory and time have bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

from benchmarks.zoo.catalogue import CATALOGUE
from benchmarks.zoo.page import write
from benchmarks.zoo.trial import Outcome, attempt

MARK = "outcome: "
"""What a child puts before its result; libraries print as they please."""


def alone(name: str, seconds: float) -> Outcome | str:
    """Try a model in a process of its own; return what stopped it, if anything did."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.zoo", "--one", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"took more than {seconds:.0f} s"
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return Outcome(**json.loads(line.removeprefix(MARK)))
    said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
    return said[-1][:160]


def told(name: str, outcome: Outcome | str) -> str:
    """Return the line that is printed of a model."""
    if isinstance(outcome, str):
        return f"{name}: {outcome}"
    entry = CATALOGUE[name]
    verdict = "holds" if outcome.holds else "CHANGES"
    short = entry.units is not None and outcome.units < entry.units
    return (
        f"{name}: {verdict}, {outcome.units} of {outcome.there_are} units"
        f"{f', by hand {entry.units}' if short else ''}, error {outcome.difference:.0e},"
        f" controls {outcome.noticed}/{outcome.controls},"
        f"{' its folder opens as another,' * (outcome.opens is False)}"
        f" {outcome.trace:.1f} + {outcome.derive:.1f} s"
    )


@click.command()
@click.option("-k", "part", default="", help="Only models with this in their name or library.")
@click.option(
    "--markdown",
    "page",
    type=click.Path(path_type=Path),
    help="Write the table, and what was found as .json beside it; models that are not tried now"
    " keep their rows if the libraries' versions are the same.",
)
@click.option("--timeout", default=600.0, show_default=True, help="Seconds for one model.")
@click.option("--one", hidden=True, help="Try one model in this process.")
def main(part: str, page: Path | None, timeout: float, one: str | None) -> None:
    """Try every model; exit with 1 if one changes its function or finds fewer than by hand."""
    if one is not None:
        click.echo(MARK + json.dumps(attempt(CATALOGUE[one]).record()))
        return
    passed = True
    for name, entry in CATALOGUE.items():
        if part.lower() in f"{name} {entry.library}".lower():
            outcome = alone(name, timeout)
            click.echo(told(name, outcome))
            passed &= passes(name, outcome)
            if page:  # after each model, so that a run broken off leaves what it found
                write(page, CATALOGUE, {name: outcome})
    if not passed:
        raise SystemExit(1)


def passes(name: str, outcome: Outcome | str) -> bool:
    """Return whether a model keeps its function and finds what a person finds."""
    bar = CATALOGUE[name].units or 0
    return isinstance(outcome, Outcome) and outcome.holds and outcome.units >= bar


if __name__ == "__main__":
    main()
