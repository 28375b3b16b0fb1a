"""Spoiled data: IDX, CIFAR, npz and HDF5 arrays."""

from __future__ import annotations

import gzip
import pickle
import struct
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from lmctool.plugin.kinds import MODELS
from lmctool_plugins.datasets.cifar import LAYOUTS
from tools.fuzz.checkpoints import FEW, Payload
from tools.fuzz.mutation import STEPS, changed_bytes
from tools.fuzz.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

EXAMPLES = 20
PAIR = ("a.safetensors", "b.safetensors")
LABELS = np.repeat(np.arange(10, dtype=np.uint8), EXAMPLES // 10)


def prepare_pair(folder: Path, inputs: int) -> None:
    """Write two networks for inputs of a size."""
    import torch
    from safetensors.torch import save_file

    from lmctool.plugin import registry

    for seed, name in enumerate(PAIR):
        torch.manual_seed(seed)
        build = registry.load(MODELS, "mlp").build
        module = build("mlp", inputs=inputs, width=4, depth=1, classes=10)
        save_file(module.state_dict(), folder / name, {"lmctool.model": "mlp"})


def images(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return images of noise, one of each label's number."""
    return np.random.default_rng(0).integers(0, 256, (EXAMPLES, *shape), dtype=np.uint8)


def prepare_idx(folder: Path) -> None:
    """Write a split as IDX, as it is; and the same compressed."""
    prepare_pair(folder, 784)
    for end, pack in (("", bytes), (".gz", gzip.compress)):
        place = folder / f"idx{end}"
        place.mkdir()
        for name, array in (("images-idx3", images(28, 28)), ("labels-idx1", LABELS)):
            head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (place / f"t10k-{name}-ubyte{end}").write_bytes(pack(head + array.tobytes()))


def spoil_idx(folder: Path, rng: Random) -> None:
    """Change the head of a file, or bytes anywhere; of the packed ones inside or outside."""
    for place in ("idx", "idx.gz"):
        path = rng.choice(sorted((folder / place).iterdir()))
        data = path.read_bytes()
        if place == "idx":
            path.write_bytes(_changed_idx(data, rng))
        elif rng.random() < 0.5:
            path.write_bytes(gzip.compress(_changed_idx(gzip.decompress(data), rng)))
        else:
            path.write_bytes(changed_bytes(data, rng))


def _changed_idx(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.5:
        return changed_bytes(data, rng)
    head = bytearray(data[:16])
    place = rng.choice([0, 4, 8, 12])
    head[place : place + 4] = (rng.choice([0, 1, 19, 21, *STEPS]) % 2**32).to_bytes(4, "big")
    return bytes(head) + data[16:]


def prepare_cifar(folder: Path) -> None:
    """Write a split as a python batch and as a binary one."""
    prepare_pair(folder, 3072)
    pixels = images(3072)
    for place, layout in (("python", LAYOUTS["cifar10"]), ("binary", LAYOUTS["cifar100"])):
        (folder / place).mkdir()
        (name,) = layout.batches["test"]
        if place == "python":
            batch = {b"data": pixels, b"labels": LABELS.tolist(), b"filenames": [b"x"]}
            (folder / place / name).write_bytes(pickle.dumps(batch, 2))
        else:
            records = [np.zeros_like(LABELS)[:, None], LABELS[:, None], pixels]
            (folder / place / f"{name}.bin").write_bytes(np.hstack(records).tobytes())


def spoil_cifar(folder: Path, rng: Random) -> None:
    """Change bytes of both; sometimes put a payload or a bomb into the pickle."""
    for place in ("python", "binary"):
        (path,) = (folder / place).iterdir()
        if place == "python" and rng.random() < 0.1:
            path.write_bytes(rng.choice(BOMBS))
        else:
            path.write_bytes(changed_bytes(path.read_bytes(), rng))


def prepare_arrays(folder: Path) -> None:
    """Write arrays as npz and as HDF5."""
    prepare_pair(folder, 64)
    arrays: dict[str, Any] = {"x": images(64), "y": LABELS.astype(np.int64)}
    np.savez_compressed(folder / "packed.npz", allow_pickle=False, **arrays)
    np.savez(folder / "plain.npz", allow_pickle=False, **arrays)
    with h5py.File(folder / "arrays.h5", "w") as file:
        file.create_dataset("x", data=arrays["x"], chunks=True, compression="gzip", shuffle=True)
        file.create_dataset("y", data=arrays["y"])


def spoil_npz(folder: Path, rng: Random) -> None:
    """Change bytes of the archive; or of a member that is then packed again."""
    for name in ("packed.npz", "plain.npz"):
        path = folder / name
        if rng.random() < 0.5:
            path.write_bytes(changed_bytes(path.read_bytes(), rng))
            continue
        with zipfile.ZipFile(path) as file:
            members = {member: file.read(member) for member in file.namelist()}
        chosen = rng.choice(sorted(members))
        members[chosen] = changed_bytes(members[chosen], rng)
        if rng.random() < 0.2:
            members[chosen] = npy_of_objects()
        packing = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
        with zipfile.ZipFile(path, "w", packing) as file:
            for member, content in members.items():
                file.writestr(rng.choice([member] * 9 + [f"../{member}"]), content)


def npy_of_objects() -> bytes:
    """Return an npy file of objects, one of which is a payload."""
    held = BytesIO()
    np.save(held, np.array([Payload(), None], dtype=object), allow_pickle=True)
    return held.getvalue()


def spoil_hdf5(folder: Path, rng: Random) -> None:
    """Change bytes of the HDF5 file."""
    path = folder / "arrays.h5"
    path.write_bytes(changed_bytes(path.read_bytes(), rng))


def _nested() -> bytes:
    """Return a pickle of a key whose hash takes years: a tuple of itself, twice, 60 times."""
    return b"\x80\x02}" + b"(K\x01" + b"t" + b"2\x86" * 60 + b"K\x01s."


BOMBS = (
    pickle.dumps({"data": Payload(), "labels": []}, 2),
    pickle.dumps({"data": Payload(), "labels": []}, 5),
    _nested(),
    b"\x80\x02}r\xf0\xff\xff\x7f.",  # asks for room for 2^31 remembered values
    b"\x80\x04}\x8e" + (2**60).to_bytes(8, "little") + b"x.",
    b"(" * 100_000 + b".",
)


def commands(*specs: str) -> Sequence[Sequence[str]]:
    """Return the commands that read data of these specs."""
    return [("interpolate", *PAIR, "--data", spec, *FEW) for spec in specs]


TARGETS = (
    Target("IDX", prepare_idx, spoil_idx, commands("mnist:idx", "fashion-mnist:idx.gz")),
    Target("CIFAR", prepare_cifar, spoil_cifar, commands("cifar10:python", "cifar100:binary")),
    Target("npz", prepare_arrays, spoil_npz, commands("arrays:packed.npz", "plain.npz")),
    Target("HDF5 data", prepare_arrays, spoil_hdf5, commands("arrays:arrays.h5", "arrays.h5")),
)
