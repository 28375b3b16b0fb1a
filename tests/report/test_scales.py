"""Numbers beside axes are plain: per cent of shares, and no formulas on logarithmic ones."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from lmctool.report.scales import log_axis, score_axis
from lmctool.results.score_metric import ERROR, LOSS


def test_a_share_is_written_in_per_cent() -> None:
    axes = Figure().subplots()
    score_axis(axes.yaxis, ERROR)
    assert axes.get_ylabel() == ERROR.label
    assert axes.yaxis.get_major_formatter().format_ticks([0.0, 0.05, 0.3]) == ["0 %", "5 %", "30 %"]


def test_a_loss_is_written_in_nats() -> None:
    axes = Figure().subplots()
    score_axis(axes.xaxis, LOSS)
    axes.set_xlim(0, 2)
    assert axes.get_xlabel() == "loss (nats)"
    assert not any("%" in label.get_text() for label in axes.get_xticklabels())


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0.02, 1.1), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
        ((0.9, 4.2), ["1", "2"]),
        ((0.0009, 11), ["0.001", "0.01", "0.1", "1", "10"]),
        ((0.52, 0.71), ["0.55", "0.6", "0.65", "0.7"]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers(
    limits: tuple[float, float], expected: list[str]
) -> None:
    axes = Figure().subplots()
    axes.plot([1, 2], limits)
    log_axis(axes.yaxis)
    axes.set_ylim(limits)
    low, high = limits
    ticks = [place for place in axes.get_yticks() if low <= place <= high]
    assert axes.yaxis.get_major_formatter().format_ticks(ticks) == expected
