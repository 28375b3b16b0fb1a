"""The paths that are measured: the straight lines, and the curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Variant, lerp
from lmctool.api.advanced import weighted_mean
from lmctool_plugins.analyses.curve.kernel import coefficients

if TYPE_CHECKING:
    from lmctool.api import Run, Weights
    from lmctool_plugins.analyses.curve.training import Curve

LINE, CURVE, RESET = "line", "curve", "reset"


def resets(run: Run) -> bool:
    """Tell whether the straight line is measured with statistics taken anew as well.

    It is where there are BatchNorms, unless ``--batchnorm`` asks for that anyway.
    """
    return run.batchnorm.policy != "reset" and bool(run.resources.batchnorms())


def straight(run: Run) -> list[Variant]:
    """Return the straight lines, of which the last one has the ends of the curve.

    They are those of every path, as ``--batchnorm`` asks for.  Behind them is the last one with
    statistics taken anew at each point between the ends, as they are on the curve: what lies
    between these two and not between that one and the curve is no merit of the curve.
    """
    lines = list(run.variants())
    if resets(run):
        lines.append(_reset_line(run, lines[-1]))
    return lines


def _reset_line(run: Run, line: Variant) -> Variant:
    def between(alpha: float) -> Weights:
        return run.batchnorm.reset(lerp(line.a, line.b, alpha))

    def decided_by(alpha: float) -> list[object]:
        return [RESET, alpha, run.calibration.recipe]

    name = "line+reset" if line.transform is None else f"{line.name}+reset"
    return Variant(name, line.ends, line.a, line.b, between, decided_by, line.transform)


def path_names(lines: list[Variant]) -> list[str]:
    """Return what paths are called: the straight line that nothing was done to is ``line``."""
    return [LINE if line.name == "plain" else line.name for line in lines] + [CURVE]


def bent(run: Run, curve: Curve) -> Variant:
    """Return the curve as a path, with statistics taken anew at each point between the ends."""
    line, training = curve.path, curve.training
    points = [line.a, *curve.bends, line.b]

    def between(alpha: float) -> Weights:
        counts = coefficients(training.kind, training.bends, alpha)
        return run.batchnorm.reset(weighted_mean(points, counts.tolist()))

    def decided_by(alpha: float) -> list[object]:
        return [CURVE, training.kind, curve.digest, alpha, run.calibration.recipe]

    return Variant(CURVE, line.ends, line.a, line.b, between, decided_by, line.transform)
