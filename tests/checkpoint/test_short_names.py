"""Short names of checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmctool.checkpoint.short_names import short_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.safetensors", "b.safetensors"], ["a", "b"]),
        (["x/a.safetensors", "y/b.safetensors"], ["a", "b"]),
        (["x/c.safetensors", "y/c.safetensors"], ["x/c", "y/c"]),
        (["runs/0/last.safetensors", "runs/1/last.safetensors"], ["0/last", "1/last"]),
        (["p/x/c.safetensors", "q/x/c.safetensors"], ["p/x/c", "q/x/c"]),
        (["x/a.safetensors", "x/y/a.safetensors"], ["a", "y/a"]),
        (["x/a", "x/a.safetensors"], ["x/a", "x/a.safetensors"]),
        (["run.v1", "run.v2"], ["run.v1", "run.v2"]),
    ],
)
def test_names_are_short_and_differ(paths: list[str], names: list[str]) -> None:
    assert short_names([Path(path) for path in paths]) == names
