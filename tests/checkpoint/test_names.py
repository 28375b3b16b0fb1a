"""Wrapper prefixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmctool.checkpoint.names import natural_key
from lmctool.checkpoint.naming import canonical_names
from lmctool.errors import LmctoolError

FILE = Path("a.safetensors")


def short(*stored: str) -> list[str]:
    """Return the canonical names of stored ones."""
    return list(canonical_names(stored, FILE).names)


def test_compile_is_taken_off_anywhere() -> None:
    assert short("_orig_mod.a.w", "b._orig_mod.w") == ["a.w", "b.w"]
    assert short("not_orig_mod.w") == ["not_orig_mod.w"]


def test_module_is_taken_off_when_every_tensor_has_it() -> None:
    assert short("module.a", "module.b") == ["a", "b"]
    assert short("module.a", "b") == ["b", "module.a"]


def test_the_counter_of_an_average_is_dropped_and_kept_aside() -> None:
    named = canonical_names(["module.a", "n_averaged"], FILE)
    assert named.names == {"a": "module.a"}
    assert named.left_out == ("n_averaged",)


def test_wrappers_may_be_nested() -> None:
    assert short("module._orig_mod.module.a", "module.n_averaged") == ["a"]


def test_a_collision_is_refused_by_name() -> None:
    with pytest.raises(LmctoolError, match=r"'_orig_mod.w' and 'w' of 'a.safetensors' both .* 'w'"):
        canonical_names(["_orig_mod.w", "w"], FILE)


def test_the_order_is_natural_whatever_the_order_in_the_file() -> None:
    names = ["layers.10.w", "layers.2.w", "2", "bias"]
    assert short(*names) == short(*reversed(names)) == ["2", "bias", "layers.2.w", "layers.10.w"]
    natural_key("9" * 5000)  # more digits than int() takes at once
