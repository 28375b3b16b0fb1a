"""Data that runs code or unpacks without end: tensors, npy files, tables and packed archives."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.inputs import words_of
from tools.attack.pickles import PAYLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "archives and formats"
BATCH = "cifar-10-batches-py/test_batch"
MEBIBYTE = bytes(1 << 20)
SIZE = 450
"""Mebibytes that a bomb unpacks to."""


def _tensors(payload: type, place: str, zipped: bool) -> None:
    import torch

    held = {"x": torch.zeros(4, 64), "y": torch.arange(4), place: payload()}
    torch.save(held, "evil.pt", _use_new_zipfile_serialization=zipped)


def _views() -> None:
    """Write a number that claims to be a thousand gigabytes of inputs."""
    import torch

    torch.save((torch.zeros(1).expand(1 << 32, 64), torch.arange(4)), "evil.pt")


def _npy(payload: type) -> None:
    import numpy as np

    np.save("evil.npy", np.array([payload(), None], dtype=object), allow_pickle=True)
    np.save("y.npy", np.arange(2))


def _claim() -> None:
    """Write an npy file of a header alone, which names terabytes."""
    import numpy as np

    with Path("evil.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 64)}
        np.lib.format.write_array_header_1_0(file, header)
    np.save("y.npy", np.arange(2))


def _archive(payload: type) -> None:
    content = pickle.dumps({b"data": payload(), b"labels": [0]}, 2)
    member = tarfile.TarInfo(BATCH)
    member.size = len(content)
    with tarfile.open("evil.tar.gz", "w:gz") as file:
        file.addfile(member, io.BytesIO(content))


def _archive_bomb() -> None:
    """Write an archive of CIFAR in which zeros without end stand before the batch."""
    before = tarfile.TarInfo("cifar-10-batches-py/before")
    before.size = SIZE << 20
    with gzip.open("evil.tar.gz", "wb", 6) as file:
        file.write(before.tobuf())
        for _ in range(SIZE):
            file.write(MEBIBYTE)


def _archive_of_links() -> None:
    """Write an archive of CIFAR whose batch is a link to a file outside."""
    member = tarfile.TarInfo(BATCH)
    member.type, member.linkname = tarfile.SYMTYPE, "../../evil.pt"
    Path("evil.pt").write_bytes(b"secret")
    with tarfile.open("evil.tar.gz", "w:gz") as file:
        file.addfile(tarfile.TarInfo("cifar-10-batches-py/readme"), io.BytesIO())
        file.addfile(member)


def _table_bomb(start: bytes) -> None:
    """Write a packed table that goes on without end, in one line or in many."""
    with gzip.open("evil.csv.gz", "wb", 6) as file:
        file.write(b"a,y\n")
        for _ in range(SIZE):
            file.write(start * ((1 << 20) // len(start)))


def attacks() -> Iterator[Attack]:
    """Give data that runs code, claims what it has not, or unpacks without end."""
    barrier = (*words_of("barrier"), "--allow-chance", "--data")
    for label, payload in PAYLOADS.items():
        for place in ("x", "y", "beside"):
            rule = Rule(frozenset({0, 2})) if place == "beside" else refused()
            for form, zipped in (("new", True), ("old", False)):
                prepare = partial(_tensors, payload, place, zipped)
                title = f"tensors of data, {form}, {label} as {place}"
                yield one(AREA, title, (*barrier, "evil.pt"), rule, prepare)
        words = (*barrier, "evil.npy")
        yield one(AREA, f"npy of objects, {label}", words, refused(), partial(_npy, payload))
        words = (*barrier, "digits", "--calib", "evil.npy")
        title = f"npy of objects as a calibration set, {label}"
        yield one(AREA, title, words, refused("calibration set"), partial(_npy, payload))
        words = (*barrier, "cifar10:evil.tar.gz")
        yield one(AREA, f"packed CIFAR, {label}", words, refused(), partial(_archive, payload))
    for title, prepare_, file in (
        ("a bomb of views as data", _views, "evil.pt"),
        ("a claim of an npy file", _claim, "evil.npy"),
        ("a bomb of packed CIFAR", _archive_bomb, "cifar10:evil.tar.gz"),
        ("a link in packed CIFAR", _archive_of_links, "cifar10:evil.tar.gz"),
        ("a bomb of a packed table", partial(_table_bomb, b"1,2\n"), "evil.csv.gz"),
        ("a line without end in a table", partial(_table_bomb, b"1"), "evil.csv.gz"),
    ):
        yield one(AREA, title, (*barrier, file), refused(), prepare_)
