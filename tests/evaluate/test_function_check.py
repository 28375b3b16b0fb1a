"""Data that a model cannot take: one sentence, not a traceback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = np.arange(20) % 10
MORE = ("--split", "test", "--allow-chance")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (np.zeros((20, 63), np.uint8), r"float32 of shape \(63,\) .mat1 and mat2 shapes cannot"),
        (np.zeros((20, 2, 2, 2), np.uint8), r"float32 of shape \(2, 2, 2\)"),
        (np.zeros(20, np.uint8), r"float32 of shape \(\) "),
        (np.zeros((20, 64), np.int64), r"int64 of shape \(64,\)"),
    ],
    ids=["short", "volumes", "single values", "whole numbers"],
)
def test_inputs_that_the_model_cannot_take_are_told(
    inputs: NDArray[Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", allow_pickle=False, x=inputs, y=LABELS)
    pair = tiny_pair(tmp_path)
    done = invoke("interpolate", *pair, "--data", "data.npz", "--points", "3", *MORE)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert re.search(
        f"^Error: the model cannot take the inputs of split 'test', {told}.*trained on other data",
        done.stderr,
        re.MULTILINE,
    )
