"""The pictures of the page: panels side by side in lmctool's style."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lmctool.report.look import looks
from lmctool.report.style import applied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

PANEL, HEIGHT = 3.6, 3.4
MOST = 3
"""Panels in a row."""


def styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how lines look by their names: variants as in every figure of lmctool."""
    return {name: look.line for name, look in zip(names, looks(names), strict=True)}


@contextmanager
def panels(path: Path, count: int, legend_rows: int = 1) -> Iterator[list[Axes]]:
    """Give axes to draw on, in rows, and save them as a PNG with one legend below all.

    Args:
        path: of the PNG.
        count: how many axes.
        legend_rows: how many rows the legend has; 0 leaves it out.
    """
    from matplotlib.figure import Figure

    with applied():
        rows = -(-count // MOST)
        columns = -(-count // rows)
        figure = Figure(figsize=(PANEL * columns, HEIGHT * rows), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        yield axes
        entries = {
            label: line
            for each in axes
            for line, label in zip(*each.get_legend_handles_labels(), strict=True)
        }
        if legend_rows:
            across = -(-len(entries) // legend_rows)
            figure.legend(
                entries.values(), entries.keys(), loc="outside lower center", ncols=across
            )
        figure.savefig(path)
