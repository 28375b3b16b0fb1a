"""Units under others that are told apart: where they lie, as text, and what finds them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.symmetry import Permutation, derive, prove, read_spec, write_spec
from lmctool.symmetry.axis import Axis, product
from lmctool.symmetry.axis_form import Blockwise, Concat, Fixed, Free
from lmctool.symmetry.axis_form_text import read, show
from lmctool.symmetry.inner_groups import inner_groups
from lmctool.symmetry.separation import Blocks, Separation
from lmctool.symmetry.spec import PermutationSpec
from tests.symmetry.conftest import randomise

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.axis_table import TensorAxes

BLOCKS = Blockwise(0, 2, (Free("a", 3), Concat((Fixed(1), Free("b", 2)))))


@pytest.fixture(scope="module")
def module() -> nn.Module:
    """Channels in 3 norm groups and 4 groups of a convolution, which don't fit together."""
    return randomise(
        nn.Sequential(
            *(nn.Conv2d(3, 12, 1), nn.GroupNorm(3, 12), nn.ReLU(), nn.Conv2d(12, 8, 2, groups=4)),
            *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)),
        )
    )


@pytest.fixture(scope="module")
def graph(module: nn.Module) -> Graph:
    return capture(module, torch.zeros(2, 3, 4, 4))


def held(reason: str, mixed: bool) -> tuple[Axis, Axis]:
    """Return an outer atom of 2 that cannot move, and an inner one of 3."""
    outer, inner = Axis(2), Axis(3)
    (outer.fix if mixed else outer.tell_apart)(reason)
    return outer, inner


def separated(axes: tuple[Axis, ...]) -> tuple[Axis | Blocks, ...]:
    tensors: TensorAxes = {"weight": axes}
    return Separation(inner_groups(tensors.values(), tensors.values()), tensors)(axes)


def test_under_each_unit_that_is_told_apart_are_units_of_their_own() -> None:
    outer, inner = held("it is the input", mixed=False)
    (axis,) = separated((product((outer, inner)),))
    assert isinstance(axis, Axis) and axis.kind == "concat"
    assert [part.size for part in axis.parts] == [3, 3] and axis.parts[0] is not axis.parts[1]
    (turns,) = separated((product((inner, outer)),))
    assert isinstance(turns, Axis) and turns.kind == "interleaving"


def test_of_units_on_another_axis_each_block_has_its_own() -> None:
    outer, inner = held("it is the input", mixed=False)
    _, axis = separated((product((outer, Axis(5, "fixed"))), inner))
    assert isinstance(axis, Blocks)
    assert (axis.axis, axis.length, axis.size) == (0, 5, 3)
    assert len(set(axis.leaves())) == 2


def test_under_units_that_an_operation_mixes_all_stay_alike() -> None:
    outer, inner = held("it is flipped", mixed=True)
    (axis,) = separated((product((outer, inner)),))
    assert isinstance(axis, Axis) and axis.kind == "product" and inner in axis.leaves()


def test_units_that_lie_somewhere_without_the_outer_ones_stay_alike() -> None:
    outer, inner = held("it is the input", mixed=False)
    tensors: TensorAxes = {"weight": (product((outer, inner)),), "gain": (inner,)}
    separation = Separation(inner_groups(tensors.values(), tensors.values()), tensors)
    assert not separation.holders


def test_blocks_have_a_text() -> None:
    assert show(BLOCKS) == "{0 2 a; _1+b}"
    assert read(show(BLOCKS), {"a": 3, "b": 2}) == BLOCKS


def test_blocks_move_as_a_loop_over_them_moves_them() -> None:
    spec = PermutationSpec({"a": 3, "b": 2}, {"weight": (None, BLOCKS)})
    moves = {"a": torch.tensor([2, 0, 1]), "b": torch.tensor([1, 0])}
    weight = torch.arange(24).view(4, 3, 2)
    moved = Permutation(spec, moves).apply({"weight": weight})["weight"]
    assert torch.equal(moved[:2], weight[:2, moves["a"]])
    assert torch.equal(moved[2:], weight[2:, [0, 2, 1]])


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("{0 2 a; b}", "the blocks of '{0 2 a; b}' are of several sizes"),
        ("{0 a; b}", "doesn't say which axis has blocks, and of which length"),
        ("{0 2 a", "a bracket is not closed"),
        ("{0 2 a; a}", "but axis 0 hasn't 2 blocks of 2"),
        ("{1 2 a; a}", "but axis 1 hasn't 2 blocks of 2"),
        ("{7 2 a; a}", "but axis 7 hasn't 2 blocks of 2"),
    ],
)
def test_blocks_that_dont_fit_are_told(graph: Graph, tmp_path: Path, form: str, told: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(
        'version = 1\nmode = "extend"\n[groups]\na = 3\nb = 2\n'
        f'[tensors]\n"3.weight" = "_, {form}, _, _"\n'
    )
    with pytest.raises(LmctoolError, match="spec file") as caught:
        read_spec(path, graph)
    assert told in str(caught.value)


def test_a_written_spec_says_what_was_derived(graph: Graph, tmp_path: Path) -> None:
    path, derived = tmp_path / "spec.toml", derive(graph)
    write_spec(derived, path, force=False)
    assert isinstance(derived.tensors["3.weight"][1], Blockwise)
    assert read_spec(path, graph).tensors == derived.tensors


def test_a_spec_that_lets_a_channel_out_of_its_norm_group_is_not_proved(
    module: nn.Module, graph: Graph, tmp_path: Path
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(
        'version = 1\nmode = "extend"\n[groups]\na = 3\n[tensors]\n'
        '"0.weight" = "_3+a+_6, _, _, _"\n"0.bias" = "_3+a+_6"\n'
        '"1.weight" = "_3+a+_6"\n"1.bias" = "_3+a+_6"\n'
        '"3.weight" = "_, {0 2 _3; a; _3; _3}, _, _"\n"3.bias" = "_"\n"7.weight" = "_, _"\n'
    )
    permutation = Permutation(read_spec(path, graph), {"a": torch.tensor([1, 0, 2])})
    with pytest.raises(LmctoolError, match="so does group 'a'"):
        prove(module, module.state_dict(), permutation, torch.randn(3, 3, 4, 4))
