"""The table of ``make bench``: how fast lmctool is here, as ratios measured in one run.

``python -m benchmarks.speed --markdown FILE --json FILE --figure FILE``; each file is optional,
``--only ResNet20 --only ViT`` takes some rows alone, and ``--large`` a longer main command.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import torch

from benchmarks.speed import evaluation_growth, memory, rows
from benchmarks.speed.rows import Row, Scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCALES = {"cpu": Scale(9, 1000, 500, 3), "cuda": Scale(25, 10_000, 5000, 5)}
LARGE = Scale(11, 4000, 500, 3)
"""The main command as long as it is in use; it takes ten minutes and more on two cores."""
ROWS = ("main", "alignment", *rows.EVALUATION, "layerwise")
PATH = click.Path(dir_okay=False, path_type=Path)


def measured(
    folder: Path, device: str, scale: Scale, only: Sequence[str], main: Scale
) -> Iterator[Row]:
    """Give the rows one by one.

    Args:
        folder: where networks and images go.
        device: what computes.
        scale: how much work the rows are.
        only: which rows; all, if there is none.
        main: how much work the main command is.
    """
    for row in only or ROWS:
        if row == "main":
            yield rows.main_command(folder, device, main)
        elif row == "alignment":
            yield rows.alignment(folder, device, scale)
        elif row == "layerwise":
            yield rows.layers(device, scale)
        else:
            yield rows.throughput(folder, device, scale, row)


def machine(device: str) -> dict[str, str | int]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else (names or ["CPU"])[0],
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "lmctool": version("lmctool"),
    }


def table(found: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| work | ours, s | s | against | ratio | wanted | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.work} | {row.ours:.2f} | {row.other:.2f} | {row.against} |"
        f" **{row.ratio:.2f}** | {row.wanted:g} | {row.note} |"
        for row in found
    ]
    return "\n".join(lines)


@click.command()
@click.option("--device", type=click.Choice(list(SCALES)), help="By default a GPU if there is one.")
@click.option("--large", is_flag=True, help="11 points and 4,000 images for the main command.")
@click.option("--only", multiple=True, type=click.Choice(ROWS), help="These rows and no more.")
@click.option("--markdown", type=PATH, help="Where the table goes.")
@click.option("--json", "data", type=PATH, help="Where the figures go.")
@click.option("--figure", type=PATH, help="Where the growth of the time is drawn.")
def main(
    device: str | None,
    large: bool,
    only: tuple[str, ...],
    markdown: Path | None,
    data: Path | None,
    figure: Path | None,
) -> None:
    """Measure, and print the table."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    found: list[Row] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        scale = SCALES[device]
        for row in measured(folder, device, scale, only, LARGE if large else scale):
            click.echo(f"{row.work}: {row.ratio:.2f} ({row.note})", err=True)
            found.append(row)
        held = memory.copies(folder) if device == "cpu" and not only else None
        curves = evaluation_growth.growth(folder, device, 3) if figure else {}
    about = machine(device)
    told = ", ".join(f"{key} {value}" for key, value in about.items())
    text = f"{told}\n\n{table(found)}\n"
    if held is not None:
        text += f"\nPeak memory of the main command beyond model, data and activations: {held:.1f}"
        text += " copies of the weights (wanted: at most 3).\n"
    click.echo(text)
    if markdown:
        markdown.write_text(text)
    if figure:
        evaluation_growth.draw(curves, figure)
    if data:
        whole = {**about, "rows": [asdict(row) for row in found], "copies": held, "growth": curves}
        data.write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main()
