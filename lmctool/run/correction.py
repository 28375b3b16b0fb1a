"""The correction that the user named, as variants of a path and merged networks take it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import CORRECTIONS
from lmctool.run.variant import Correct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.run.run import Run
    from lmctool.weights.arithmetic import Weights


def chosen_correction(run: Run, *, storable: bool, outputs_alone: bool = False) -> Correct | None:
    """Return what corrects the networks between two ends; None if nothing was asked for.

    Args:
        run: the run, which the correction may ask for statistics.
        storable: corrected weights must fit the model's own tensors.
        outputs_alone: nobody looks at their tensors, nor at values inside.
    """
    choice = run.settings.correction
    if choice is None:
        return None
    correction = registry.load(CORRECTIONS, choice.name)
    quicker = correction.prepare_outputs if outputs_alone and not storable else None
    options = {name: repr(value) for name, value in choice.options.items()}

    def recipe() -> list[object]:
        policy = run.settings.batchnorm
        way = [storable] if quicker is None else [storable, "outputs"]
        return [choice.name, options, *way, policy, run.calibration.recipe]

    if quicker is not None:
        return Correct(partial(quicker, run, **choice.options), recipe)
    return Correct(partial(correction.prepare, run, storable=storable, **choice.options), recipe)


def correction_of_merges(
    run: Run, networks: Sequence[Weights]
) -> Callable[[Weights, Sequence[float]], Weights]:
    """Return what corrects a network that was made of others, by the model's own tensors.

    Args:
        run: the run, in which a correction was asked for.
        networks: those that it is made of.

    Returns:
        ``(weights, shares)`` to the corrected weights; shares are how much each network counts,
        1 together.

    Raises:
        LmctoolError: as ``check_correction_of_merges``.
    """
    choice = run.settings.correction
    assert choice is not None
    check_correction_of_merges(run)
    prepare = registry.load(CORRECTIONS, choice.name).prepare_merge
    assert prepare is not None
    return prepare(run, networks, storable=True, **choice.options)


def check_correction_of_merges(run: Run) -> None:
    """Check that the correction that the user named, if any, is one of merged networks too.

    Raises:
        LmctoolError: it is one of paths alone.
    """
    choice = run.settings.correction
    if choice is None or registry.load(CORRECTIONS, choice.name).prepare_merge is not None:
        return
    names = registry.names(CORRECTIONS)
    able = [name for name in names if registry.load(CORRECTIONS, name).prepare_merge is not None]
    raise LmctoolError(
        f"--repair {choice.name} corrects networks on the straight path between two others, and"
        f" what is merged here lies on none; any merged network is corrected by {', '.join(able)}"
    )
