"""The main command on a GPU: the numbers of the CPU, and the same at every run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.results.file import read
from lmctool.testing import invoke

if TYPE_CHECKING:
    import torch

    from lmctool.results.result import Result

pytestmark = pytest.mark.cuda

PAIR = [Path(__file__).parents[2] / f"examples/digits/{name}.safetensors" for name in "ab"]


def barrier(device: object, out: Path, *more: str) -> Result:
    words = ("--align", "--repair", "--points", "5", "--device", str(device), *more)
    done = invoke("barrier", *PAIR, *words, "-o", out)
    assert done.exit_code == 0, done.output
    return read(out)


@pytest.mark.parametrize("strategy", ["auto", "graphs"])
def test_a_gpu_gives_the_curves_and_the_permutation_of_the_cpu(
    strategy: str, gpu: torch.device, tmp_path: Path
) -> None:
    here = barrier("cpu", tmp_path / "cpu.h5")
    there = barrier(gpu, tmp_path / "gpu.h5", "--strategy", strategy)
    for name in ("loss", "error"):
        one, other = (r.groups["barrier/curve"].variables[name].values for r in (here, there))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    before, after = (r.groups["permutations"].variables for r in (here, there))
    moves = [name for name in before if name.startswith("permutation_")]
    assert moves and all(np.array_equal(before[n].values, after[n].values) for n in moves)


def test_a_run_on_a_gpu_is_repeated_bit_for_bit(gpu: torch.device, tmp_path: Path) -> None:
    barrier(gpu, tmp_path / "one.h5")
    again = invoke("rerun", tmp_path / "one.h5")
    assert again.exit_code == 0 and "agree bit for bit" in again.output, again.output
