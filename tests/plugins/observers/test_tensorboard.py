"""--observer tensorboard:FOLDER, read back by TensorBoard's own reader."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.results.metrics import metrics
from lmctool.testing import invoke
from tests.libraries import needs
from tests.plugins.observers.conftest import WORDS, failed, observed

if TYPE_CHECKING:
    import pytest


def events(folder: str) -> list[Any]:
    """Return what TensorBoard reads of each run in a folder, in the order of their names."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runs = [EventAccumulator(str(path)) for path in sorted(Path(folder).iterdir())]
    for run in runs:
        run.Reload()
    return runs


def values(run: Any, tag: str) -> list[tuple[int, float]]:
    from tensorboard.util.tensor_util import make_ndarray

    return [(each.step, make_ndarray(each.tensor_proto).item()) for each in run.Tensors(tag)]


def text(run: Any, tag: str) -> str:
    (value,) = run.Tensors(f"{tag}/text_summary")
    return str(value.tensor_proto.string_val[0].decode())


@needs("tensorboard")
def test_metrics_curves_figure_and_inputs_are_in_the_event_files() -> None:
    result = observed("tensorboard:logs")
    (run,) = events("logs")
    expected = metrics(result)
    for name in ("barrier.error[variant=align,split=test]", "end.loss[split=test,end=b]"):
        tag = name.replace("[", "/").replace(",", " ").removesuffix("]")
        assert values(run, tag) == [(0, expected[name])]
    curve = result.groups["barrier/curve"].variables
    assert values(run, "barrier/curve/alpha") == [(0, 0.0), (1, 0.5), (2, 1.0)]
    line = curve["loss"].values[0, 0].tolist()
    assert values(run, "barrier/curve/loss/variant=plain split=test") == [*enumerate(line)]
    assert run.Images("figure")[0].encoded_image_string.startswith(b"\x89PNG")
    digest = result.groups["provenance"].attributes["checkpoint.0.digest"]
    assert f"| checkpoint.0.digest | {digest} |" in text(run, "provenance")
    assert "| analysis | barrier |" in text(run, "plan")
    assert text(run, "status") == "finished"


@needs("tensorboard")
def test_each_run_has_a_folder_of_its_own_and_one_that_failed_says_so() -> None:
    failed("tensorboard:logs")
    failed("tensorboard:logs")
    runs = events("logs")
    assert len(runs) == 2
    for run in runs:
        assert text(run, "status").startswith(
            "failed: UnjudgedError: every checkpoint answers at chance"
        )


def test_without_the_library_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("tensorboard", "wandb", "mlflow"):
        monkeypatch.setitem(sys.modules, name, None)
        done = invoke(*WORDS, "--observer", f"{name}:here")
        assert done.exit_code == 2
        assert done.stderr == (
            f"Error: observer '{name}:here' needs the {name} library: pip install"
            f" 'lmctool[{name}]'\n"
        )
