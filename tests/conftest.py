"""What tests of several rooms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import every

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the result that a small run of an analysis left, which must not be changed."""
    folder = tmp_path_factory.mktemp("every")

    def result(name: str) -> Path:
        there = folder / f"{name}.h5"
        return there if there.exists() else every.run(name, folder)

    return result
