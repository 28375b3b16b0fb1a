"""Words that select names: which are names, shell patterns or expressions, and what they take."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from lmctool.errors import LmctoolError
from lmctool.weights.name_words import nearest_names, numbered, reading, selected_names

STAGES = [f"layer{stage}.{block}.conv{n}" for stage in (1, 2, 10) for block in (0, 1) for n in "12"]
NAMES = ["conv1", *STAGES, "fc", "fc.bias"]


@pytest.mark.parametrize(
    "word", ["layer1*", "*.conv1", "layer[12]*", "layer?", "layer[!1]*", "l**"]
)
def test_a_shell_pattern_takes_what_a_shell_would(word: str) -> None:
    assert reading(word) == "pattern"
    assert selected_names(word, NAMES) == [name for name in NAMES if fnmatchcase(name, word)]


@pytest.mark.parametrize(
    "word", [r"layer1\..*", r"layer(1|2)\..*", r".*conv\d", "layer[^1].*", "conv.", "fc$", "f+c*"]
)
def test_an_expression_takes_the_whole_names_that_it_matches(word: str) -> None:
    assert reading(word) == "expression"
    assert selected_names(word, NAMES) == [name for name in NAMES if re.fullmatch(word, name)]


@pytest.mark.parametrize("word", ["layer2.*", "layer[2].*", ".*", "la.*conv2"])
def test_a_word_that_may_be_either_takes_what_it_always_took(word: str) -> None:
    assert reading(word) == "either"
    assert selected_names(word, NAMES) == [name for name in NAMES if re.fullmatch(word, name)]


def test_a_word_that_may_be_either_is_what_fits() -> None:
    assert reading("layer10.?.conv1") == "either"
    assert selected_names("layer10.?.conv1", NAMES) == ["layer10.0.conv1", "layer10.1.conv1"]


def test_a_word_that_means_two_things_is_refused_with_both_spellings() -> None:
    with pytest.raises(LmctoolError) as told:
        selected_names("layer1.*", NAMES)
    pattern, expression = r"layer1\..*", "(layer1.*)"
    assert str(told.value) == (
        "'layer1.*' may be a shell pattern or a regular expression, and only one of them takes"
        f" 'layer10.0.conv1', 'layer10.0.conv2', 'layer10.1.conv1' and 1 more; write {pattern!r}"
        f" for the pattern or {expression!r} for the expression"
    )
    assert selected_names(pattern, NAMES) == STAGES[:4]
    assert selected_names(expression, NAMES) == STAGES[:4] + STAGES[8:]


def test_a_pattern_that_is_no_expression_may_have_a_dot_before_a_star() -> None:
    assert reading("*.conv1.*") == "pattern"
    assert selected_names("*.1.*", NAMES) == [name for name in NAMES if ".1." in name]


def test_a_name_is_itself_whatever_else_it_could_mean() -> None:
    assert selected_names("a.*", ["a.b", "a.*"]) == ["a.*"]
    assert selected_names("fc.bias", ["fcxbias", "fc.bias"]) == ["fc.bias"]


def test_the_order_is_that_of_the_names() -> None:
    assert selected_names("layer*", NAMES[::-1]) == STAGES[::-1]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("layer1*x", STAGES[:3]),  # those that begin alike, not those of another stage
        (r"layer10\.7.*", STAGES[8:11]),
        ("layer3*", STAGES[:3]),
        ("*.zzz", []),
        ("fcc", ["fc"]),
        ("bias", ["fc.bias"]),
        ("zzz", []),
    ],
)
def test_a_word_without_a_match_is_near_to_names_that_begin_or_look_alike(
    word: str, near: list[str]
) -> None:
    assert selected_names(word, NAMES) == []
    assert nearest_names(word, NAMES) == near


def test_names_that_come_twice_get_numbers() -> None:
    assert numbered(["a", "b", "a"]) == ["a#1", "b", "a#2"]
