"""Names of tensors, their order, and what wrappers put into them."""

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


@pytest.mark.parametrize(
    "wrapper",
    [
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_fsdp_wrapped_module._fpw_module",
        "_checkpoint_wrapped_module",
        "_forward_module",
    ],
)
def test_a_wrapper_is_taken_off_anywhere_as_a_whole_module(wrapper: str) -> None:
    assert short(f"{wrapper}.a.w", f"b.1.{wrapper}.w", "c.w") == ["a.w", "b.1.w", "c.w"]
    last = wrapper.rpartition(".")[2]
    for other in (f"not{last}.w", f"{last}s.w", f"a.{last}"):
        assert short(other) == [other]


def test_module_is_taken_off_when_every_tensor_has_it() -> None:
    assert short("module.a", "module.b") == ["a", "b"]
    assert short("module.a", "b") == ["b", "module.a"]


def test_what_wrappers_and_profilers_count_is_left_out() -> None:
    named = canonical_names(
        ["module.a.w", "n_averaged", "module.total_ops", "module.a.total_params"], FILE
    )
    assert named.names == {"a.w": "module.a.w"}
    assert named.left_out == ("n_averaged", "module.total_ops", "module.a.total_params")


def test_wrappers_may_be_nested() -> None:
    assert short("module._orig_mod.module.a", "module.n_averaged") == ["a"]


def test_a_collision_is_refused_by_name() -> None:
    with pytest.raises(LmctoolError, match=r"'_orig_mod.w' and 'w' of 'a.safetensors' both .* 'w'"):
        canonical_names(["_orig_mod.w", "w"], FILE)


def test_the_order_is_natural_whatever_the_order_in_the_file() -> None:
    names = ["layers.10.w", "layers.2.w", "2", "bias"]
    assert short(*names) == short(*reversed(names)) == ["2", "bias", "layers.2.w", "layers.10.w"]
    natural_key("9" * 5000)  # more digits than int() takes at once
