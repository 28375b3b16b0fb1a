"""Networks trained on disjoint, biased examples, and merged: figures 7 and 13."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from canvas import panels, styles
from claims import lowers, told
from page import Section, table
from reading import pick
from readings import ALIGNED, BOTH, alphas, curve, ends
from recipes import SHARE, Size, measure
from verdict import Finding, judged

from lmctool.report.scales import percent_axis

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from steps import Steps

    Array = NDArray[np.float64]

METRICS = ("loss", "error")
LABELS = {"loss": "test loss (nats)", "error": "test error"}
WHOLE = "one network on all examples"


def split(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Merge two networks of disjoint examples, and compare with the paper's baselines."""
    options = ("--align", "--repair", "--points", str(size.points), "--baselines")
    wanted = {
        "divided": (size.divided(), "barrier", (*options, "--by-split", "class")),
        "whole": (size.resnet("batch"), "barrier", ("--points", "3")),
    }
    made = measure(steps, size, wanted)
    path, single = made["divided"], {metric: ends(made["whole"], metric)[0] for metric in METRICS}
    share = f"{100 * SHARE:.0f} %"
    return (
        Section(
            "Split data: figures 7 and 13",
            "Two networks are trained on disjoint halves of CIFAR-100: one has 80 % of the first"
            " 50 classes' images and 20 % of the others', the other the rest. On all classes"
            " both are worse than their ensemble and than one network on everything; many"
            " REPAIRed interpolations are better than either end, the best with a loss of 1.30 at"
            " alpha 0.3. Either end with its logits rescaled to balanced predictions is better"
            " still.",
            f"ResNet20s with BatchNorm on the images above, {share} of five classes and"
            f" {100 - 100 * SHARE:.0f} % of the other five, half of all images each; the single"
            " network of the full set is the one from above.",
            (steps.command(path),),
            (tabulate(path, single), by_class(path)),
            ((draw(path, single, steps.folder / "split.png"), "merging networks of split data"),),
            findings(path, single),
        ),
    )


def baseline(path: Path, network: str, metric: str) -> float:
    """Return the value of one baseline."""
    return float(pick(path, f"barrier/baselines/{metric}", network=network).item())


def rows_of(path: Path, single: dict[str, float]) -> dict[str, dict[str, float]]:
    """Return loss and error of everything that is compared, by name."""
    both = ("a", "b")
    named = {
        f"end {end.upper()}": {m: ends(path, m)[n] for m in METRICS} for n, end in enumerate(both)
    }
    for variant in (ALIGNED, BOTH):
        named[f"best interpolation, {variant}"] = {
            metric: float(curve(path, variant, metric)[1:-1].min()) for metric in METRICS
        }
    named["ensemble, alpha 0.5"] = {m: baseline(path, "ensemble", m) for m in METRICS}
    for end in both:
        balanced = {m: baseline(path, f"balanced {end}", m) for m in METRICS}
        named[f"balanced {end.upper()}"] = balanced
    return {**named, WHOLE: single}


def tabulate(path: Path, single: dict[str, float]) -> str:
    """Return loss and error of everything that is compared."""
    rows = [
        (name, told(each["loss"], "loss"), told(each["error"]))
        for name, each in rows_of(path, single).items()
    ]
    return table(("network", "test loss", "test error"), rows)


def by_class(path: Path) -> str:
    """Return the error on each class."""
    names = [str(name) for name in pick(path, "barrier/classes/class")]
    shown = {"end A": "a", "end B": "b", "midpoint, align+repair": BOTH, "ensemble": "ensemble"}
    rows = [
        (
            label,
            *(f"{100 * value:.0f}" for value in pick(path, "barrier/classes/error", network=key)),
        )
        for label, key in shown.items()
    ]
    return table(("error by class, %", *names), rows)


def findings(path: Path, single: dict[str, float]) -> tuple[Finding, ...]:
    """Return what the values say of the paper's statements."""
    rows = rows_of(path, single)
    best = rows["best interpolation, align+repair"]
    both = ("end A", "end B")
    inner = curve(path, BOTH, "loss")[1:-1]
    place = alphas(path)[1:-1][inner.argmin()]
    lower = (inner < min(rows[end]["loss"] for end in both)).sum()
    return (
        lowers(
            "the best interpolation has a lower loss than either end",
            [(f"{end}: ", best["loss"], rows[end]["loss"]) for end in both],
            "loss",
        ),
        lowers(
            "and a lower error",
            [(f"{end}: ", best["error"], rows[end]["error"]) for end in both],
        ),
        Finding(
            "many interpolations have a lower loss than both ends",
            judged(2 * lower > len(inner)),
            f"{lower} of {len(inner)} points; the best at alpha {place:g}",
        ),
        lowers(
            "either end is worse than their ensemble, and than one network on all examples",
            [
                (f"{end}: ", rows[better]["loss"], rows[end]["loss"])
                for end in both
                for better in ("ensemble, alpha 0.5", WHOLE)
            ],
            "loss",
        ),
        lowers(
            "balanced predictions of either end are better than the best interpolation",
            [(f"{end}: ", rows[f"balanced {end}"]["loss"], best["loss"]) for end in "AB"],
            "loss",
        ),
    )


def draw(path: Path, single: dict[str, float], place: Path) -> Path:
    """Draw loss and error along the path, beside the ensemble and the baselines."""
    alpha = alphas(path)
    with panels(place, 2, legend_rows=2) as axes:
        for axis, metric in zip(axes, METRICS, strict=True):
            axis.plot(alpha, curve(path, BOTH, metric), label=BOTH, **styles([BOTH])[BOTH])
            mixed = pick(path, f"barrier/ensemble/{metric}")
            axis.plot(alpha, mixed, "-", color="0", marker="", label="ensemble of logits")
            for end, dash in (("a", "--"), ("b", ":")):
                level = baseline(path, f"balanced {end}", metric)
                label = f"balanced {end.upper()}"
                axis.axhline(level, color="0.45", linestyle=dash, marker="", label=label)
            look: dict[str, Any] = {"color": "#E69F00", "linestyle": "-.", "marker": ""}
            axis.axhline(single[metric], label="one on all examples", **look)
            axis.set_xlabel("alpha (0 = A, 1 = B)")
            axis.set_ylabel(LABELS[metric])
        percent_axis(axes[METRICS.index("error")].yaxis)
    return place
