"""The correction that the user named, as variants of a path take it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.plugin import registry
from lmctool.plugin.kinds import CORRECTIONS
from lmctool.run.variant import Correct

if TYPE_CHECKING:
    from lmctool.run.run import Run


def chosen_correction(run: Run, *, storable: bool) -> Correct | None:
    """Return what corrects the networks between two ends; None if nothing was asked for.

    Args:
        run: the run, which the correction may ask for statistics.
        storable: corrected weights must fit the model's own tensors.
    """
    choice = run.settings.correction
    if choice is None:
        return None
    correction = registry.load(CORRECTIONS, choice.name)
    options = {name: repr(value) for name, value in choice.options.items()}

    def recipe() -> list[object]:
        policy = run.settings.batchnorm
        return [choice.name, options, storable, policy, run.calibration.recipe]

    return Correct(partial(correction.prepare, run, storable=storable, **choice.options), recipe)
