"""Short names for files: the ends of their paths that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmctool.files.short_names import letters, short_names


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["a.safetensors", "b.safetensors"], ["a", "b"]),
        (["x/a.safetensors", "y/b.safetensors"], ["a", "b"]),
        (["x/c.safetensors", "y/c.safetensors"], ["x/c", "y/c"]),
        (["runs/0/last.safetensors", "runs/1/last.safetensors"], ["0/last", "1/last"]),
        (["x/a.safetensors", "x/y/a.safetensors"], ["x/a", "y/a"]),
        (["p/x/c.safetensors", "q/x/c.safetensors"], ["p/x/c", "q/x/c"]),
        (["run.v1", "run.v2"], ["run.v1", "run.v2"]),
        (["old.h5", "new.h5"], ["old", "new"]),
        (["/a.h5", "/x/a.h5"], ["/a", "x/a"]),
        (["x/a", "x/a.safetensors"], ["x/a", "x/a.safetensors"]),
        (["x/a.h5", "x/a.h5"], ["x/a.h5", "x/a.h5"]),
        ([], []),
    ],
)
def test_names_are_short_and_differ(paths: list[str], wanted: list[str]) -> None:
    assert short_names([Path(path) for path in paths]) == wanted


def test_networks_beyond_the_alphabet_have_numbers() -> None:
    assert letters(28)[24:] == ["y", "z", "27", "28"]
