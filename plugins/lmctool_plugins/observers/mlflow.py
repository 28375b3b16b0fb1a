"""MLflow: a run of EXPERIMENT, with metrics, curves and the figure."""

from __future__ import annotations

import os
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lmctool.api import Observer, hookimpl
from lmctool.api.advanced import import_library, sparingly, tracked, tracked_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.api import Result
    from lmctool.api.advanced import Tracked

ALLOWED = r"A-Za-z0-9_./ \-"
MOST_METRICS, MOST_PARAMS = 1000, 100
"""The most of each that a server takes at once."""
LONGEST = 6000
"""The characters of the longest parameter."""


class MlflowRun:
    """One run of lmctool as a run of MLflow; the active run, if there is one, is left alone."""

    def __init__(self, place: str) -> None:
        """Look for the library.

        Raises:
            LmctoolError: it isn't installed.
        """
        self._mlflow: Any = import_library("mlflow", f"mlflow:{place}", "observer")
        self._experiment = place or os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
        self._client: Any = None
        self._run = ""

    def started(self, provenance: Mapping[str, Any]) -> None:
        """Begin the run, with the plan as its parameters."""
        self._client = self._mlflow.MlflowClient()
        found = self._client.get_experiment_by_name(self._experiment)
        experiment = (
            found.experiment_id if found else self._client.create_experiment(self._experiment)
        )
        name = f"lmctool {provenance['analysis']}"
        self._run = self._client.create_run(experiment, run_name=name).info.run_id
        self._log_params({f"plan.{key}": value for key, value in provenance.items()})

    def progressed(self, description: str, done: int, total: int) -> None:
        """Say how far it is."""
        self._client.set_tag(self._run, "progress", f"{description}: {done} of {total}")

    def finished(self, result: Result | None, error: BaseException | None) -> None:
        """Log all that the result holds, or why there is none."""
        status = "FAILED"
        try:
            if result is not None:
                self._log(result)
                status = "FINISHED"
            else:
                self._client.set_tag(self._run, "error", f"{type(error).__name__}: {error}")
        finally:
            self._client.set_terminated(self._run, status)

    def _log(self, result: Result) -> None:
        told = tracked(result, ALLOWED)
        self._log_params(told.provenance)
        values = [*self._values(told)]
        for begin in range(0, len(values), MOST_METRICS):
            self._client.log_batch(self._run, metrics=values[begin : begin + MOST_METRICS])
        if told.figure is not None:
            from PIL import Image

            with Image.open(BytesIO(told.figure)) as figure:
                self._client.log_image(self._run, figure, artifact_file="figure.png")

    def _log_params(self, params: Mapping[str, Any]) -> None:
        names = tracked_names([*params], ALLOWED)
        entity = self._mlflow.entities.Param
        entries = [entity(names[key], str(value)[:LONGEST]) for key, value in params.items()]
        for begin in range(0, len(entries), MOST_PARAMS):
            self._client.log_batch(self._run, params=entries[begin : begin + MOST_PARAMS])

    def _values(self, told: Tracked) -> Iterator[Any]:
        """Yield each metric, and each point of the axes and the curves at its step."""
        entity, now = self._mlflow.entities.Metric, int(time.time() * 1000)
        for name, value in told.metrics.items():
            yield entity(name, value, now, 0)
        for curves in told.curves:
            lines: dict[str, Sequence[float]] = {curves.axis: curves.positions.tolist()}
            lines |= {name: line.tolist() for name, line in curves.series.items()}
            for name, line in lines.items():
                for step, value in zip(curves.steps.tolist(), line, strict=True):
                    if value == value:
                        yield entity(name, value, now, step)


def opened(place: str) -> Observer:
    """Return the observer of one run."""
    run = MlflowRun(place)
    return Observer(run.started, sparingly(run.progressed), run.finished)


@hookimpl
def lmctool_observer() -> Observer:
    """Add ``--observer mlflow:EXPERIMENT``."""
    return Observer(open=opened)
