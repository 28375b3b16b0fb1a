"""The identities of checkpoints: what they are of, and that reading order changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import identity, open_checkpoint
from lmctool.checkpoint.checkpoint import identify_all
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .conftest import Forge, Save

EXAMPLE = Path("examples/digits/a.safetensors")


def slow_digest(tensors: dict[str, Tensor]) -> str:
    """Return the digest of float32 tensors, from one text of all."""
    parts = [
        json.dumps([name, "F32", list(tensor.shape)]).encode() + b"\n" + tensor.numpy().tobytes()
        for name, tensor in sorted(tensors.items())
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def laid(forge: Forge, tensors: dict[str, Tensor], order: Sequence[str]) -> Path:
    """Write float32 tensors in an order of their bytes."""
    header, data = {}, b""
    for name in order:
        more = tensors[name].numpy().tobytes()
        place = [len(data), len(data) + len(more)]
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": place}
        data += more
    return forge(header, data)


def drawn(*names: str) -> dict[str, Tensor]:
    numbers = torch.Generator().manual_seed(0)
    return {name: torch.randn(70, 3, generator=numbers) for name in names}


def test_identities_of_the_example_are_those_of_its_first_release() -> None:
    checkpoint = open_checkpoint(EXAMPLE)
    assert checkpoint.sha256 == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    expected = "58f7227da7c5aaf03d930c1d88754018a3aee954b742795c2ada7b063f372466"
    assert checkpoint.digest == expected


@pytest.mark.parametrize("order", ["abcd", "dcba", "bdac"])
@pytest.mark.parametrize("piece", [7, 1000, 1 << 20])
def test_any_order_in_the_file_gives_the_same_digest(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, order: str, piece: int
) -> None:
    monkeypatch.setattr(identity, "PIECE", piece)
    tensors = drawn(*"abcd")
    path = laid(forge, tensors, order)
    checkpoint = open_checkpoint(path)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint.digest == slow_digest(tensors)


def test_shards_that_names_go_to_by_turns_are_one_checkpoint(save: Save, tmp_path: Path) -> None:
    tensors = drawn(*"abcde")
    shards = {"1.safetensors": "ace", "2.safetensors": "bd"}
    for file, names in shards.items():
        save(file, {name: tensors[name] for name in names})
    index = tmp_path / "model.safetensors.index.json"
    weight_map = {name: file for file, names in shards.items() for name in names}
    index.write_text(json.dumps({"weight_map": weight_map}))
    sums = [[f, hashlib.sha256((tmp_path / f).read_bytes()).hexdigest()] for f in shards]
    checkpoint = open_checkpoint(index)
    assert checkpoint.digest == slow_digest(tensors)
    assert checkpoint.sha256 == hashlib.sha256(json.dumps(sums).encode()).hexdigest()


def test_each_byte_is_read_once_where_names_are_in_order(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    pieces = identity._FileHash._pieces

    def counted(hashed: identity._FileHash, begin: int, size: int) -> object:
        read.append(size)
        return pieces(hashed, begin, size)

    monkeypatch.setattr(identity._FileHash, "_pieces", counted)
    path = laid(forge, drawn(*"abcd"), "abcd")
    assert open_checkpoint(path).digest
    assert sum(read) == path.stat().st_size


def test_identities_found_together_are_those_found_alone(save: Save) -> None:
    paths = [save(f"{name}.safetensors", drawn(name)) for name in "abc"]
    together = [open_checkpoint(path) for path in paths]
    identify_all(together)
    assert [vars(each)["identity"] for each in together] == [
        open_checkpoint(path).identity for path in paths
    ]


def test_a_file_that_became_shorter_is_told(save: Save) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", drawn("a")))
    os.truncate(checkpoint.path, 500)
    with pytest.raises(LmctoolError, match=r"a\.safetensors' was changed while it was being read"):
        identify_all([checkpoint])
