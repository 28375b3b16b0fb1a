"""--observer mlflow:EXPERIMENT, read back by MLflow from a store of files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.results.metrics import metrics
from tests.libraries import needs
from tests.plugins.observers.conftest import failed, observed

if TYPE_CHECKING:
    import pytest


pytestmark = needs("mlflow")


def runs(experiment: str) -> tuple[Any, list[Any]]:
    """Return a client, and the runs of an experiment."""
    from mlflow import MlflowClient

    client = MlflowClient()
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return client, [*client.search_runs([found.experiment_id])]


def test_metrics_curves_figure_and_inputs_are_in_the_store() -> None:
    result = observed("mlflow:paths")
    client, (run,) = runs("paths")
    assert run.info.status == "FINISHED"
    expected = metrics(result)["barrier.error[variant=align,split=test]"]
    assert run.data.metrics["barrier.error/variant_align split_test"] == expected

    def history(name: str) -> list[tuple[int, float]]:
        return [
            (each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)
        ]

    line = result.groups["barrier/curve"].variables["loss"].values[0, 0].tolist()
    assert history("barrier/curve/alpha") == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert history("barrier/curve/loss/variant_plain split_test") == [*enumerate(line)]
    digest = result.groups["provenance"].attributes["checkpoint.0.digest"]
    assert run.data.params["checkpoint.0.digest"] == digest
    assert run.data.params["plan.analysis"] == "barrier"
    figure = Path(client.download_artifacts(run.info.run_id, "figure.png"))
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_failed_run_is_marked_failed_and_the_environment_may_name_the_experiment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "paths")
    failed("mlflow")
    _, (run,) = runs("paths")
    assert run.info.status == "FAILED"
    assert run.data.tags["error"].startswith("UnjudgedError: every checkpoint answers at chance")
