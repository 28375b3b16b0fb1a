"""How narrow an interval is to be, in words."""

from __future__ import annotations

import pytest

from lmctool.curves.within import Within
from lmctool.errors import LmctoolError
from lmctool.results.score_metric import ERROR, LOSS


@pytest.mark.parametrize(
    ("text", "metric", "width"),
    [("0.5%", "error", 0.005), ("error:0.01", "error", 0.01), (" loss:0.02 ", "loss", 0.02)],
)
def test_a_width_is_of_the_error_unless_it_says_the_loss(
    text: str, metric: str, width: float
) -> None:
    within = Within.of(text)
    assert (within.metric, within.width) == (metric, width)
    assert Within.of(str(within)) == within


@pytest.mark.parametrize("text", ["", "%", "0", "-1%", "nan", "inf", "ece:1%", "error", "loss:x"])
def test_what_is_no_width_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(LmctoolError, match=r"write one of the error, such as 0\.5%"):
        Within.of(text)


def test_per_cent_of_a_loss_means_nothing() -> None:
    with pytest.raises(LmctoolError, match=r"loss:0\.02"):
        Within.of("loss:2%")


def test_per_cent_of_an_error_that_is_no_share_is_refused() -> None:
    Within.of("2%").check(ERROR)
    Within.of("0.5").check(LOSS)
    with pytest.raises(LmctoolError, match="write it in that unit"):
        Within.of("2%").check(LOSS)
