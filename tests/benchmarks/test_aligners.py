"""The table of aligners: pairs of one kind share a row, of their mean, lowest and highest."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from benchmarks import aligners
from benchmarks.aligners import HEAD, Row
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.testing import invoke, metrics, tiny_pair

if TYPE_CHECKING:
    import pytest


def test_pairs_of_one_kind_share_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [*(f"vit-{seed}.safetensors" for seed in range(4)), "mlp-0.pt", "mlp-1.pt"]
    for name in files:
        Path(name).touch()
    asked: list[list[str]] = []

    def measure(a: Path, b: Path, arguments: list[str]) -> Row:
        asked.append([a.stem, b.stem, *arguments])
        return Row(0.2, 0.1, 1, 0.5, 60) if a.stem == "vit-0" else Row(0.4, 0.1, 2, 0.25, 61)

    monkeypatch.setattr(aligners, "measure", measure)
    done = CliRunner().invoke(aligners.main, [*files, "--only", "weight", "--args", "--points 3"])
    assert done.exit_code == 0, done.output
    seeds = ["--seed", "0", "--subset-seed", "0"]
    assert asked == [
        [*pair, "--align", "weight", *seeds, "--points", "3"]
        for pair in (("vit-0", "vit-1"), ("vit-2", "vit-3"), ("mlp-0", "mlp-1"))
    ]
    assert done.output.splitlines() == [
        HEAD,
        "|---|---|---|---|---|---|---|",
        "| vit | `weight` | 30.0 % (20.0 to 40.0) | 10.0 % (10.0 to 10.0) | 1.500 (1.000 to 2.000)"
        " | 0.375 (0.250 to 0.500) | 60 |",
        "| mlp | `weight` | 40.0 % | 10.0 % | 2.000 | 0.250 | 61 |",
    ]


def test_every_aligner_and_the_null_controls_have_a_row() -> None:
    rows = aligners.aligners()
    assert set(registry.names(ALIGNERS)) < set(rows)
    assert rows["random --groups all"] == ("--align", "random", "--groups", "all")


def test_a_row_is_that_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(command: list[str], **_: bool) -> subprocess.CompletedProcess[str]:
        done = invoke(*command[3:])
        return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)

    monkeypatch.setattr("benchmarks.aligners.subprocess.run", here)
    pair = tiny_pair(tmp_path, steps=100)
    few = ["--align", "identity", "--points", "3", "--limit", "200", "--calib-size", "100"]
    row = aligners.measure(*pair, few)
    told = metrics("barrier", *pair, *few, "--repair")
    for name in ("error", "loss"):
        at = f"barrier.{name}[variant={{}},split=test]"
        assert getattr(row, name) == told[at.format("align")]
        assert getattr(row, f"repaired_{name}") == told[at.format("align+repair")]
    assert row.loss != row.repaired_loss
