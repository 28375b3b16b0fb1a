"""What tests of several rooms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.results.file import write
from tests import barrier_result as barrier
from tests import every

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.results.result import Result


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the result that a small run of an analysis left, which must not be changed."""
    folder = tmp_path_factory.mktemp("every")

    def result(name: str) -> Path:
        there = folder / f"{name}.h5"
        return there if there.exists() else every.run(name, folder)

    return result


@pytest.fixture
def barrier_result() -> Result:
    """A result with groups, coordinates and types of every kind that a barrier run leaves."""
    return barrier.barrier_result()


@pytest.fixture
def barrier_file(barrier_result: Result, tmp_path: Path) -> Path:
    """The file of that result."""
    path = tmp_path / "barrier.h5"
    write(barrier_result, path)
    return path
