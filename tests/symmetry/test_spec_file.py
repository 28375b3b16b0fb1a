"""Permutation specs as files: written, read back, extended, replaced, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.symmetry import Permutation, derive, prove, read_spec, write_spec
from lmctool.symmetry.axis_form import Free, Product
from lmctool.symmetry.axis_form_text import show
from tests.symmetry.conftest import randomise

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.graph.graph import Graph


class Attention(nn.Module):
    """Two blocks of attention with 2 heads of 3, and a mask on the last layer's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"qkv": nn.Linear(8, 18), "out": nn.Linear(6, 8)}) for _ in range(2)
        )
        self.wide, self.head = nn.Linear(8, 5), nn.Linear(5, 2)
        self.register_buffer("mask", (torch.arange(10).view(2, 5) % 3 > 0).float())

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            parts = block["qkv"](x).view(*x.shape[:2], 3, 2, 3)  # type: ignore[index]
            q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
            mixed = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
            x = x + block["out"](mixed.flatten(2))  # type: ignore[index]
        h = torch.relu(self.wide(x.mean(1)))
        masked: Tensor = self.head.weight * self.mask  # type: ignore[operator]
        return nn.functional.linear(h, masked, self.head.bias)


@pytest.fixture(scope="module")
def module() -> nn.Module:
    attention = Attention()
    mask = attention.mask.clone()  # type: ignore[operator]
    randomise(attention)
    attention.mask.copy_(mask)  # type: ignore[operator]
    return attention


@pytest.fixture(scope="module")
def graph(module: nn.Module) -> Graph:
    return capture(module, torch.zeros(2, 6, 4))


def proved(module: nn.Module, path: Path, graph: Graph) -> Permutation:
    """Return a random permutation of what a file says may move, after its proof."""
    permutation = Permutation.random(read_spec(path, graph), torch.Generator().manual_seed(0))
    inputs = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1))
    assert prove(module, module.state_dict(), permutation, inputs).holds
    return permutation


def test_a_written_spec_reads_as_what_was_derived(graph: Graph, tmp_path: Path) -> None:
    derived = derive(graph)
    assert len(derived.per) == 4
    path = tmp_path / "spec.toml"
    write_spec(derived, path, force=False)
    again = read_spec(path, graph)
    assert (again.groups, again.per, again.tensors) == (
        derived.groups,
        derived.per,
        derived.tensors,
    )
    assert {g: len(t) for g, t in again.taps.items()} == {
        g: len(t) for g, t in derived.taps.items()
    }
    with pytest.raises(LmctoolError, match="exists"):
        write_spec(derived, path, force=False)


