"""Workers take long files first, and all tests of a file in a row."""

from __future__ import annotations

from tests.longest_first import HERE, LONG, longest_first


def test_every_long_file_is_there() -> None:
    assert [place for place in LONG if not (HERE / place).is_file()] == []


def test_long_files_come_first_and_then_those_of_most_tests() -> None:
    places = ["a.py", "c.py", "b.py", LONG[0], "b.py", "c.py"]
    assert sorted(places, key=longest_first(places)) == [
        LONG[0],
        *("b.py", "b.py", "c.py", "c.py", "a.py"),
    ]
