"""What a plugin's functions get: a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import ANALYSES
from lmctool.testing.pairs import tiny_pair

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.run.run import Run


def tiny_run(folder: Path, analysis: str = "barrier", **settings: Any) -> Run:
    """Return a run on the tiny pair, as a plugin's functions get it.

    ``run.weights(0)`` and ``run.weights(1)`` are the networks; ``run.align``, ``run.variants``
    and the like work as they do in a command.

    Args:
        folder: an existing folder, which gets the pair unless ``checkpoints`` are given.
        analysis: the analysis that the run is of.
        settings: shared options by the names of ``lmctool.api.Settings``; ``aligner`` and
            ``correction`` may be the word alone.
    """
    from lmctool.plugin import registry
    from lmctool.plugin.settings import Choice, Settings
    from lmctool.run.run import Run

    chosen = {"checkpoints": None, "allow_chance": True} | settings
    chosen["checkpoints"] = chosen["checkpoints"] or tiny_pair(folder)
    for slot in ("aligner", "correction"):
        if isinstance(chosen.get(slot), str):
            chosen[slot] = Choice(chosen[slot])
    return Run(analysis, registry.load(ANALYSES, analysis), Settings(**chosen))
