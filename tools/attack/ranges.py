"""Grids without a point between the ends, and options of numbers that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.inputs import ANALYSES, FEW, OUT, RESULT, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "verdicts"

GRIDS = (
    "1,0", "0", "1", "0,1", "0.9999999999999999999", "1e-400", "0.0,1.0", "nan", "inf", "-0.5", "2",
    "0.5,2", "", ",", "x", "0.5;1",
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    given: tuple[str, ...]
    yield from numbers()
    for analysis in ("barrier", "interpolate", "layerwise", "matrix", "variance"):
        for grid in GRIDS:
            given = (analysis, A, B, f"--alphas={grid}", *FEW, *OUT, "-q")
            yield one(AREA, f"{analysis} --alphas={grid}", given, refused())
        if analysis != "variance":
            for points in ("2", "1", "0", "-3", "x"):
                given = (analysis, A, B, f"--points={points}", *FEW, *OUT, "-q")
                yield one(AREA, f"{analysis} --points={points}", given, refused())
    for alpha in ("0", "1", "-1", "1.5"):
        for name in ("repair", "trajectory"):
            given = (*words_of(name), f"--alpha={alpha}")
            rule = (
                refused() if name == "trajectory" or alpha not in "01" else Rule(frozenset({0, 2}))
            )
            yield one(AREA, f"{name} --alpha={alpha}", given, rule)


def numbers() -> Iterator[Attack]:
    """Yield NaN and infinities for every number that an option takes."""
    import click

    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import ANALYSES as KIND

    for analysis in ANALYSES:
        command = AnalysisCommand(analysis, registry.load(KIND, analysis))
        for option in command.params:
            if isinstance(option.type, click.types.FloatParamType) or "NUMBER" in str(
                option.metavar
            ):
                flag = max(option.opts, key=len)
                for value in ("nan", "inf", "-inf", "1e999"):
                    words = (*words_of(analysis), f"{flag}={value}")
                    yield one(AREA, f"{analysis} {flag}={value}", words, refused())
    for value in ("nan", "inf", "-1", "x"):
        yield one(
            AREA, f"rerun --tolerance={value}", ("rerun", RESULT, f"--tolerance={value}"), refused()
        )
