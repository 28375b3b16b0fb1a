"""--observer wandb:PROJECT, read back from the files of W&B's offline mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lmctool.results.metrics import metrics
from tests.libraries import needs
from tests.plugins.observers.conftest import failed, observed

pytestmark = needs("wandb")
BLOCK = 32768


def records() -> list[Any]:
    """Return the records of the one run: LevelDB's log format behind a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = Path("wandb").glob("offline-run-*/*.wandb")
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    place, whole, found = 7, b"", []
    while place + 7 <= len(data):
        left = BLOCK - place % BLOCK
        if left < 7:
            place += left
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in {1, 4}:  # a full record, or the last part of one
            found.append(Record.FromString(whole))
            whole = b""
    return found


def items(entries: Any) -> dict[str, Any]:
    """Return entries of a record by key."""
    return {each.key or "/".join(each.nested_key): json.loads(each.value_json) for each in entries}


def config(found: list[Any]) -> dict[str, Any]:
    """Return the configuration, with what was added later."""
    whole: dict[str, Any] = {}
    for each in found:
        whole |= items(each.run.config.update) | items(each.config.update)
    return whole


def test_metrics_curves_figure_and_inputs_are_in_the_run() -> None:
    result = observed("wandb:team/paths")
    found = records()
    (begun,) = (each.run for each in found if each.HasField("run"))
    assert (begun.entity, begun.project, begun.job_type) == ("team", "paths", "barrier")
    assert [each.exit.exit_code for each in found if each.HasField("exit")] == [0]
    rows = [items(each.history.item) for each in found if each.HasField("history")]
    expected = metrics(result)["barrier.error[variant=align,split=test]"]
    name = "barrier.error/variant=align split=test"
    assert [row[name] for row in rows if name in row] == [expected]
    line = result.groups["barrier/curve"].variables["loss"].values[0, 0].tolist()
    axis, name = "barrier/curve/alpha", "barrier/curve/loss/variant=plain split=test"
    assert [(row[axis], row[name]) for row in rows if name in row] == [
        *zip([0.0, 0.5, 1.0], line, strict=True)
    ]
    axes = {each.metric.name: each.metric.step_metric for each in found if each.HasField("metric")}
    assert axes[name] == axis
    (picture,) = (row["figure/path"] for row in rows if "figure/path" in row)
    (folder,) = Path("wandb").glob("offline-run-*")
    assert (folder / "files" / picture).read_bytes().startswith(b"\x89PNG")
    digest = result.groups["provenance"].attributes["checkpoint.0.digest"]
    assert config(found)["checkpoint.0.digest"] == digest
    assert config(found)["plan.analysis"] == "barrier"


def test_a_failed_run_is_marked_failed_and_an_active_one_is_left_alone() -> None:
    import wandb

    with wandb.init(project="mine", mode="disabled") as mine:
        failed("wandb")
        assert wandb.run is mine
    found = records()
    assert [each.exit.exit_code for each in found if each.HasField("exit")] == [1]
    summary = [items(each.summary.update) for each in found if each.HasField("summary")]
    assert any("every checkpoint answers at chance" in str(each.get("error")) for each in summary)
