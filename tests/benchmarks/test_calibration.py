"""The benchmark of statistics in pieces says what it measured."""

from __future__ import annotations

from click.testing import CliRunner

from benchmarks.calibration import main


def test_a_row_for_each_pass_says_how_far_both_ways_differ() -> None:
    words = ["--model", "MLP", "--examples", "20", "--batch", "10", "--repeats", "1"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    header, _, *rows = [line.split("|")[1:-1] for line in result.output.splitlines()]
    assert [row[0].split(",")[0].strip() for row in rows] == [
        "moments of an end",
        "renormalising pass",
    ]
    for row in rows:
        assert len(row) == len(header)
        assert float(row[-1]) < 1e-5
