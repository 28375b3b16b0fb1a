"""Names as the user asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint.checkpoint import open_checkpoint, open_checkpoints
from lmctool.checkpoint.naming import canonical_names
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Naming

if TYPE_CHECKING:
    from tests.checkpoint.conftest import Save

FILE = Path("a.safetensors")
EMA = ("ema.fc.w", "ema.n_averaged", "fc.w", "fc1.w", "head")


def called(naming: Naming, *stored: str) -> dict[str, str]:
    """Return the stored name by each canonical one."""
    return dict(canonical_names(stored, FILE, naming).names)


def test_a_prefix_ends_at_a_dot_and_the_longest_is_taken_off_once() -> None:
    naming = Naming(strip=("net", "net.net"))
    stored = ("net.net.a.w", "net.b.w", "network.w", "net")
    assert list(called(naming, *stored)) == ["a.w", "b.w", "net", "network.w"]


def test_a_name_is_renamed_once_whole_or_in_a_prefix() -> None:
    naming = Naming(rename=(("a", "b"), ("b", "a"), ("a.0", "c"), ("head", "fc.w")))
    assert called(naming, "a.w", "b.w", "a.0.w", "a.01", "head", "aa.w") == {
        "a.w": "b.w",
        "aa.w": "aa.w",
        "b.01": "a.01",
        "b.w": "a.w",
        "c.w": "a.0.w",
        "fc.w": "head",
    }


def test_names_are_ignored_before_a_prefix_is_taken_off_and_renamed_after_it() -> None:
    naming = Naming(strip=("ema",), rename=(("fc", "classifier"),), ignore=("fc*", "head"))
    named = canonical_names(EMA, FILE, naming)
    assert named.names == {"classifier.w": "ema.fc.w"}
    assert named.left_out == ("ema.n_averaged", "fc1.w", "fc.w", "head")
    assert named.unmatched == ()


def test_what_two_names_become_is_refused() -> None:
    with pytest.raises(LmctoolError, match=r"'ema.fc.w' and 'fc.w' of .* both become 'fc.w'"):
        called(Naming(strip=("ema",)), *EMA)


def test_a_key_is_the_beginning_of_names_which_wrappers_may_follow(save: Save) -> None:
    tensors = {
        "ema.module.w": torch.zeros(1),
        "ema.n_averaged": torch.tensor(3),
        "w": torch.ones(1),
    }
    path = save("a.safetensors", tensors)
    checkpoint = open_checkpoint(path, Naming(key="ema"))
    assert checkpoint.names == ("w",)
    assert float(checkpoint.tensor("w")) == 0
    assert open_checkpoint(path, Naming(key=".")).names == ("ema.module.w", "w")
    with pytest.raises(LmctoolError, match=r"has no entry 'em'; its names begin with ema, w"):
        open_checkpoint(path, Naming(key="em"))


def test_the_digest_is_of_the_names_that_are_asked_for(save: Save) -> None:
    plain = save("a.safetensors", {"w": torch.ones(1)})
    inside = save("b.safetensors", {"net.w": torch.ones(1), "loss.w": torch.zeros(2)})
    asked = open_checkpoint(inside, Naming(strip=("net",), ignore=("loss.*",)))
    assert asked.digest == open_checkpoint(plain).digest
    assert asked.digest != open_checkpoint(inside).digest
    assert asked.called({"v": "w"}).digest == asked.digest


@pytest.mark.parametrize(
    ("naming", "told"),
    [
        (Naming(strip=("encodr",)), "--strip 'encodr' fits no tensor .* nearest is 'encoder'"),
        (Naming(rename=(("encoder.3", "x"),)), "--rename 'encoder.3' fits .* 'encoder.2'"),
        (Naming(ignore=("encoder.2.wait",)), r"--ignore 'encoder.2.wait' .* 'encoder.2.weight'"),
        (Naming(ignore=("encoder.3*",)), r"--ignore 'encoder.3\*' .* nearest is 'encoder.2'"),
        (Naming(ignore=("zzz",)), "--ignore 'zzz' fits no tensor of any checkpoint$"),
        (Naming(strip=("encoder.2", "encod"), ignore=("q",)), "--ignore 'q' fits no tensor"),
    ],
)
def test_an_option_that_fits_nothing_is_refused_with_the_nearest(
    save: Save, naming: Naming, told: str
) -> None:
    files = [save(f"{name}.safetensors", {"encoder.2.weight": torch.ones(1)}) for name in "ab"]
    with pytest.raises(LmctoolError, match=told):
        open_checkpoints([*files, save("c.safetensors", {"w": torch.ones(1)})], naming)


def test_an_option_that_fits_one_of_several_is_taken(save: Save) -> None:
    a = save("a.safetensors", {"net.w": torch.ones(1), "loss.w": torch.ones(1)})
    b = save("b.safetensors", {"w": torch.ones(1)})
    opened = open_checkpoints([b, a], Naming(strip=("net",), ignore=("loss.*",)))
    assert [each.names for each in opened] == [("w",), ("w",)]
    assert opened[1].remarks == ("left out 'loss.w'",)


def test_a_file_of_which_nothing_is_left_says_what_it_had(save: Save) -> None:
    path = save("a.safetensors", {"w": torch.ones(1), "n_averaged": torch.tensor(1)})
    with pytest.raises(LmctoolError, match="holds no tensor but 'n_averaged', 'w', left out"):
        open_checkpoint(path, Naming(ignore=("*",)))
