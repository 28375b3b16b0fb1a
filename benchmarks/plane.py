"""How long a plane takes, against the bare forward passes of as many networks.

The plane goes through three stamped checkpoints, as ``lmctool plane A B C`` measures it:
coordinates, forming each network, loss and error.  The other way is a loop of the module over the
same images, in the same batches, memory format and threads, once for each network, whose outputs
nobody looks at.  Running statistics are A's, so that every point of the grid is a network; A and B,
whose values are known, count for none.  Reading files and data, finding out how to evaluate, and
drawing are in neither.

Run ``python -m benchmarks.plane A B C --points 41``; it prints a Markdown row.  The repeats are
interleaved, so that a slow moment of the machine meets both ways alike.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import torch

from benchmarks.speed.clock import in_turns
from lmctool.evaluate.threads import use_threads
from lmctool.testing import tiny_run
from lmctool_plugins.analyses.plane.measure import measure as measure_plane


def measure(
    checkpoints: tuple[Path, ...], points: int, examples: int, repeats: int
) -> dict[str, float]:
    """Return the median seconds of both ways, and of their ratio.

    Args:
        checkpoints: three, stamped with their model and their data.
        points: of the grid along each side.
        examples: images of the test split.
        repeats: how often each way is timed.
    """
    options = {"margin": 0.2, "reach": None, "definition": "chord", "random": False, "path": None}
    with TemporaryDirectory() as folder:
        run = tiny_run(
            Path(folder), "plane", checkpoints=checkpoints, limit=examples, batchnorm="a"
        )

        def plane() -> object:
            return measure_plane(run, points=str(points), surface=False, **options)  # type: ignore[arg-type]

        plane()  # warms up, reads, and finds out how to evaluate
        assert run.strategy is not None
        networks = points**2 - 2
        module = run.resources.module.to(memory_format=run.strategy.layout)  # type: ignore[call-overload]
        (split,) = run.splits
        batches = [inputs for inputs, _ in split.batches(run.batch_size.size, run.dtype)]
        batches = [each.to(memory_format=run.strategy.layout) for each in batches]

        def bare() -> None:
            with torch.inference_mode():
                for _ in range(networks):
                    for inputs in batches:
                        module(inputs)

        taken = in_turns([plane, bare], repeats)
        return {
            "networks": networks,
            "batch": run.batch_size.size,
            "seconds": float(np.median(taken[:, 0])),
            "bare": float(np.median(taken[:, 1])),
            "ratio": float(np.median(taken[:, 0] / taken[:, 1])),
        }


@click.command()
@click.argument("checkpoints", nargs=3, type=click.Path(path_type=Path))
@click.option("--points", type=click.IntRange(min=4), default=41, show_default=True)
@click.option("--examples", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path))
def main(
    checkpoints: tuple[Path, ...],
    points: int,
    examples: int,
    repeats: int,
    threads: int,
    out: Path | None,
) -> None:
    """Print seconds of both ways and their ratio; with --json write them too."""
    use_threads(threads)
    found = measure(checkpoints, points, examples, repeats)
    click.echo("| work | networks | batch | seconds | bare | ratio | load |")
    click.echo("|---|---|---|---|---|---|---|")
    times = f"{found['seconds']:.1f} | {found['bare']:.1f} | {found['ratio']:.3f}"
    load = os.getloadavg()[0]
    click.echo(
        f"| plane, {points} x {points}, {examples} images | {found['networks']:.0f}"
        f" | {found['batch']:.0f} | {times} | {load:.1f} |"
    )
    if out is not None:
        told: dict[str, int | float | str] = {
            "points": points,
            "examples": examples,
            "repeats": repeats,
            "threads": threads,
            "load": load,
            "machine": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        }
        out.write_text(json.dumps(found | told, indent=2) + "\n")


if __name__ == "__main__":
    main()
