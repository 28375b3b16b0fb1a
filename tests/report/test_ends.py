"""A and B are named by what tells their files apart, in as few letters as have room."""

from __future__ import annotations

import pytest

from lmctool.report.ends import checkpoint_names, end_names, end_titles, path_label
from lmctool.report.shortened import all_shortened, shortened
from lmctool.results.result import Group, Result
from tests.report.hard_results import long_names


def between(*paths: str) -> Result:
    """Return a result of checkpoints."""
    attributes = {f"checkpoint.{number}.path": path for number, path in enumerate(paths)}
    return Result("barrier", {"provenance": Group({}, attributes)})


@pytest.mark.parametrize(
    ("paths", "titles"),
    [
        (("runs/a.safetensors", "runs/b.safetensors"), ("A", "B")),
        (("A.pt", "init.pt"), ("A", "B: init")),
        (("b.pt", "a.pt"), ("A: b", "B: a")),
        (("seed-0/last.pt", "seed-1/last.pt"), ("A: seed-0/last", "B: seed-1/last")),
        ((), ("A", "B")),
        (("one.pt",), ("A", "B")),
    ],
)
def test_ends_are_named_by_what_tells_their_files_apart(
    paths: tuple[str, ...], titles: tuple[str, str]
) -> None:
    assert end_titles(between(*paths)) == titles


def test_the_label_of_a_path_takes_two_lines_where_one_is_too_long() -> None:
    assert path_label(between("0.pt", "1.pt")) == "alpha (0 = A: 0, 1 = B: 1)"
    long = between(*(f"{'folder' * 3}-{end}/the-last-one.pt" for end in "01"))
    a, b = end_names(long)
    assert path_label(long) == f"alpha (0 = A: {a},\n1 = B: {b})"
    assert max(len(a), len(b)) <= 24


def test_more_than_two_checkpoints_have_names_too() -> None:
    three = between("x/0.pt", "x/1.pt", "y/0.pt")
    assert checkpoint_names(three, 3) == ["x/0", "x/1", "y/0"]
    assert checkpoint_names(three, 2) == ["0", "1"]
    assert checkpoint_names(three, 4) is None


def test_shortened_names_differ_wherever_the_whole_ones_do() -> None:
    assert shortened("a" * 24) == "a" * 24
    assert shortened("a" * 30 + "b") == "…" + "a" * 22 + "b"
    ends, middles = [f"{'x' * 40}{n}" for n in range(20)], long_names(200)
    both = [f"{n}{'x' * 40}{m}" for n in range(3) for m in range(3)]
    for names in (ends, middles, both, ["short", "y" * 50], ["same" * 9] * 2):
        found = all_shortened(names)
        assert len({*found}) == len({*names})
        assert max(map(len, found)) < max(map(len, names))
    assert all_shortened(["of few letters", "others"]) == ["of few letters", "others"]
    assert all_shortened([]) == []
