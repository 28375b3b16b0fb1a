"""Settings: the user's cache is handed down, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.files.cache import Cache
from lmctool.plugin.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_run_has_the_users_cache_unless_it_is_told_to_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMCTOOL_CACHE", str(tmp_path))
    assert Settings(()).cache == Cache(tmp_path)
    assert Settings((), no_cache=True).cache == Cache(None)
