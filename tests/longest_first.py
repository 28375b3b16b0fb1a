"""The order in which workers take files of tests: the longest first, none is left with one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

HERE = Path(__file__).parent
LONG = (
    "plugin/test_third_party.py",
    "examples/test_notebooks.py",
    "plugins/analyses/test_barrier.py",
    "plugins/analyses/test_repair.py",
    "examples/test_ci.py",
    "symmetry/test_planted.py",
    "symmetry/linear/test_real.py",
    "test_site.py",
    "test_main_job.py",
    "test_wheel.py",
    "test_readme.py",
    "test_guides.py",
)
"""Files whose tests are few and take long."""


def longest_first(places: list[str]) -> Callable[[str], tuple[bool, int, str]]:
    """Return a key that sorts files: those of ``LONG``, then those of most tests.

    Args:
        places: the file of each test, relative to this folder.
    """
    sizes = Counter(places)
    return lambda place: (place not in LONG, -sizes[place], place)


def sort_tests(items: list[pytest.Item]) -> None:
    """Sort tests in place by their files; those of one file keep their order."""
    places = {item: item.path.relative_to(HERE).as_posix() for item in items}
    key = longest_first(list(places.values()))
    items.sort(key=lambda item: key(places[item]))
