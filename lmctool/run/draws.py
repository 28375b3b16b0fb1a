"""The draws of the calibration examples that ``--repeat`` asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, MERGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from lmctool.plugin.records import Analysis
    from lmctool.plugin.settings import Settings
    from lmctool.run.run import Run


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of the calibration examples.

    Attributes:
        seed: what chose them.
        digest: that of the examples.
        index: (example,) positions in the stored split, rising.
    """

    seed: int
    digest: str
    index: NDArray[np.int64]


def check_repeated(analysis: Analysis, settings: Settings, options: Mapping[str, Any]) -> None:
    """Refuse to repeat what no calibration examples decide.

    Args:
        analysis: the analysis.
        settings: what the user asked.
        options: the values of the analysis's own options.

    Raises:
        LmctoolError: neither the analysis nor anything that the user chose looks at them.
    """
    aligner = settings.aligner
    looks = aligner is not None and (
        registry.load(ALIGNERS, aligner.name).looks_at_data(aligner.options)
    )
    merge = settings.merge
    looks |= merge is not None and "data" in registry.load(MERGES, merge.name).needs
    resets = settings.batchnorm == "reset"
    own = analysis.calibrates
    names = (own,) if isinstance(own, str) else () if isinstance(own, bool) else own
    calibrates = own is True or any(options.get(name) not in (None, False) for name in names)
    if not (calibrates or looks or resets or settings.correction is not None):
        raise LmctoolError(
            f"--repeat {settings.draws} draws other calibration examples each time, but nothing in"
            " this run looks at any: give an aligner that does, a correction such as --repair, or"
            " --batchnorm reset"
        )


def check_draws(run: Run) -> None:
    """Refuse draws that are all of the same examples.

    Raises:
        LmctoolError: the calibration split has no more examples than each draw takes.
    """
    split, draws = run.calibration.split, run.settings.draws
    if len(split) == split.total:
        raise LmctoolError(
            f"--repeat {draws} would draw all {split.total} examples of split {split.name!r} each"
            " time, so nothing would differ; pass a --calib-size below that"
        )


def notes_on(run: Run, *, writes: bool) -> list[str]:
    """Return in sentences what is to be known of an average over draws.

    Args:
        run: the run of the first draw.
        writes: whether a checkpoint is written.
    """
    split = run.calibration.split
    notes = [
        f"each draw is {len(split)} of the {split.total} examples of split {split.name!r}; the"
        " networks and all else are the same, so the interval is none over other networks"
    ]
    names = ["checkpoint"] * writes + ["permutation"] * bool(run.alignments.proved)
    if names:
        verb = "is that" if len(names) == 1 else "are those"
        notes.append(f"the {' and the '.join(names)} {verb} of draw 0, as without --repeat")
    return notes
