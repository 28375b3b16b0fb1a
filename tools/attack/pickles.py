"""Pickles that run code, and archives that unpack to more than a machine holds."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.inputs import CANARY, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "archives and formats"


class Payload:
    """An object whose unpickling makes the canary."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the call that does it."""
        return open, (CANARY, "w")


class Shell:
    """An object whose unpickling runs a shell."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the call that does it."""
        return os.system, (f"touch {CANARY}",)


class Builder:
    """An object that is built by what a pickle names."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the call that does it."""
        return eval, (f"open({CANARY!r}, 'w')",)


PAYLOADS = {"open": Payload, "os.system": Shell, "eval": Builder}


def _pt(payload: type, protocol: int, place: str) -> None:
    import torch

    held: Any = {"w": torch.zeros(2)}
    held = {
        "beside": {"model": held, "x": payload()},
        "within": {"model": {**held, "x": payload()}},
    }.get(place, payload())
    if protocol < 0:
        torch.save(held, "evil.pt", _use_new_zipfile_serialization=protocol == -1)
    else:
        Path("evil.pt").write_bytes(pickle.dumps(held, protocol))


def _npz(payload: type, place: str) -> None:
    import numpy as np

    x, y = np.zeros((4, 64), "f4"), np.arange(4)
    evil = np.array([payload(), None, None, None], dtype=object)
    arrays = {"x": x, "y": y, **({"z": evil} if place == "beside" else {place: evil})}
    np.savez("evil.npz", allow_pickle=True, **arrays)


def _cifar(payload: type) -> None:
    Path("cifar").mkdir()
    Path("cifar/test_batch").write_bytes(pickle.dumps({b"data": payload(), b"labels": [0]}, 2))


def _bomb(path: str, size: int) -> None:
    """Write an npz whose array unpacks to zeros without end."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 64), }" % (size // 256)
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("x.npy", "w", force_zip64=True) as member:
            member.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)
            block = bytes(1 << 20)
            for _ in range(size >> 20):
                member.write(block)
        buffer = io.BytesIO()
        import numpy as np

        np.save(buffer, np.zeros(size // 256, "i8"))
        file.writestr("y.npy", buffer.getvalue())


def _pt_bomb() -> None:
    with zipfile.ZipFile("evil.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(300 << 20))
        file.writestr("archive/version", "3\n")


def _idx_bomb() -> None:
    Path("idx").mkdir()
    head = bytes.fromhex("00000803") + struct.pack(">3I", 1 << 20, 28, 28)
    Path("idx/t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + bytes(300 << 20)))
    Path("idx/t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8)))


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    words: tuple[str, ...]
    for label, payload in PAYLOADS.items():
        for place in ("alone", "beside", "within"):
            for protocol in (-1, -2, 0, 2, 5):
                form = {-1: "new", -2: "old"}.get(protocol, f"protocol {protocol}")
                prepare = partial(_pt, payload, protocol, place)
                words = ("convert", "evil.pt", "out.safetensors")
                # what lies beside the tensors may be left out by name, but never run
                rule = Rule(frozenset({0, 2})) if place == "beside" else refused()
                yield one(AREA, f".pt, {label} {place}, {form}", words, rule, prepare)
        prepare = partial(_pt, payload, -1, "within")
        for words in (("inspect", "evil.pt"), ("distance", "evil.pt", "evil.pt", "-o", "out.h5")):
            yield one(AREA, f"{words[0]} of a .pt, {label}", words, refused(), prepare)
        for place in ("x", "y", "beside"):
            words = (*words_of("barrier"), "--data", "arrays:evil.npz", "--allow-chance")
            rule = Rule(frozenset({0, 2})) if place == "beside" else refused()
            yield one(AREA, f"npz, {label} as {place}", words, rule, partial(_npz, payload, place))
        words = (*words_of("barrier"), "--data", "cifar10:cifar")
        yield one(AREA, f"CIFAR's pickle, {label}", words, refused(), partial(_cifar, payload))
    barrier = words_of("barrier")
    for label, prepare_, words in (
        ("npz", partial(_bomb, "evil.npz", 600 << 20), (*barrier, "--data", "arrays:evil.npz")),
        (
            "npz by its path",
            partial(_bomb, "evil.npz", 600 << 20),
            (*barrier, "--data", "evil.npz"),
        ),
        (".pt", _pt_bomb, ("convert", "evil.pt", "out.safetensors")),
        ("IDX", _idx_bomb, (*barrier, "--data", "mnist:idx")),
    ):
        yield one(AREA, f"a bomb of {label}", words, refused(), prepare_)
