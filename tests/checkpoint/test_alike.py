"""Checkpoints whose names say the same in different ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint, write_checkpoint
from lmctool.checkpoint.alike import alike
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from lmctool.checkpoint import Checkpoint
    from tests.checkpoint.conftest import Save

EMBEDDING = torch.arange(6.0).view(2, 3)
NET = {"wte.w": EMBEDDING, "n.weight": torch.ones(3), "n.num_batches_tracked": torch.tensor(7)}
HEAD = {**NET, "lm_head.w": EMBEDDING.clone()}
ODD = {"odd": torch.ones(1)}
NO_COUNTER = {name: value for name, value in NET.items() if "batches" not in name}


def opened(save: Save, *files: Mapping[str, Tensor]) -> list[Checkpoint]:
    clones = [{name: tensor.clone() for name, tensor in each.items()} for each in files]
    return [open_checkpoint(save(f"{n}.safetensors", each)) for n, each in enumerate(clones)]


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        (under("net.0", NET), NET, [*NET]),
        (under("a.b", NET), under("b", NET), [*under("b", NET)]),
        (under("module", NET) | ODD, NET | ODD, ["odd", *NET]),
        (under("a.module", NET) | ODD, under("a", NET) | ODD, ["odd", *under("a", NET)]),
        (
            {"a.module.w": EMBEDDING, "b.w": EMBEDDING},  # alike, and not tied
            {"a.w": EMBEDDING, "b.w": EMBEDDING},
            ["a.w", "b.w"],
        ),
        (NET, NO_COUNTER, [*NO_COUNTER]),
        (under("net", HEAD), NO_COUNTER, ["wte.w", "n.weight", "lm_head.w"]),
        (
            {"w_g": torch.ones(2, 1), "w_v": EMBEDDING},
            {
                "parametrizations.w.original0": torch.ones(2, 1),
                "parametrizations.w.original1": EMBEDDING,
            },
            None,
        ),
    ],
)
def test_names_become_the_same_whichever_comes_first(
    save: Save,
    one: dict[str, Tensor],
    other: dict[str, Tensor],
    names: list[str] | None,
    order: int,
) -> None:
    files = (one, other)[::order]
    a, b = alike(opened(save, *files))
    assert a.names == b.names
    assert set(a.names) == set(files[0] if names is None else names)
    own = [each for checkpoint in (a, b) for each in checkpoint.remarks]
    assert own
    for checkpoint, tensors in zip((a, b), files, strict=True):
        assert set(checkpoint.stored) == set(tensors)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NET, {**NET, "more.w": EMBEDDING + 1}),  # no tensor of its own has these bytes
        (NET, {**NET, "more.bias": torch.ones(3)}),  # fresh vectors are alike, and not tied
        (
            {**NET, "zero.w": torch.zeros(2, 3)},  # and so are matrices of zeros
            {**NET, "zero.w": torch.zeros(2, 3), "more.w": torch.zeros(2, 3)},
        ),
        (under("a", NET), under("b", NET)),
        (under("net", NET), {**NET, "more.bias": torch.ones(2)}),
        ({**NET, "v.w": EMBEDDING + 1}, {**HEAD, "v.w": EMBEDDING}),  # is v or wte the twin?
    ],
)
def test_what_could_be_read_in_two_ways_or_none_is_left_alone(
    save: Save, one: dict[str, Tensor], other: dict[str, Tensor]
) -> None:
    files = opened(save, one, other)
    assert alike(files) == tuple(files)
    assert alike(files[::-1]) == tuple(files[::-1])


def test_those_that_agree_are_not_looked_at(save: Save) -> None:
    files = opened(save, HEAD, under("module", HEAD))
    assert alike(files) == tuple(files)


def test_ties_of_a_model_need_no_bytes(save: Save) -> None:
    group = frozenset({"wte.w", "head.w"})
    a, b = alike(
        opened(save, {"wte.w": EMBEDDING}, {"head.w": EMBEDDING + 1}), dict.fromkeys(group, group)
    )
    assert a.names == b.names == ("head.w", "wte.w")
    assert torch.equal(a.tensor("head.w"), EMBEDDING)
    assert torch.equal(b.tensor("wte.w"), EMBEDDING + 1)


def test_the_digest_stays_that_of_the_file(save: Save) -> None:
    files = opened(save, under("net", HEAD), NO_COUNTER)
    assert [each.digest for each in alike(files)] == [each.digest for each in files]


def test_what_is_written_has_the_names_of_the_file_that_it_is_like(
    save: Save, tmp_path: Path
) -> None:
    for like in alike(opened(save, under("net", HEAD), NO_COUNTER)):
        doubled = {name: 2 * tensor for name, tensor in like.weights().items()}
        target = tmp_path / f"like-{like.path.name}"
        write_checkpoint(target, doubled, like=like)
        written = open_checkpoint(target)
        assert written.stored.keys() == like.stored.keys()
        for name in like.names:
            assert torch.equal(written.tensor(like.locations[name].name), 2 * like.tensor(name))
    assert int(written.tensor("n.weight").sum()) == 6


def test_a_counter_that_is_left_out_is_copied(save: Save, tmp_path: Path) -> None:
    like, _ = alike(opened(save, NET, NO_COUNTER))
    write_checkpoint(tmp_path / "c.safetensors", like.weights(), like=like)
    written = open_checkpoint(tmp_path / "c.safetensors")
    assert int(written.tensor("n.num_batches_tracked")) == 7


def test_tied_names_that_differ_cannot_be_written_where_one_is_stored(
    save: Save, tmp_path: Path
) -> None:
    _, like = alike(opened(save, HEAD, NET))
    weights = {**like.weights(), "lm_head.w": EMBEDDING + 1}
    with pytest.raises(LmctoolError, match=r"'lm_head.w' and 'wte.w' to be written differ"):
        write_checkpoint(tmp_path / "c.safetensors", weights, like=like)
