"""Weights & Biases: a run of PROJECT, or of ENTITY/PROJECT, with metrics, curves and the figure."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lmctool.api import Observer, hookimpl
from lmctool.api.advanced import import_library, sparingly, tracked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Result
    from lmctool.api.advanced import TrackedCurves

ALLOWED = r"\w./=+: \-"


class WandbRun:
    """One run of lmctool as a run of Weights & Biases, beside one that may be active already."""

    def __init__(self, place: str) -> None:
        """Look for the library.

        Raises:
            LmctoolError: it isn't installed.
        """
        self._wandb: Any = import_library("wandb", f"wandb:{place}", "observer")
        self._entity, _, self._project = place.rpartition("/")
        self._run: Any = None

    def started(self, provenance: Mapping[str, Any]) -> None:
        """Begin the run, with the plan as its configuration."""
        with _exits_left_alone():
            self._run = self._wandb.init(
                entity=self._entity or None,
                project=self._project or None,
                job_type=provenance["analysis"],
                config={f"plan.{key}": value for key, value in provenance.items()},
                reinit="create_new",
                settings=self._wandb.Settings(console="off"),
            )

    def progressed(self, description: str, done: int, total: int) -> None:
        """Say how far it is."""
        self._run.summary["progress"] = f"{description}: {done} of {total}"

    def finished(self, result: Result | None, error: BaseException | None) -> None:
        """Log all that the result holds, or why there is none."""
        try:
            if result is None:
                self._run.summary["error"] = f"{type(error).__name__}: {error}"
            else:
                self._log(result)
        except Exception:
            self._run.finish(exit_code=1)
            raise
        self._run.finish(exit_code=int(result is None))

    def _log(self, result: Result) -> None:
        told = tracked(result, ALLOWED)
        self._run.config.update(told.provenance)
        self._run.log(told.metrics)
        for curves in told.curves:
            self._log_curves(curves)
        if told.figure is not None:
            from PIL import Image

            with Image.open(BytesIO(told.figure)) as figure:
                self._run.log({"figure": self._wandb.Image(figure)})

    def _log_curves(self, curves: TrackedCurves) -> None:
        """Log curves over an axis of their own."""
        self._run.define_metric(curves.axis, hidden=True, summary="none")
        for name in curves.series:
            self._run.define_metric(name, step_metric=curves.axis, summary="none")
        for place, position in enumerate(curves.positions):
            values = {name: float(line[place]) for name, line in curves.series.items()}
            present = {name: value for name, value in values.items() if value == value}
            self._run.log({curves.axis: float(position), **present})


@contextmanager
def _exits_left_alone() -> Iterator[None]:
    """Undo that W&B takes the place of ``sys.exit``, whose callers lmctool looks at."""
    before = sys.exit, sys.excepthook
    try:
        yield
    finally:
        sys.exit, sys.excepthook = before


def opened(place: str) -> Observer:
    """Return the observer of one run."""
    run = WandbRun(place)
    return Observer(run.started, sparingly(run.progressed), run.finished)


@hookimpl
def lmctool_observer() -> Observer:
    """Add ``--observer wandb:PROJECT``."""
    return Observer(open=opened)
