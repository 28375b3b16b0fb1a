"""Numbers and titles as text."""

from __future__ import annotations

import math

import pytest

from lmctool.results.declared_metric import DeclaredMetric
from lmctool.results.text import percent, spaced

ERROR = DeclaredMetric("b.error", "", share=True)
GAIN = DeclaredMetric("b.gain", "", share=True, of="difference")
LOSS = DeclaredMetric("b.loss", "", "nat")
SPREAD = DeclaredMetric("b.spread", "", percent=True)


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.3007, 2, "30.07 %"), (0.5, 0, "50 %"), (-0.015, 1, "-1.5 %"), (math.nan, 2, "-")],
)
def test_a_share_has_a_space_before_its_sign(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text


def test_a_missing_share_is_a_dash() -> None:
    assert percent(None) == "-"


@pytest.mark.parametrize(
    ("text", "shown"), [("12.3%", "12.3 %"), ("12.3 %", "12.3 %"), ("0.123", "0.123")]
)
def test_a_number_gets_one_space_before_its_sign_of_per_cent(text: str, shown: str) -> None:
    assert spaced(text) == shown


@pytest.mark.parametrize(
    ("metric", "value", "text", "brief", "signed"),
    [
        (ERROR, 0.28075675, "28.0757 %", "28.08 %", "+28.0757 points"),
        (SPREAD, 1.5, "150 %", "150.00 %", "+150 points"),
        (GAIN, -0.0150001, "-1.50001 points", "-1.50 points", "-1.50001 points"),
        (LOSS, 0.28075675, "0.280757", "0.280757", "+0.280757"),
        (ERROR, math.nan, "-", "-", "-"),
        (LOSS, None, "-", "-", "-"),
    ],
)
def test_a_share_is_read_in_per_cent_and_a_difference_of_shares_in_points(
    metric: DeclaredMetric, value: float | None, text: str, brief: str, signed: str
) -> None:
    assert (metric.text(value), metric.brief(value), metric.signed(value)) == (text, brief, signed)
