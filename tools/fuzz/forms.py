"""Spoiled data in more forms: npy files, tables, tensors of PyTorch, CIFAR's archives."""

from __future__ import annotations

import gzip
import pickle
import tarfile
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from tools.fuzz.checkpoints import Payload, repack
from tools.fuzz.data import BOMBS, LABELS, commands, images, npy_of_objects, prepare_pair
from tools.fuzz.mutation import WORDS, changed_bytes
from tools.fuzz.target import Target

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

BATCH = "cifar-10-batches-py/test_batch"
STRANGE = ["", " ", '"', "nan", "-inf", "1e400", "\0", "\r", "5" * 300_000, "\ufeff", *WORDS[-3:]]
"""What stands in a cell where nobody expects it."""


def prepare_npy(folder: Path) -> None:
    """Write inputs and targets as files of their own, beside a folder of such files."""
    prepare_pair(folder, 64)
    (folder / "set").mkdir()
    for path in (folder, folder / "set"):
        np.save(path / "x.npy", images(8, 8))
        np.save(path / "y.npy", LABELS.astype(np.int64))


def spoil_npy(folder: Path, rng: Random) -> None:
    """Change bytes of one of the files; sometimes make it one of objects."""
    for place in (folder, folder / "set"):
        path = place / rng.choice(["x.npy", "y.npy"])
        evil = rng.random() < 0.1
        path.write_bytes(npy_of_objects() if evil else changed_bytes(path.read_bytes(), rng))


def prepare_tables(folder: Path) -> None:
    """Write a table, plain and packed."""
    prepare_pair(folder, 4)
    rows = np.random.default_rng(0).normal(size=(len(LABELS), 4)).round(3).tolist()
    lines = [",".join(map(str, [*row, y])) for row, y in zip(rows, LABELS, strict=True)]
    text = "\n".join(["a,b,c,d,label", *lines, ""]).encode()
    (folder / "plain.csv").write_bytes(text)
    (folder / "packed.csv.gz").write_bytes(gzip.compress(text))


def spoil_tables(folder: Path, rng: Random) -> None:
    """Change a cell, or bytes anywhere; of the packed one inside or outside."""
    for name in ("plain.csv", "packed.csv.gz"):
        path = folder / name
        data = path.read_bytes()
        if name == "plain.csv":
            path.write_bytes(_changed_table(data, rng))
        elif rng.random() < 0.5:
            path.write_bytes(gzip.compress(_changed_table(gzip.decompress(data), rng)))
        else:
            path.write_bytes(changed_bytes(data, rng))


def _changed_table(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.5:
        return changed_bytes(data, rng)
    cells = data.decode().split(",")
    cells[rng.randrange(len(cells))] = rng.choice(STRANGE)
    return ",".join(cells).encode("utf-8", "surrogatepass")


def prepare_tensors(folder: Path) -> None:
    """Write a dictionary and a pair of tensors, as torch writes them now and did before 1.6."""
    import torch

    prepare_pair(folder, 64)
    x, y = torch.tensor(images(64)), torch.tensor(LABELS.astype(np.int64))
    torch.save(
        {"train": (x, y), "test": {"images": x.T.contiguous().T, "labels": y}}, folder / "new.pt"
    )
    torch.save((x, y), folder / "old.pt", _use_new_zipfile_serialization=False)


def spoil_tensors(folder: Path, rng: Random) -> None:
    """Change bytes, or put a payload in place of the pickle."""
    for name in ("new.pt", "old.pt"):
        path = folder / name
        kind = rng.random()
        if kind < 0.1:
            path.write_bytes(pickle.dumps({"x": Payload()}, rng.randrange(6)))
        elif kind < 0.5 and name == "new.pt":
            repack(path, rng)
        else:
            path.write_bytes(changed_bytes(path.read_bytes(), rng))


def prepare_archive(folder: Path) -> None:
    """Write an archive with a python batch."""
    prepare_pair(folder, 3072)
    batch = {b"data": images(3072), b"labels": LABELS.tolist(), b"filenames": [b"x"]}
    _pack(folder / "packed.tar.gz", BATCH, pickle.dumps(batch, 2))


def spoil_archive(folder: Path, rng: Random) -> None:
    """Change the member, the archive around it, or the packing around that."""
    path = folder / "packed.tar.gz"
    packed = path.read_bytes()
    with tarfile.open(path) as file:
        held = file.extractfile(BATCH)
        content = b"" if held is None else held.read()
    kind = rng.random()
    if kind < 0.3:
        path.write_bytes(changed_bytes(packed, rng))
    elif kind < 0.6:
        path.write_bytes(gzip.compress(changed_bytes(gzip.decompress(packed), rng)))
    else:
        evil = rng.choice(BOMBS) if rng.random() < 0.2 else changed_bytes(content, rng)
        _pack(path, rng.choice([BATCH] * 9 + [f"../{BATCH}"]), evil)


def _pack(path: Path, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    with tarfile.open(path, "w:gz") as file:
        file.addfile(member, BytesIO(content))


TARGETS = (
    Target("npy", prepare_npy, spoil_npy, commands("x.npy", "arrays:set")),
    Target("CSV", prepare_tables, spoil_tables, commands("plain.csv", "csv:packed.csv.gz")),
    Target("tensors of PyTorch", prepare_tensors, spoil_tensors, commands("new.pt", "old.pt")),
    Target("archive of CIFAR", prepare_archive, spoil_archive, commands("cifar10:packed.tar.gz")),
)
