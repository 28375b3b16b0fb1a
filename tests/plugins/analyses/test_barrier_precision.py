"""bfloat16 on a CPU: what it costs is in the result, and a CPU without it says so."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate import device
from lmctool.evaluate.device import check_precision
from lmctool.results.file import read
from lmctool.testing import invoke, tiny_pair
from lmctool_plugins.analyses.barrier import precision

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result

CPU = torch.device("cpu")


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend a CPU with bfloat16, whose products this one makes by way of float32."""
    monkeypatch.setattr(device, "has_bfloat16", lambda: True)


def measured(folder: Path, name: str, *arguments: str) -> tuple[Result, str]:
    """Return the barrier of two tiny networks on the digits, units aligned, and what is printed."""
    out = folder / name
    done = invoke(
        "barrier", *tiny_pair(folder), "--allow-chance", "--align", "--points", "5",
        "--calib-size", "200", "--out", out, *arguments,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return read(out), done.output


def test_the_result_says_what_bfloat16_costs(
    tmp_path: Path, pretended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "SAMPLE", 50)
    usual = ("--limit", "90", "--definition", "mean-ends")
    faster, printed = measured(tmp_path, "faster.h5", "--precision", "bfloat16", *usual)
    slower, silent = measured(tmp_path, "slower.h5", *usual)
    cost = faster.groups["barrier/precision"]
    own = cost.variables
    assert cost.attributes == {"precision": "bfloat16", "sample": 50}
    assert own["examples"].values.tolist() == [50]
    for name in ("loss", "error"):
        exact = slower.groups["barrier/ends"].variables[name].values
        assert own[name].values.tolist() == exact.tolist()
        assert own[f"difference_{name}"].dims == ("variant", "split")
    cast = faster.groups["barrier/ends"].variables["loss"].values
    assert 0 < np.abs(cast - own["loss"].values).max() < 0.02
    assert 0 < np.abs(own["difference_loss"].values).max() < 0.02
    assert "test: bfloat16 in place of float32 changes the error of A by" in printed
    assert "its barriers on 50 examples by" in printed
    assert "barrier/precision" not in slower.groups and "bfloat16" not in silent


def test_where_the_sample_is_all_examples_the_difference_is_that_of_two_runs(
    tmp_path: Path, pretended: None
) -> None:
    limit = ("--limit", "90")
    faster, _ = measured(tmp_path, "faster.h5", "--precision", "bfloat16", *limit)
    slower, _ = measured(tmp_path, "slower.h5", *limit)
    (heights, exact) = (
        result.groups["barrier/summary"].variables["barrier_error"].values
        for result in (faster, slower)
    )
    own = faster.groups["barrier/precision"].variables
    assert own["examples"].values.tolist() == [90]
    # barriers in float32 are over the places of those in bfloat16, so that they can but be lower
    assert (own["sample_error"].values <= exact + 1e-12).all()
    difference = heights - own["sample_error"].values
    np.testing.assert_allclose(own["difference_error"].values, difference, rtol=0, atol=1e-12)


def test_a_rerun_has_the_same_bits_and_one_elsewhere_is_told_of_other_rounding(
    tmp_path: Path, pretended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(tmp_path, "first.h5", "--precision", "bfloat16", "--limit", "90")
    monkeypatch.setattr(device, "has_bfloat16", lambda: False)
    done = invoke("rerun", tmp_path / "first.h5", "--out", tmp_path / "again.h5")
    assert done.exit_code == 0, done.output
    assert "this CPU has no instructions for bfloat16" in done.output
    assert "same" in done.output


def test_bfloat16_is_refused_on_a_cpu_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda: False)
    done = invoke("barrier", *tiny_pair(tmp_path), "--precision", "bfloat16")
    assert done.exit_code == 2
    assert done.output.splitlines()[-1] == (
        "Error: --precision bfloat16 was asked for, but this CPU has no instructions for it"
        " (avx512_bf16 or AMX): it would take longer than float32 and be less exact; leave it out"
    )


def test_a_gpu_and_other_precisions_are_none_of_the_cpu_s_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda: False)
    assert check_precision("bfloat16", torch.device("cuda", 0), repeats=False) == ""
    assert check_precision("float32", CPU, repeats=False) == ""
    with pytest.raises(LmctoolError, match="no instructions"):
        check_precision("bfloat16", CPU, repeats=False)


@pytest.mark.parametrize(
    ("avx", "amx", "machine", "arm", "expected"),
    [
        (True, False, "x86_64", False, True),
        (False, True, "x86_64", False, True),
        (False, False, "x86_64", True, False),  # AVX-512 without bfloat16 emulates it
        (False, False, "aarch64", True, True),
        (False, False, "aarch64", False, False),
    ],
)
def test_what_a_cpu_can_is_asked_of_torch(
    monkeypatch: pytest.MonkeyPatch, avx: bool, amx: bool, machine: str, arm: bool, expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: arm)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert device.has_bfloat16() is expected
