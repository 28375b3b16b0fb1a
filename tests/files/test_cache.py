"""What is kept between runs, and what is as if it had not been kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lmctool.files import cache
from lmctool.files.cache import NO_CACHE, Cache, user_cache

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_kept_is_there_under_its_kind_and_key(tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache")
    assert kept.entry("graph", "a") is None
    kept.keep("graph", "a", b"1")
    kept.keep("graph", "b", b"2")
    kept.keep("graph", "a", b"3")
    assert (kept.entry("graph", "a"), kept.entry("graph", "b")) == (b"3", b"2")
    assert kept.entry("spec", "a") is None


def test_a_damaged_entry_is_none(tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache")
    kept.keep("graph", "a", b"content")
    (path,) = (tmp_path / "cache" / "graph").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.entry("graph", "a") is None


def test_what_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Cache(tmp_path / "file" / "cache")
    kept.keep("graph", "a", b"1")
    assert kept.entry("graph", "a") is None
    NO_CACHE.keep("graph", "a", b"1")
    assert NO_CACHE.entry("graph", "a") is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have other permissions there")
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache")
    kept.keep("graph", "a", b"1")
    (tmp_path / "cache").chmod(0o777)
    assert kept.entry("graph", "a") is None
    kept.keep("graph", "b", b"1")
    (tmp_path / "cache").chmod(0o700)
    assert kept.entry("graph", "b") is None


def test_the_entries_of_no_use_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST", 200)
    kept = Cache(tmp_path / "cache")
    for number, key in enumerate("abc"):
        kept.keep("graph", key, b"x" * 30)  # 62 bytes with their sum
        os.utime(kept._path("graph", key), (number, number))
    assert kept.entry("graph", "a") is not None
    kept.keep("graph", "d", b"x" * 30)
    there = [key for key in "abcd" if kept.entry("graph", key) is not None]
    assert there == ["a", "c", "d"]


def test_the_environment_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMCTOOL_CACHE", str(tmp_path))
    assert user_cache() == Cache(tmp_path)
    monkeypatch.setenv("LMCTOOL_CACHE", "")
    assert user_cache() == NO_CACHE


@pytest.mark.skipif(os.name == "nt", reason="the system's folders are elsewhere")
def test_it_is_in_the_folder_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMCTOOL_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == Cache(tmp_path / "lmctool")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache() == Cache(tmp_path / ".cache" / "lmctool")
