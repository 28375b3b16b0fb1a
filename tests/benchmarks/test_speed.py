"""The table of speed: the rows that are asked for, against a loop in its best memory format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from click.testing import CliRunner
from torch import nn

from benchmarks.speed import __main__ as speed
from benchmarks.speed import rows
from benchmarks.speed.rows import Row, Scale

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_rows_that_are_named_are_measured_and_the_main_command_longer_if_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, Scale]] = []

    def main(_: Path, __: str, scale: Scale) -> Row:
        asked.append(("main", scale))
        return Row("main command", 1, 3.5, "textbook", 3.5, 3.6)

    def throughput(_: Path, __: str, scale: Scale, model: str) -> Row:
        asked.append((model, scale))
        return Row(f"evaluation, {model}", 1, 1.1, "bare loop", 1.1, rows.EVALUATION[model])

    monkeypatch.setattr(rows, "main_command", main)
    monkeypatch.setattr(rows, "throughput", throughput)
    only = ["--only", "ViT", "--only", "main"]
    done = CliRunner().invoke(speed.main, ["--device", "cpu", "--large", *only])
    assert done.exit_code == 0, done.output
    assert asked == [("ViT", speed.SCALES["cpu"]), ("main", Scale(11, 4000, 500, 3))]
    assert "| evaluation, ViT | 1.00 | 1.10 | bare loop | **1.10** | 1 |" in done.output
    assert "| main command | 1.00 | 3.50 | textbook | **3.50** | 3.6 |" in done.output


def test_the_bare_loop_has_weights_in_the_format_of_its_inputs() -> None:
    seen: set[tuple[int, bool, bool]] = set()

    class Noting(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            last = [t.is_contiguous(memory_format=torch.channels_last) for t in (x, self.weight)]
            seen.add((len(x), *last))  # type: ignore[arg-type]
            return super().forward(x)

    loops = rows._bare_loops(Noting(3, 4, 3), torch.zeros(32, 3, 5, 5))
    assert len(loops) == 4
    assert seen == {(size, last, last) for size in (16, 32) for last in (False, True)}
