"""A permutation through a result's file and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.results.file import write
from lmctool.results.result import Group, Result, Variable
from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.stored import permutation_group, read_permutation

if TYPE_CHECKING:
    from pathlib import Path


SPEC = PermutationSpec({"fc/1": 3, "heads": 2, "inner": 4}, {}, per={"inner": "heads"})


def result_with(path: Path, group: Group) -> Path:
    write(Result("align", {"permutations": group}), path)
    return path


def test_moves_come_back_with_their_shapes_and_absent_ones_as_identities(tmp_path: Path) -> None:
    inner = torch.tensor([[1, 0, 3, 2], [0, 1, 2, 3]])
    group = permutation_group(Permutation(SPEC, {"heads": torch.tensor([1, 0]), "inner": inner}))
    assert group.variables["permutation_002"].dims == ("outer_002", "unit_002")
    permutation = read_permutation(result_with(tmp_path / "r.h5", group))
    assert permutation.sizes == {"fc/1": 3, "heads": 2, "inner": 4}
    assert permutation.per == {"inner": "heads"}
    assert permutation.moves["fc/1"].tolist() == [0, 1, 2]
    assert permutation.moves["heads"].tolist() == [1, 0]
    assert permutation.moves["inner"].tolist() == inner.tolist()


def test_an_inner_group_that_stays_has_an_identity_for_each_outer_unit(tmp_path: Path) -> None:
    permutation = read_permutation(
        result_with(tmp_path / "r.h5", permutation_group(Permutation(SPEC, {})))
    )
    assert permutation.moves["inner"].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]


def earlier() -> dict[str, Variable]:
    """Return what results held before there were inner groups."""
    return {
        "group": Variable(np.array(["a"], dtype=object), ("group",)),
        "size": Variable(np.array([3]), ("group",)),
        "moved": Variable(np.array([2]), ("group",)),
        "permutation_000": Variable(np.array([1, 0, 2]), ("unit_000",)),
    }


def test_a_result_from_before_inner_groups_is_read(tmp_path: Path) -> None:
    permutation = read_permutation(result_with(tmp_path / "r.h5", Group(earlier())))
    assert (permutation.sizes, permutation.per) == ({"a": 3}, {})
    assert permutation.moves["a"].tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("permutation_000", None),
        ("size", None),
        ("permutation_000", Variable(np.array([1.0, 0.0, 2.0]), ("unit_000",))),
        ("size", Variable(np.array(["x"], dtype=object), ("group",))),
    ],
    ids=["no move", "no sizes", "a move of floats", "a size of text"],
)
def test_a_malformed_permutation_is_told_in_one_line(
    tmp_path: Path, name: str, value: Variable | None
) -> None:
    variables = {k: v for k, v in {**earlier(), name: value}.items() if v is not None}
    with pytest.raises(LmctoolError, match=r"r.h5' holds a permutation that cannot be read: "):
        read_permutation(result_with(tmp_path / "r.h5", Group(variables)))


def test_a_result_without_permutation_says_which_has_one(tmp_path: Path) -> None:
    write(Result("barrier", {"barrier": Group()}), tmp_path / "r.h5")
    with pytest.raises(LmctoolError, match=r"holds no permutation; name one that align wrote"):
        read_permutation(tmp_path / "r.h5")
