"""REPAIR in closed form: from the ends' statistics alone, with no pass at any alpha.

Jordan et al. 2023 (arXiv:2211.08403), section 4.1: a channel of the first layer is the mixture
of the ends' channels, so that its variance follows from theirs and their covariance (equation
5), and with it the factor that gives it the standard deviation of equation 4:

    beta = ((1 - alpha) s1 + alpha s2)
           / sqrt((1 - alpha)^2 v1 + alpha^2 v2 + 2 alpha (1 - alpha) cov)

The channel is scaled around the mean that equation 3 asks for, which it has already.  As in the
exact variant a BatchNorm's epsilon is added to the variance below, so that both agree in the
first layer.  In deeper layers, whose inputs are corrected already and yet no mixtures, beta is an
approximation.  A residual block's output is left alone unless ``--targets`` says otherwise: the
stream that it adds to is corrected already, and beta would scale it once more at every block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Correction, hookimpl
from lmctool.api.advanced import correctable, corrected, goal, predicted, target_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from lmctool.api import Run, Weights


def prepare(
    run: Run,
    a: Weights,
    b: Weights,
    *,
    storable: bool,
    targets: Literal["layers", "blocks", "both"],
) -> Callable[[float], Weights]:
    """Return the network at alpha, corrected; one pass over the ends serves every alpha.

    Raises:
        LmctoolError: there is nothing to correct.
    """
    places = correctable(run, targets, storable)
    pairs = run.calibration.paired_moments(a, b, {t.tap: t.axis for t in places})

    def between(alpha: float) -> Weights:
        goals = {t.tap: goal(t, pairs[t.tap].first, pairs[t.tap].second, alpha) for t in places}
        shown = {tap: predicted(pair, alpha) for tap, pair in pairs.items()}
        return corrected(run.batchnorm.mix(a, b, alpha), places, goals, shown)

    return between


@hookimpl
def lmctool_correction() -> Correction:
    """Add ``--repair closed-form``."""
    return Correction(prepare, options=(target_option("layers"),))
