"""The highest loss in a ball around a network that gradient ascent finds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def highest(
    scores: Callable[[Tensor], tuple[float, float]],
    gradient: Callable[[Tensor], Tensor],
    scale: Tensor,
    radius: float,
    steps: int,
) -> tuple[float, float]:
    """Return loss and error where the loss is highest of all steps of an ascent; NaN for no step.

    With e = scale u and g the gradient by u, a step goes to u + radius g / |g| and from there
    straight back into |u| <= radius.  The first one from 0 is that of SAM where the scale is 1
    (Foret et al. 2021, equation 2), and of ASAM where it is the size of each parameter (Kwon et
    al. 2021, without their eta).  It is a lower bound of the highest loss of the ball.

    Args:
        scores: returns loss and error at an offset of the parameters, (size,).
        gradient: returns the gradient of the loss there, (size,).
        scale: (size,) the radius along each parameter.
        radius: of the ball.
        steps: of the ascent; there is none from where the gradient is 0.
    """
    place, best = scale.new_zeros(scale.shape), (math.nan, math.nan)
    for _ in range(steps):
        uphill = gradient(scale * place) * scale
        norm = float(uphill.double().norm())
        if not norm > 0:
            break
        place = place + uphill * (radius / norm)
        length = float(place.double().norm())
        if length > radius:
            place = place * (radius / length)
        found = scores(scale * place)
        if not found[0] <= best[0]:
            best = found
    return best