def test_a_spec_by_hand_with_groups_local_to_each_block(
    module: nn.Module, graph: Graph, tmp_path: Path
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("""
        version = 1
        mode = "replace"
        [groups]
        stream = 8
        heads = 2
        dqk = { size = 3, per = "heads" }
        dv = { size = 3, per = "heads" }
        [tensors]
        "first.weight" = "stream, _"
        "first.bias" = "stream"
        "wide.weight" = "_, stream"
        "blocks.*.qkv.weight" = "(heads dqk)+(heads dqk)+(heads dv), stream"
        "blocks.*.qkv.bias" = "(heads dqk)+(heads dqk)+(heads dv)"
        "blocks.*.out.weight" = "stream, (heads dv)"
        "blocks.*.out.bias" = "stream"
    """)
    permutation = proved(module, path, graph)
    spec = permutation.spec
    assert sorted(spec.groups) == sorted(
        ["stream", *(f"{name}@{n}" for name in ("heads", "dqk", "dv") for n in (0, 1))]
    )
    assert spec.per["dv@1"] == "heads@1"
    assert show(spec.tensors["blocks.1.out.weight"][1]) == "(heads@1 dv@1)"
    assert all(spec.taps[group] for group in ("stream", "dqk@0", "dv@1"))


def test_a_file_may_keep_a_tensor_in_place_and_let_a_mask_move(
    module: nn.Module, graph: Graph, tmp_path: Path
) -> None:
    path = tmp_path / "spec.toml"
    head = 'version = 1\nmode = "extend"\n[rules]\n'
    path.write_text(head + 'fix = ["blocks.0.*"]')
    before = proved(module, path, graph).spec
    assert "blocks.0.qkv[1]" not in before.groups
    assert before.fixed["head.weight", 1] == "it is a buffer that no layer owns"
    path.write_text(head + 'move = ["mask"]')
    after = proved(module, path, graph).spec
    assert after.tensors["mask"] == (None, Free("wide", 5))


def test_a_part_of_the_derived_spec_is_replaced(
    module: nn.Module, graph: Graph, tmp_path: Path
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(
        'version = 1\nmode = "extend"\n[tensors]\n"blocks.0.qkv.bias" = "_"\n'
        '"blocks.0.qkv.weight" = "_, first"\n"blocks.0.out.weight" = "first, (2 3)"\n'
    )
    spec = proved(module, path, graph).spec
    assert not any("blocks.0" in group for group in spec.groups)
    assert isinstance(spec.tensors["blocks.0.out.weight"][1], Product)
    assert spec.fixed["blocks.0.qkv.weight", 0] == "the spec file fixes it"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("version = 2", "'version' of spec file"),
        ("version = 2", "is 2, but must be 1"),
        ("version = 1", "has no 'mode', which must be 'extend' or 'replace'"),
        ('version = 1\nmode = "move"', "is 'move', but must be 'extend' or 'replace'"),
        ("nonsense", "cannot be read as TOML"),
        (
            'version = 1\nmode = "extend"\nrule = 1',
            "has an unknown key 'rule'; did you mean 'rules'? known: groups, mode",
        ),
        (
            'version = 1\nmode = "extend"\n[rules]\nfix = 3',
            "'fix' in [rules] of spec file",
        ),
        (
            'version = 1\nmode = "extend"\n[rules]\nfix = 3',
            "is 3, but must be a list of names or patterns in quotes",
        ),
        ('version = 1\nmode = "extend"\n[rules]\nmove = ["a", 3]', "move 2 of spec file"),
        ('version = 1\nmode = "extend"\n[groups]\na = 0', "'a' in [groups] of spec file"),
        (
            'version = 1\nmode = "extend"\n[groups]\na = 0',
            'is 0, but must be a size of 1 or more, or { size = 4, per = "heads" }',
        ),
        (
            'version = 1\nmode = "extend"\n[groups]\na = { size = 2, pre = "b" }',
            "[groups.a] of spec file",
        ),
        ('version = 1\nmode = "extend"\n[tensors]\na = 3', "must be one text, with a comma"),
        (
            'version = 1\nmode = "extend"\n[groups]\na = { size = 2, per = "b" }',
            "group 'a' lies under 'b', which is no plain group of the file",
        ),
        ('version = 1\nmode = "extend"\n[tensors]\n"nope" = "_"', "the model has no tensor 'nope'"),
        (
            'version = 1\nmode = "extend"\n[tensors]\n"first.bias" = "_, _"',
            "tensor 'first.bias' has 1 axes, but 2 forms are given",
        ),
        (
            'version = 1\nmode = "extend"\n[tensors]\n"first.bias" = "x"',
            "tensor 'first.bias': group 'x' has no size; give it one under [groups]",
        ),
        (
            'version = 1\nmode = "extend"\n[groups]\nx = 3\n[tensors]\n"first.bias" = "(x 2"',
            "a bracket is not closed in '(x 2'",
        ),
        (
            'version = 1\nmode = "extend"\n[groups]\nfirst = 3',
            "group 'first' of size 3 is not what tensor 'first.weight' has",
        ),
        (
            f'version = 1\nmode = "extend"\n[tensors]\n"first.bias" = "{"(" * 5000}"',
            "tensor 'first.bias': '(((((((((((((((((((('... has brackets too deep in each other",
        ),
        (
            'version = 1\nmode = "extend"\n[groups]\nx = 3\n[tensors]\n"first.bias" = "x+2"',
            "axis 0 of tensor 'first.bias' has 8 units, 'x+_2' has 5",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(
    graph: Graph, tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(LmctoolError) as caught:
        read_spec(path, graph)
    assert sentence in str(caught.value) and str(path) in str(caught.value)
