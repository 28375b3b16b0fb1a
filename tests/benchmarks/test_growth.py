"""What the benchmark of growth measures; and counts of what commands do as their work grows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from benchmarks import growth
from benchmarks.growth import Growth, Spent
from lmctool.checkpoint import tensor_file, tensor_writing
from lmctool.checkpoint.header import Header, read_header
from lmctool.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def files(folder: Path, size: int) -> dict[str, list[str]]:
    (folder / "size").write_text(str(size))
    return {"work": ["work"], "show of work": ["show"]}


def test_the_exponent_is_that_of_the_upper_half_beyond_the_start() -> None:
    def run(arguments: Sequence[str], folder: Path) -> Spent:
        size = int((folder / "size").read_text())
        power = 1 if size < 100 or arguments == ["show"] else 2
        return Spent(3.0 + (0 if size == 1 else 0.01 * size**power), 50.0)

    found = growth.measured(Growth("things", (1, 10, 100, 200, 400), files), 1e9, run=run)
    assert growth.exponent(found["work"]) == pytest.approx(2)
    assert growth.exponent(found["show of work"]) == pytest.approx(1)
    row = growth.rows(Growth("things", (), files), found)[0]
    assert row.startswith("| work | things | 10: 0.1, 100: 100.0,") and "**2.00** | 1 |" in row


def test_what_cannot_be_told_from_the_start_has_no_exponent() -> None:
    taken = {size: Spent(4 + size / 1000, 1) for size in (1, 50, 100, 200, 400)}
    assert math.isnan(growth.exponent(taken))
    (row,) = growth.rows(Growth("things", (), files), {"work": taken})
    assert row.endswith("| - | 1 |")


def test_a_command_over_the_limit_ends_its_sizes_and_what_needs_its_result() -> None:
    found = growth.measured(Growth("things", (1, 2, 3), files), 5, 3, lambda *_: Spent(9, 1))
    assert {name: [*own] for name, own in found.items()} == {"work": [1]}


@pytest.mark.parametrize("name", ["distance", "graft"])
def test_headers_are_parsed_as_often_for_many_tensors_as_for_few(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[Path] = []

    def counted(path: Path) -> Header:
        parsed.append(path)
        return read_header(path)

    for module in (tensor_file, tensor_writing):
        monkeypatch.setattr(module, "read_header", counted)
    counts = []
    for size in (10, 60):
        folder = tmp_path / str(size)
        folder.mkdir()
        for seed, letter in enumerate("ab"):
            growth.write_tensors(folder / f"{letter}.safetensors", growth.tensor_names(size), seed)
        monkeypatch.chdir(folder)
        more = ["--layers", "layers.1*"] if name == "graft" else []
        between = ["--from"] if name == "graft" else []
        words = [name, "a.safetensors", *between, "b.safetensors", *more]
        outcome = CliRunner().invoke(main, words)
        assert outcome.exit_code == 0, outcome.output
        counts.append(len(parsed))
        parsed.clear()
    assert 0 < counts[0] == counts[1]


def test_perceptrons_of_the_benchmark_have_the_model_and_data_of_their_stamp(
    tmp_path: Path,
) -> None:
    name = growth.write_mlp(tmp_path, 0, width=8)
    outcome = CliRunner().invoke(main, ["inspect", str(tmp_path / name)])
    assert outcome.exit_code == 0 and "digits" in outcome.output
