"""What draws but the first give of a checkpoint that is not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.cli.draws import unmade
from lmctool.results.result import Group, NewCheckpoint, Result
from lmctool.testing import tiny_run
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def test_what_is_known_once_all_tensors_are_read_is_in_the_result(tmp_path: Path) -> None:
    run, read = tiny_run(tmp_path), set[str]()
    weights = run.weights(0)

    def formed(name: str) -> Tensor:
        read.add(name)
        return weights[name]

    new = NewCheckpoint(
        LazyWeights(weights, formed),
        groups_after=lambda: {"x/read": Group({}, {"count": len(read)})},
    )
    found = unmade(Result("x", {}, new), run)
    assert found.checkpoint is None
    assert found.groups["x/read"].attributes["count"] == len(weights) > 0
