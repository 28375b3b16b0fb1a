"""Repair an interpolated network and write it as a checkpoint of the same architecture.

REPAIR (Jordan et al. 2023, arXiv:2211.08403) sets the statistics of chosen channels of an
interpolated network to the interpolation of the ends' (equations 3 and 4):

    mean(X_alpha) = (1 - alpha) mean(X_1) + alpha mean(X_2)
    std(X_alpha)  = (1 - alpha) std(X_1)  + alpha std(X_2)

The exact variant (section 4.2) takes the interpolated network's own statistics in one pass in
which every target is renormalised batch by batch, and then applies a scale and a shift to each
channel, fused into the weights where the architecture can hold them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.api import (
    Analysis,
    HelpPage,
    NewCheckpoint,
    Result,
    hookimpl,
)
from lmctool.api.advanced import DeclaredScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lmctool.api import Run, Table

WIDTH, LEGEND = 4.8, 0.4
"""The width of a panel, and the height of its legend or title, in inches."""


def network_count(run: Run, alpha: float) -> int:
    """Return how many networks are measured: the ends, and one of each variant."""
    return run.count + len(run.variant_names)


def compute(run: Run, alpha: float) -> Result:
    """Evaluate the ends, the networks at alpha, and hand out the repaired one."""
    from lmctool.api import score_group

    name = run.settings.correction.name if run.settings.correction else "none"
    ends = run.ends
    variants = run.variants(storable=True)
    points = [variant.at(alpha) for variant in variants]
    names = ["a", "b", *(variant.name for variant in variants)]
    parts = [ends, run.evaluate(points)]
    scores = score_group("repair", names, parts, {"alpha": alpha, "correction": name})
    made = f"repair, correction {name}, alpha {alpha}"
    checkpoint = NewCheckpoint(points[-1], metadata={"lmctool.made": made})
    return Result("repair", {"repair/scores": scores}, checkpoint)


def table(result: Result) -> Table:
    """Show loss and error of the ends and of the networks at alpha."""
    from lmctool.api import metrics_of, score_table

    group = result.groups["repair/scores"]
    attributes = group.attributes
    by = attributes.get("correction", "repair")  # earlier results don't name it
    title = f"Networks at alpha {attributes['alpha']}, corrected by {by}; the last one is written"
    names = [str(name) for name in group.variables["network"].values]
    return score_table(title, group, metrics=metrics_of(result), compared=names[2:])


def draw(result: Result, figure: Figure) -> None:
    """Draw each metric of the ends and of the networks at alpha."""
    from lmctool.api import shown_metrics
    from lmctool.api.advanced import bars_height, draw_scores, end_titles, panel_shape, panels

    scores, metrics = result.groups["repair/scores"], shown_metrics(result)
    networks, splits = scores.variables[metrics[0].name].values.shape
    rows, columns = panel_shape([len(metrics)])
    height = bars_height(networks, splits)
    figure.set_size_inches(WIDTH * columns, (height + LEGEND) * rows)
    (grid,) = panels(figure, [len(metrics)])
    titles = dict(zip("ab", end_titles(result), strict=True))
    variants = {name: name for name in map(str, scores.variables["network"].values[2:])}
    for axes, metric in zip(grid, metrics, strict=True):
        draw_scores(axes, scores, metric, titles, variants, (WIDTH, height))


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool repair``."""
    alpha = click.Option(
        ["--alpha"],
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.5,
        show_default=True,
        help="Position of the network between A (0) and B (1).",
    )
    return Analysis(
        compute,
        networks=network_count,
        options=(alpha,),
        aligner="optional",
        correction="always",
        writes=True,
        table=table,
        help=HelpPage(
            (
                "a.safetensors b.safetensors --align -o repaired  # writes repaired.safetensors",
                "a.safetensors b.safetensors --align --alpha 0.3 -o repaired",
            ),
            docs="docs/analyses/repair.md",
        ),
        figure=draw,
        metrics=(DeclaredScores("repair.{}", "{} of a network"),),
    )
