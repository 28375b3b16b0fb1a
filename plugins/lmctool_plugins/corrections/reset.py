"""Reset the BatchNorm statistics of interpolated networks.

Izmailov et al. 2018 (arXiv:1803.05407) take the running statistics of an averaged network anew,
by a pass over training examples in training mode.  In a network with a BatchNorm after every
convolution this equals REPAIR of the convolutions' outputs (Jordan et al. 2023, section 5.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Correction, LmctoolError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.api import Run, Weights


def prepare(run: Run, a: Weights, b: Weights, *, storable: bool) -> Callable[[float], Weights]:
    """Return the network at alpha with its BatchNorm statistics taken anew.

    Raises:
        LmctoolError: the model has no BatchNorm.
    """
    _check(run)
    return lambda alpha: run.batchnorm.reset(run.batchnorm.mix(a, b, alpha))


def prepare_merge(
    run: Run, networks: Sequence[Weights], *, storable: bool
) -> Callable[[Weights, Sequence[float]], Weights]:
    """Return what takes the BatchNorm statistics of a network that was made of others anew.

    Raises:
        LmctoolError: the model has no BatchNorm.
    """
    _check(run)
    return lambda weights, _: run.batchnorm.reset(weights)


def _check(run: Run) -> None:
    if not run.resources.batchnorms():
        raise LmctoolError(
            "the model has no BatchNorm statistics to reset; correction 'repair' needs none"
        )


@hookimpl
def lmctool_correction() -> Correction:
    """Add ``--repair reset``."""
    return Correction(prepare, prepare_merge=prepare_merge)
