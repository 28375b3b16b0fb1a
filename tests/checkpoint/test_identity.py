"""The identities of checkpoints: what they are of, and that reading order changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from blake3 import blake3

from lmctool.checkpoint import identity, open_checkpoint, tensor_digest, write_checkpoint
from lmctool.checkpoint.checkpoint import identify_all
from lmctool.checkpoint.file_sums import NO_SUMS
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .conftest import Forge, Save

EXAMPLE = Path("examples/digits/a.safetensors")
FIRST = "58f7227da7c5aaf03d930c1d88754018a3aee954b742795c2ada7b063f372466"
"""The digest that the first version gave to the example."""


def slow_digest(tensors: dict[str, Tensor], piece: int = tensor_digest.PIECE) -> str:
    """Return the digest of float32 tensors, as ``tensor_digest`` says that it is made."""
    lines = b""
    for name, tensor in sorted(tensors.items()):
        data = tensor.numpy().tobytes()
        pieces = [
            blake3(data[begin : begin + piece]).digest() for begin in range(0, len(data), piece)
        ]
        about = [name, "F32", list(tensor.shape), blake3(b"".join(pieces)).hexdigest()]
        lines += json.dumps(about).encode() + b"\n"
    return f"blake3:{blake3(lines).hexdigest()}"


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


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let several threads hash what little there is."""
    monkeypatch.setattr(identity, "LITTLE", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)


def test_identities_of_the_example_never_change() -> None:
    checkpoint = open_checkpoint(EXAMPLE)
    assert checkpoint.sha256 == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    expected = "blake3:5ac690f1f83c1c5dbde689c2d91679ca6cb6140f6a47fef0f193137b7585818b"
    assert checkpoint.digest == expected


def test_digests_of_earlier_versions_are_known_again() -> None:
    checkpoint = open_checkpoint(EXAMPLE)
    assert checkpoint.has_digest(FIRST)
    assert checkpoint.has_digest(checkpoint.digest)
    for other in (FIRST[::-1], f"blake3:{FIRST}", f"unknown:{FIRST}", "", "a"):
        assert not checkpoint.has_digest(other), other


@pytest.mark.parametrize("order", ["abcd", "dcba", "bdac"])
@pytest.mark.parametrize(("read", "piece"), [(7, 100), (1000, 840), (1 << 20, 1 << 24)])
@pytest.mark.parametrize("summed", [True, False])
@pytest.mark.usefixtures("threads")
def test_any_order_and_any_reading_gives_the_same_digest(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, order: str, read: int, piece: int, summed: bool
) -> None:
    monkeypatch.setattr(identity, "READ", read)
    monkeypatch.setattr(identity, "PIECE", piece)
    monkeypatch.setattr(tensor_digest, "PIECE", piece)
    tensors = drawn(*"abcd") | {"none": torch.empty(0, 3)}
    path = laid(forge, tensors, [*order, "none"])
    checkpoint = open_checkpoint(path)
    if summed:
        assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint.digest == slow_digest(tensors, piece)


@pytest.mark.usefixtures("threads")
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


@pytest.mark.parametrize("order", ["abcd", "dcba"])
def test_each_byte_is_read_once(forge: Forge, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    read: list[int] = []
    yielded = identity._Reading._read

    def counted(reading: identity._Reading, file: identity._File, begin: int, size: int) -> object:
        read.append(size)
        return yielded(reading, file, begin, size)

    monkeypatch.setattr(identity._Reading, "_read", counted)
    path = laid(forge, drawn(*"abcd"), order)
    checkpoint = open_checkpoint(path)
    identify_all([checkpoint])
    assert checkpoint.digest
    assert checkpoint.sha256
    assert sum(read) == path.stat().st_size


def test_without_sums_tensors_alone_are_read(save: Save) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", drawn("a")))
    identify_all([checkpoint], NO_SUMS)
    assert "digest" in vars(checkpoint)
    assert "file_sum" not in vars(checkpoint)


@pytest.mark.usefixtures("threads")
def test_identities_found_together_are_those_found_alone(save: Save) -> None:
    paths = [save(f"{name}.safetensors", drawn(name)) for name in "abc"]
    together = [open_checkpoint(path) for path in paths]
    identify_all(together)
    alone = [open_checkpoint(path) for path in paths]
    assert [vars(each)["digest"] for each in together] == [each.digest for each in alone]
    assert [vars(each)["file_sum"] for each in together] == [each.file_sum for each in alone]


def test_a_file_that_became_shorter_is_told(save: Save) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", drawn("a")))
    os.truncate(checkpoint.path, 500)
    with pytest.raises(LmctoolError, match=r"a\.safetensors' was changed while it was being read"):
        identify_all([checkpoint])


@pytest.mark.usefixtures("threads")
def test_one_unreadable_shard_ends_the_work_on_all(save: Save) -> None:
    paths = [save(f"{name}.safetensors", drawn(name)) for name in "abcdef"]
    checkpoints = [open_checkpoint(path) for path in paths]
    paths[2].unlink()
    with pytest.raises(LmctoolError, match=r"c\.safetensors' cannot be read: No such file"):
        identify_all(checkpoints, NO_SUMS)


@pytest.mark.usefixtures("threads")
def test_shards_are_open_one_to_a_thread(save: Save, tmp_path: Path) -> None:
    names = [f"layer{number}" for number in range(50)]
    for name in names:
        save(f"{name}.safetensors", {name: torch.full((3,), len(name), dtype=torch.float32)})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: f"{name}.safetensors" for name in names}}))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 20, before[1]))
    try:
        checkpoint = open_checkpoint(index)
        identify_all([checkpoint])
        held = [checkpoint.locations[name].tensor() for name in checkpoint.names]
        write_checkpoint(tmp_path / "out", checkpoint.weights(), like=checkpoint)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(held) == len(names)
    assert open_checkpoint(tmp_path / "out").digest == checkpoint.digest
