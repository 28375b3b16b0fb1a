"""What the measurement of ``--within`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import share

if TYPE_CHECKING:
    import pytest

DIGITS = Path(__file__).parents[2] / "examples/digits"


def test_a_row_tells_the_shares_of_each_width(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(DIGITS / f"{name}.safetensors") for name in ("a", "b")]
    widths = ("--within", "10%", "--within", "loss:1e-6")
    share.main([*files, *widths, "--points", "3", "--draws", "3"])
    *_, error, loss = (line.split() for line in capsys.readouterr().out.splitlines())
    assert error[:2] == ["plain", "10%"]
    assert float(error[3].rstrip("%")) < 100
    assert loss[3:] == ["100.0%", "100.0%", "100.0%"]
