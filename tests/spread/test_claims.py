"""Claims and presence: who has what in a folder, when processes end, pause or are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lmctool.spread import presence as presences
from lmctool.spread.claims import Claims, remove_dead
from lmctool.spread.presence import STALE, Presence, Present, now_at, present
from lmctool.spread.records import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Enter = Callable[[], Presence]
OTHER = """
import sys, time
from pathlib import Path
from lmctool.spread.claims import Claims
from lmctool.spread.presence import Presence
from lmctool.spread.records import Worker
import os
worker = Worker(host="here", device="CPU", process=os.getpid())
with Presence(Path(sys.argv[1]), "shard", worker, "1/2") as presence:
    print(Claims(presence).take("item"), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Enter]:
    """Return what makes processes that are at work in a folder, but only touch when asked to."""
    monkeypatch.setattr(presences, "PULSE", 3600)
    with ExitStack() as entered:

        def entering() -> Presence:
            worker = Worker(host="here", device="CPU", process=os.getpid())
            return entered.enter_context(Presence(tmp_path, "shard", worker))

        yield entering


def paused(presence: Presence, seconds: float = STALE + 1) -> None:
    """Let a process not have touched its file for so long."""
    then = now_at(presence.folder) - seconds
    os.utime(presence.path, (then, then))


def test_what_one_process_has_no_other_gets_until_it_is_given_back(enter: Enter) -> None:
    one, other = Claims(enter()), Claims(enter())
    with one.held("item") as mine:
        assert mine
        assert not other.take("item")
        assert other.take("another")
        assert other.is_held("item")
    assert not other.is_held("item")
    assert other.take("item")


def test_what_a_process_had_that_shows_no_sign_of_life_is_taken_over(enter: Enter) -> None:
    one, other, third = enter(), enter(), enter()
    assert Claims(one).take("item")
    paused(one, STALE - 10)
    assert not Claims(other).take("item")
    paused(one)
    assert Claims(other).take("item")
    assert not Claims(third).take("item")


def test_one_that_comes_back_lets_nobody_have_what_was_taken_over(enter: Enter) -> None:
    one, other, third = enter(), enter(), enter()
    back, later = Claims(one), Claims(third)
    assert back.take("item")
    paused(one)
    now = Claims(other)
    assert now.take("item")
    back.release("item")
    assert not later.take("item")
    now.release("item")
    assert later.take("item")


def test_of_many_that_take_over_at_once_at_most_one_has_it(enter: Enter) -> None:
    for turn in range(10):
        dead = enter()
        assert Claims(dead).take(f"item{turn}")
        paused(dead)
        rivals = [Claims(enter()) for _ in range(6)]
        start, got = threading.Barrier(len(rivals)), []

        def take(rival: Claims, turn: int = turn) -> None:
            start.wait()  # noqa: B023
            if rival.take(f"item{turn}"):
                got.append(rival)  # noqa: B023

        threads = [threading.Thread(target=take, args=(rival,)) for rival in rivals]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) <= 1
        assert got or rivals[0].take(f"item{turn}")  # all may have stood back for one another


def test_a_claim_that_is_being_written_counts_as_one(enter: Enter, tmp_path: Path) -> None:
    one = enter()
    written = tmp_path / "item.0.claim"
    written.touch()
    assert not Claims(one).take("item")
    then = now_at(tmp_path) - STALE - 1
    os.utime(written, (then, then))
    assert Claims(one).take("item")


def test_the_clock_is_that_of_the_folder_and_not_of_this_machine(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = enter(), enter()
    server = now_at(one.folder) - 7 * 86400  # a week behind
    touch = os.utime

    def dated(path: Path, times: tuple[float, float] | None = None) -> None:
        touch(path, times or (server, server))

    monkeypatch.setattr(os, "utime", dated)
    os.utime(other.path, (server - STALE + 5, server - STALE + 5))
    assert one.lives(other.token)
    os.utime(other.path, (server - STALE - 5, server - STALE - 5))
    assert not one.lives(other.token)


def test_a_killed_process_of_this_machine_is_gone_at_once(enter: Enter, tmp_path: Path) -> None:
    words = [sys.executable, "-c", OTHER, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        one = enter()
        claims = Claims(one)
        assert [each.share for each in one.others()] == ["1/2"]
        assert not claims.take("item")
        process.send_signal(signal.SIGKILL)
    assert one.others() == []
    assert claims.take("item")
    claims.release("item")
    remove_dead(one)
    assert [path.name for path in tmp_path.iterdir()] == [one.path.name]


def test_a_process_is_seen_with_what_it_is_at_work_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presences, "PULSE", 0.01)
    worker = Worker(host="here", device="CPU", process=os.getpid())
    with Presence(tmp_path, "shard", worker, "2/4") as presence:
        presence.tell("'0 | 1' of 'pairs'")
        while not any(each.item for each in present(tmp_path, now_at(tmp_path))):
            pass
        (seen,) = present(tmp_path, now_at(tmp_path))
    assert (seen.role, seen.share, seen.item) == ("shard", "2/4", "'0 | 1' of 'pairs'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": "../../../../etc"}', "\xff"])
def test_a_damaged_file_is_of_no_process(text: str, tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef.alive").write_text(text, encoding="latin-1")
    assert present(tmp_path, now_at(tmp_path)) == []


def test_a_file_that_has_the_name_of_another_process_is_of_none(tmp_path: Path) -> None:
    worker = Worker(host="there", device="CPU", process=1)
    each = Present(token="0123456789abcdef", role="shard", worker=worker, machine="other")
    (tmp_path / "0123456789abcdef.alive").write_text(each.encoded())
    (tmp_path / "fedcba9876543210.alive").write_text(each.encoded())
    assert present(tmp_path, now_at(tmp_path)) == [each]
