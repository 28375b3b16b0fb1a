"""Trials in a child process: what ends them, and what they tell."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from typing import TYPE_CHECKING, NoReturn

import pytest

from lmctool.files import untrusted
from lmctool.files.untrusted import Limits, harm_of, limits_for, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AMPLE = Limits(processor=600, wall=600, memory=1 << 40)
BLOCK = 64 << 20
"""Bytes that ``demand`` asks for."""


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Limits], None]:
    """Choose the limits of a trial, so that only what a test is about can end it."""
    return lambda limits: monkeypatch.setattr(untrusted, "limits_for", lambda _: limits)


def fail() -> NoReturn:
    raise ValueError("no such thing")


def loop() -> None:
    """Do what a library does that follows a length of zero."""
    while True:
        pass


def crash() -> None:
    ctypes.string_at(0)


def demand() -> None:
    mmap.mmap(-1, BLOCK)  # anew: what this process has free already is within its limits


def demand_in_c() -> NoReturn:
    raise OSError("Unable to allocate the buffer")


@pytest.mark.parametrize("work", [list, fail, demand])
def test_work_that_ends_does_no_harm(
    work: Callable[[], object], limit: Callable[[Limits], None]
) -> None:
    limit(AMPLE)
    assert harm_of(work, 0) is None


@pytest.mark.parametrize(
    ("work", "limits", "harm"),
    [
        (loop, Limits(1, 600, AMPLE.memory), "makes its reader run without end"),
        (signal.pause, Limits(600, 1, AMPLE.memory), "makes its reader run without end"),
        (crash, AMPLE, "makes its reader crash"),
        (
            demand,
            Limits(600, 600, BLOCK // 2),
            "makes its reader take more memory than it can need",
        ),
        (demand_in_c, AMPLE, "makes its reader take more memory than it can need"),
    ],
    ids=["processor", "wall", "crash", "memory", "memory of C"],
)
def test_each_limit_by_itself_ends_a_trial(
    work: Callable[[], object], limits: Limits, harm: str, limit: Callable[[Limits], None]
) -> None:
    limit(limits)
    assert harm_of(work, 0) == harm


def test_the_limits_follow_the_size_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def limits(size: int) -> Limits:
        sizes.append(size)
        return AMPLE

    monkeypatch.setattr(untrusted, "limits_for", limits)
    assert harm_of(list, 123) is None
    assert sizes == [123]


def test_a_trial_leaves_this_process_as_it_was(tmp_path: Path) -> None:
    touched: list[int] = []
    assert harm_of(lambda: touched.append(os.getpid()), 0) is None
    assert touched == []


def test_ctrl_c_ends_the_trial_as_well(
    monkeypatch: pytest.MonkeyPatch, limit: Callable[[Limits], None]
) -> None:
    children: list[int] = []
    wait = os.waitpid

    def interrupted(child: int, options: int) -> tuple[int, int]:
        if not children:
            children.append(child)
            raise KeyboardInterrupt
        return wait(child, options)

    limit(AMPLE)
    monkeypatch.setattr(os, "waitpid", interrupted)
    with pytest.raises(KeyboardInterrupt):
        harm_of(loop, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


def test_what_a_file_may_unpack_to_grows_with_it() -> None:
    assert most_unpacked(0) == 1 << 28
    assert most_unpacked(10**9) - most_unpacked(0) == 200 * 10**9


@pytest.mark.parametrize(("size", "seconds"), [(0, 2), (1 << 19, 3), (1 << 20, 4), (1 << 30, 82)])
def test_a_larger_file_may_take_longer(size: int, seconds: int) -> None:
    assert limits_for(size) == Limits(seconds, 60 + 2 * seconds, most_unpacked(size))
