"""Results that were edited, and baselines that cannot be compared."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.command import run
from tools.attack.inputs import FEW, RESULT, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "verdicts"

EDITED = {
    "barrier": ("barrier.error", "barrier.loss", "end.error", "end.loss"),
    "distance": ("distance.relative", "distance.symmetric"),
    "interpolate": (
        "interpolate.highest_error",
        "interpolate.delta_loss",
        "interpolate.alpha_loss",
    ),
    "layerwise": (
        "layerwise.barrier_error",
        "layerwise.full_barrier_loss",
        "layerwise.share_error",
    ),
    "instability": ("instability.error", "instability.stable_from", "instability.pair_loss"),
    "matrix": ("matrix.connected", "matrix.clusters"),
    "plane": ("plane.lowest_error", "plane.highest_loss"),
    "trajectory": ("trajectory.gain.error", "trajectory.gain.loss"),
}
"""Metrics that follow from other arrays of a result."""
JUDGING = {
    "audit": ("audit", "--policy", "p.toml", "r.h5"),
    "show": ("show", "r.h5"),
    "report": ("report", "r.h5", "-o", "out.html"),
    "show --json": ("show", "r.h5", "--json", "-"),
}


def edit(analysis: str, metric: str, by: float) -> None:
    """Make a result, and change the values of one of its metrics."""
    import h5py

    done = run(*words_of(analysis)[:-3], "-o", "r.h5", "-q")
    if done.code:
        raise RuntimeError(done.last())
    Path("p.toml").write_text(f'[[gate]]\nrequire = "{metric} <= 0.5"\n')
    names = []
    with h5py.File("r.h5", "r+") as file:

        def change(_: str, thing: Any) -> None:
            if isinstance(thing, h5py.Dataset) and thing.attrs.get("metric") == metric:
                names.append(thing.name)
                thing[...] = thing[...] * 0 + by

        file.visititems(change)
    if not names:
        raise ValueError(f"no array holds {metric}")


def attacks() -> Iterator[Attack]:
    """Yield results whose summary was edited, and baselines that cannot be compared."""
    for analysis, metrics in EDITED.items():
        for metric in metrics:
            for by in (0.123, 0.871):
                for name, words in JUDGING.items():
                    rule = Rule(frozenset({4}), makes=())
                    label = f"{name} of {metric} edited to {by:g}"
                    yield one(AREA, label, words, rule, partial(edit, analysis, metric, by))
    for label, words in {
        "another analysis": ("audit", "--baseline", "distance.h5", RESULT),
        "other data": ("audit", "--baseline", "r.h5", RESULT),
        "other points": ("audit", "--baseline", "r5.h5", RESULT),
        "another definition": ("audit", "--baseline", "rd.h5", RESULT),
    }.items():
        yield one(AREA, f"a baseline of {label}", words, refused("", 4), _baselines)
    before = (*words_of("barrier"), "--baseline")
    for label, path in {"nothing": "no.h5", "a checkpoint": A, "a text": "policy.toml"}.items():
        yield one(AREA, f"a baseline that is {label}", (*before, path), refused())
    for label, text in {
        "a word": "x",
        "NaN": "nan",
        "negative": "-1",
        "infinite": "inf",
        "2": "2",
    }.items():
        words = ("audit", "--baseline", RESULT, f"--tolerance={text}", RESULT)
        yield one(AREA, f"a tolerance that is {label}", words, refused())


def _baselines() -> None:
    words = ("barrier", A, B, *FEW, "-q")
    made = (
        run(*words, "--points", "3", "--data", "arrays:data.npz", "-o", "r.h5"),
        run(*words, "--points", "5", "-o", "r5.h5"),
        run(*words, "--points", "3", "--definition", "max-end", "-o", "rd.h5"),
    )
    if any(done.code for done in made):
        raise RuntimeError([done.last() for done in made])
