"""What the benchmark of the commands on weights measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import weights
from lmctool.checkpoint import open_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_each_work_is_done_on_the_checkpoints_that_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "TENSOR", 1 << 16)
    paths = [tmp_path / name for name in "ab"]
    for seed, path in enumerate(paths):
        weights.write(path, seed, 0.0001, 2, "F32")
    assert len(open_checkpoint(paths[0]).files) == 2
    assert open_checkpoint(paths[0]).digest != open_checkpoint(paths[1]).digest
    todo = weights.works(tmp_path, paths, tmp_path)
    assert {"lmctool merge, before", "lmctool merge", "cp of one"} <= todo.keys()
    for name in ("cp of one", "digests of the tensors", "digests and SHA-256", "sums of distance"):
        row = weights.measure(todo[name], todo["cat"], 1)
        assert row["seconds"] > 0, name
    assert not (tmp_path / "copy").exists()
