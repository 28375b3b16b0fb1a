"""The nearest name, and the option that makes it fit."""

from __future__ import annotations

import pytest

from lmctool.checkpoint.naming import canonical_names
from lmctool.checkpoint.nearest import hint, remedy
from lmctool.plugin.settings import Naming
from tests.checkpoint.test_names import FILE


@pytest.mark.parametrize(
    ("old", "new", "option"),
    [
        ("layer.1.weight", "layers.1.weight", "--rename layer=layers"),
        ("net.0.weight", "0.weight", "--strip net"),
        ("0.weight", "net.0.weight", "--strip net"),
        ("head", "fc.bias", "--rename head=fc.bias"),
        ("a.b.w", "a.c.w", "--rename a.b=a.c"),
        ("my layer.w", "fc.w", "--rename 'my layer=fc'"),
    ],
)
def test_the_remedy_makes_two_names_one(old: str, new: str, option: str) -> None:
    assert remedy(old, new) == option
    flag, _, text = option.replace("'", "").partition(" ")
    before, _, after = text.partition("=")
    naming = Naming(rename=((before, after),)) if after else Naming(strip=(text,))
    names = [canonical_names([name], FILE, naming).names for name in (old, new)]
    assert flag in {"--rename", "--strip"}
    assert list(names[0]) == list(names[1])


def test_a_name_of_the_same_shape_goes_before_one_that_is_more_alike() -> None:
    there = {"layers.0.weights": (3,), "layer.0.w": (2, 2)}
    assert "'layer.0.w'" in hint("layers.0.weight", (2, 2), there)
    assert "'layers.0.weights'" in hint("layers.0.weight", (9,), there)


def test_what_is_not_alike_is_not_named() -> None:
    assert hint("classifier.weight", (2,), {"x.y": (2,)}) == ""
    assert hint("classifier.weight", (2,), {}) == ""
