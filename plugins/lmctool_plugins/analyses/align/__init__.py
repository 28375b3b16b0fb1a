"""Align the second checkpoint's hidden units with the first's, and write it.

The written checkpoint is the same function as the second, proved on real examples; only the
order of its hidden units is another, the one that the aligner matched with the first, or that
an earlier result holds.  Without data the proof uses an example input, and there are no scores.
The figure shows the filters of the first layer where they are images (Jordan et al. 2023, Fig. 9).
What ``--except`` names, such as a head of other classes, is not compared, and permuted along: the
proof is of all of B by its own model.  There are no scores then, as such networks have no midpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Analysis, HelpPage, Lazy, NewCheckpoint, Result, hookimpl
from lmctool_plugins.analyses.align.filters import FILTERS, filters
from lmctool_plugins.analyses.align.metrics import METRICS
from lmctool_plugins.analyses.align.view import SCORES, draw, table

if TYPE_CHECKING:
    from lmctool.api import Group, Run, Transform, Weights


def network_count(run: Run) -> int:
    """Return how many networks are measured: the ends, aligned B and the two midpoints."""
    return run.count + 3 if _is_scored(run) else 0


def _is_scored(run: Run) -> bool:
    """Tell whether there is data, and networks that it can be fed to."""
    return run.data is not None and not run.left_out


def compute(run: Run) -> Result:
    """Align B; where there is data, compare the midpoints before and after."""
    transform, b, scores = measured(run) if _is_scored(run) else aligned(run)
    groups = {"align": _moved(transform), **scores}
    networks = {"A": run.frame(run.weights(0)), "aligned B": b, "B": run.weights(1)}
    seen = filters(run, networks)
    if seen is not None:
        groups[FILTERS] = seen
    if run.resources.canonical:
        _note_rounding(run)
    made = "align, in canonical form" if run.resources.canonical else "align"
    return Result("align", groups, NewCheckpoint(b, like=1, metadata={"lmctool.made": made}))


def _note_rounding(run: Run) -> None:
    """Tell the user where linear maps are rounded so much that it can be seen."""
    narrow = {"F16", "BF16"} & set(run.checkpoints[1].dtypes.values())
    if narrow:
        run.note(
            f"'{run.checkpoints[1].path}' is stored as {min(narrow)}, and so is aligned B: what"
            " linear maps make of it is rounded to that, and its outputs with it"
        )


def _moved(transform: Transform) -> Group:
    from lmctool.api.advanced import permutation_part
    from lmctool_plugins.analyses.align.summary import moved

    permutation = permutation_part(transform)
    groups = permutation.spec.groups
    return moved(sum(map(permutation.moved, groups)), sum(map(permutation.spec.units, groups)))


def aligned(run: Run) -> tuple[Transform, Weights, dict[str, Group]]:
    """Return the transform, B brought into A's frame, and no scores."""
    from lmctool.api.advanced import one_by_one

    a, b = run.weights(0), run.weights(1)
    transform = run.align(a, b)
    # made as it is written: a large network passes through memory one tensor at a time
    return transform, transform.apply_lazily(one_by_one(run.frame(b))), {}


def measured(run: Run) -> tuple[Transform, Weights, dict[str, Group]]:
    """Return the transform, B in A's frame, and the scores of the ends and the midpoints."""
    from lmctool.api import score_group

    ends = run.ends
    plain, best = run.variants()
    scores = run.evaluate([best.b, plain.at(0.5), best.at(0.5)])
    names = ["a", "b", "aligned b", "midpoint", "aligned midpoint"]
    assert best.transform is not None
    return best.transform, best.b, {SCORES: score_group("align", names, [ends, scores])}


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool align``."""
    return Analysis(
        compute,
        networks=network_count,
        needs=frozenset({"model"}),
        optional=frozenset({"data"}),
        aligner="always",
        partial="excepted",
        writes=True,
        table=table,
        figure=draw,
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.align.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors -o aligned  # writes aligned.safetensors",
                "a.safetensors b.safetensors --aligner weight -o aligned",
            ),
            docs="docs/analyses/align.md",
        ),
    )
