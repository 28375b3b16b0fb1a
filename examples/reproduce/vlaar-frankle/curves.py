"""Figures of several interventions: the loss of each on the path from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reading import pick

from lmctool.report.style import COLOURS, DASHES, applied

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from study import Study


def paths(found: Study, title: str, names: Iterable[str]) -> tuple[Path, str]:
    """Draw the paths of some interventions in one figure, a line for each seed.

    Returns:
        The PNG file, and what it shows.
    """
    place = found.steps.folder / f"{title.replace(' ', '-')}.png"
    with applied():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.5, 3.6), layout="constrained")
        axes = figure.subplots()
        for number, name in enumerate(names):
            for seed, path in enumerate(found.paths[name]):
                axes.plot(
                    pick(path, "interpolate/curve/alpha"),
                    pick(path, "interpolate/curve/loss"),
                    color=COLOURS[number % len(COLOURS)],
                    linestyle=DASHES[number % len(DASHES)],
                    alpha=1 if seed == 0 else 0.5,
                    label=name if seed == 0 else None,
                    marker="",
                )
        axes.set_xlabel("alpha (0 = start of training, 1 = end)")
        axes.set_ylabel("training loss (nats)")
        several = any(len(seeds) > 1 for seeds in found.paths.values())
        title = "paler: another seed" if several else None
        figure.legend(title=title, loc="outside right upper")
        figure.savefig(place)
    return place, f"Training loss on the paths: {title}"
