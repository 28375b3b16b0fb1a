"""Examples in a temporary file."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import tempfile
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.data.spilled_rows import SpilledRows
from lmctool.errors import LmctoolError
from tests.rows import whole

if TYPE_CHECKING:
    from pathlib import Path

ARRAY = np.random.default_rng(0).normal(size=(30, 4, 2)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files, an empty one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def spilled() -> SpilledRows:
    rows = SpilledRows(ARRAY.shape, ARRAY.dtype)
    for start in range(0, 30, 7):
        rows.write(ARRAY[start : start + 7])
    return rows


def test_what_was_written_in_order_is_read_at_any_places(folder: Path) -> None:
    rows = spilled()
    for places in ([0], [29], [3, 4, 20], list(range(30))):
        assert np.array_equal(rows[np.array(places)], ARRAY[places])
    assert np.array_equal(whole(rows), ARRAY)


def test_nothing_is_ever_seen_in_the_folder_and_nothing_stays_open(folder: Path) -> None:
    rows = spilled()
    descriptor = rows._file.fileno()
    assert os.fstat(descriptor).st_size == ARRAY.nbytes
    assert not list(folder.iterdir())
    del rows
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_folder_without_room_is_told_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(959))
    with pytest.raises(LmctoolError) as caught:
        SpilledRows(ARRAY.shape, ARRAY.dtype)
    assert str(caught.value) == (
        "the 30 examples take 0.0 GB once they are decoded, and cannot be kept in"
        f" '{folder}' (only 0.0 GB are free); set $TMPDIR to a folder with room, or pass --limit"
    )
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(960))
    assert len(spilled()) == 30


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_disk_that_fills_up_is_told(
    code: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any) -> int:
        raise OSError(code, os.strerror(code))

    rows = SpilledRows(ARRAY.shape, ARRAY.dtype)
    monkeypatch.setattr(rows, "_file", type("Full", (), {"write": staticmethod(full)}))
    with pytest.raises(LmctoolError, match=rf"\({os.strerror(code)}\); set \$TMPDIR to"):
        rows.write(ARRAY)


def test_a_folder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(LmctoolError, match="cannot be kept in '/nowhere/at/all'"):
        SpilledRows(ARRAY.shape, ARRAY.dtype)
