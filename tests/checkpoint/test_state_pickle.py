"""Pickles that are damaged or lie: refused by a sentence, whatever they ask for."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from lmctool.checkpoint import open_checkpoint
from tests.checkpoint.pytorch_files import STATE, error_text, pickled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def forged(folder: Path, data: bytes, **members: bytes) -> Path:
    """Write an archive with a pickle of any kind."""
    path = folder / "in.pt"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {"data.pkl": data, "byteorder": b"little", **members}.items():
            file.writestr(f"archive/{name}", content)
    return path


def test_a_file_cut_short_is_told(tmp_path: Path) -> None:
    for zipped in (True, False):
        path = pickled(tmp_path, {"w": torch.ones(1000)}, zipped)
        path.write_bytes(path.read_bytes()[:-2000])
        assert "copy it again" in error_text(path)


def test_a_packed_archive_and_a_strange_machine_are_told(tmp_path: Path) -> None:
    path = pickled(tmp_path, STATE)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    assert error_text(path).startswith("FILE was packed anew: its member 'in/byteorder' is")
    path = forged(tmp_path, b"", byteorder=b"big")
    assert error_text(path).startswith("FILE was written by a machine that stores numbers the")


def described(
    storage: bytes = b"", offset: object = 0, shape: object = (2,), strides: object = (1,)
) -> bytes:
    """Return a pickle of a state dict of one tensor, which need not be true."""

    class Described:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return torch._utils._rebuild_tensor_v2, (Stored(), offset, shape, strides, False, {})

    class Stored:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            if isinstance(value, Stored):
                return ("storage", torch.FloatStorage, "0", "cpu", 2)
            return None

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump({"w": Described()})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"shape": (3,)}, "FILE is malformed: tensor 'w' is larger than its storage"),
        ({"offset": 1}, "FILE is malformed: tensor 'w' is larger than its storage"),
        ({"strides": (2,)}, "FILE is malformed: tensor 'w' is larger than its storage"),
        ({"shape": (2**62,), "strides": (0,)}, "FILE has "),
        ({"offset": -1}, "FILE is malformed: its pickle does not describe tensor 'w'"),
        ({"strides": (-1,)}, "FILE is malformed: its pickle does not describe tensor 'w'"),
        ({"shape": (2, 1)}, "FILE is malformed: its pickle does not describe tensor 'w'"),
        ({"shape": [2]}, "FILE is malformed: its pickle does not describe tensor 'w'"),
        ({"shape": (True,)}, "FILE is malformed: its pickle does not describe tensor 'w'"),
        ({"shape": (1,) * 65}, "FILE is malformed: its pickle does not describe tensor 'w'"),
    ],
)
def test_a_tensor_that_claims_more_than_there_is_is_refused(
    tmp_path: Path, claims: dict[str, Any], sentence: str
) -> None:
    members = {"data/0": torch.ones(2).numpy().tobytes()}
    sound = open_checkpoint(forged(tmp_path, described(), **members))
    assert torch.equal(sound.tensor("w"), torch.ones(2))
    assert error_text(forged(tmp_path, described(**claims), **members)).startswith(sentence)


@pytest.mark.parametrize(
    "data",
    [
        b"ctorch._utils\n_rebuild_tensor\n}X\1\0\0\0aK\1s\x86b.",  # a function's slots
        b"ctorch._utils\n_rebuild_tensor\n}X\1\0\0\0aK\1sb.",  # its attributes
        b"cargparse\nNamespace\n}X\1\0\0\0aK\1sb.",  # those of a class
        b"ccollections\nOrderedDict\n}X\1\0\0\0aK\1sb.",
        b"ctorch._utils\n_rebuild_tensor\n(\x81.",  # an object of a function
        b"X\1\0\0\0aQ.",  # a reference to what is no storage
        b"(X\7\0\0\0storageccollections\nOrderedDict\nX\1\0\0\x000X\3\0\0\0cpuK\2tQ.",
        b"\x80\x05\x97.",  # a buffer from elsewhere
        b"",
    ],
)
def test_a_pickle_that_is_none_of_torchs_is_damaged(tmp_path: Path, data: bytes) -> None:
    assert error_text(forged(tmp_path, data)).startswith("FILE is damaged, or is no PyTorch file")


def test_pickles_without_end_are_refused(tmp_path: Path) -> None:
    key = b"\x80\x02}(K\x01t" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
    assert (
        error_text(forged(tmp_path, key)) == "FILE is damaged: it makes its reader run without end"
    )
    memo = b"\x80\x02}r" + b"\xff\xff\xff\x7f" + b"."
    assert error_text(forged(tmp_path, memo)).startswith("FILE is damaged")


def test_modules_within_one_another_without_end_are_refused(tmp_path: Path) -> None:
    module = nn.Module()
    module._modules["again"] = module
    assert error_text(pickled(tmp_path, module)).startswith("FILE is damaged")


def test_a_tensor_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    path = pickled(tmp_path, {"\ud800": torch.ones(2)})
    assert error_text(path).startswith("FILE is damaged")
