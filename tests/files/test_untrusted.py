"""Trials in a child process: what ends them, and what they tell."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING, NoReturn

import pytest

from lmctool.files import untrusted
from lmctool.files.untrusted import harm_of, most_unpacked, time_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def fail() -> NoReturn:
    raise ValueError("no such thing")


def loop() -> None:
    """Do what a library does that follows a length of zero."""
    while True:
        pass


def crash() -> None:
    ctypes.string_at(0)


def demand() -> None:
    """Ask for a terabyte."""
    bytearray(1 << 40)


def demand_in_c() -> NoReturn:
    raise OSError("Unable to allocate the buffer")


@pytest.mark.parametrize("work", [list, fail])
def test_work_that_ends_does_no_harm(work: Callable[[], object]) -> None:
    assert harm_of(work, 0) is None


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (loop, "makes its reader run without end"),
        (crash, "makes its reader crash"),
        (demand, "makes its reader take more memory than it can need"),
        (demand_in_c, "makes its reader take more memory than it can need"),
    ],
)
def test_harm_is_told(work: Callable[[], object], told: str) -> None:
    assert harm_of(work, 0) == told


def test_what_waits_for_ever_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "PATIENCE", 1)
    assert harm_of(signal.pause, 0) == "makes its reader run without end"


def test_a_trial_leaves_this_process_as_it_was(tmp_path: Path) -> None:
    touched: list[int] = []
    assert harm_of(lambda: touched.append(os.getpid()), 0) is None
    assert touched == []


def test_ctrl_c_ends_the_trial_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    wait = os.waitpid

    def interrupted(child: int, options: int) -> tuple[int, int]:
        if not children:
            children.append(child)
            raise KeyboardInterrupt
        return wait(child, options)

    monkeypatch.setattr(os, "waitpid", interrupted)
    with pytest.raises(KeyboardInterrupt):
        harm_of(loop, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


def test_what_a_file_may_unpack_to_grows_with_it() -> None:
    assert most_unpacked(0) == 1 << 28
    assert most_unpacked(10**9) - most_unpacked(0) == 200 * 10**9


def test_a_larger_file_may_take_longer() -> None:
    assert [time_for(size) for size in (0, 1 << 19, 1 << 20, 1 << 30)] == [2, 3, 4, 82]
