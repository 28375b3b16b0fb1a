"""Where independent pieces of work are done: how many at once, and how progress is told."""

from __future__ import annotations

from lmctool.plugin.progress import in_all
from lmctool.plugin.spreading import Serial


def test_within_an_item_nothing_is_done_at_once() -> None:
    spread = Serial(4)
    assert spread.at_once == 4
    within = [
        (spread.at_once, [*spread.order("steps", ["c", "d"], lambda _: None)])
        for _ in spread.order("pairs", ["a", "b"], lambda _: None)
    ]
    assert within == [(1, [0, 1])] * 2
    assert spread.at_once == 4


def test_items_are_shown_as_shares_of_the_steps_that_they_are() -> None:
    told: list[int] = []
    advance = in_all(told.append, total=5, items=3)
    for done in (1, 1, 1):
        advance(done)
    assert told == [1, 2, 2]
    in_all(told.append, total=2, items=8)(8)
    assert told[-1] == 2
