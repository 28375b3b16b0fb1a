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


MEMO = b"\x80\x02}r\xff\xff\xff\x7f."
"""A pickle that asks for 16 GB."""
KEY = b"\x80\x02}(K\x01t" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
"""A pickle with a key whose hash takes years."""
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


def _in_folder(payload: type, name: str) -> None:
    _pt(payload, -1, "within")
    Path("evil").mkdir()
    Path("evil.pt").rename(f"evil/{name}")


def _module(payload: type) -> None:
    import torch

    module = torch.nn.Linear(2, 2)
    module.beside = payload()
    module._modules["inner"] = payload()
    torch.save(module, "evil.pt")


def _forged(data: bytes) -> None:
    """Write an archive whose pickle is none of torch's."""
    with zipfile.ZipFile("evil.pt", "w") as file:
        file.writestr("archive/data.pkl", data)


def _modules_without_end(twice: bool) -> None:
    """Write a module that is within itself, or 60 levels of one that is in another twice."""
    import torch

    inner = module = torch.nn.Module()
    for _ in range(60 if twice else 0):
        child = torch.nn.Module()
        inner._modules |= {"a": child, "b": child}
        inner = child
    inner._modules["c"] = inner if not twice else torch.nn.Linear(1, 1)
    torch.save(module, "evil.pt")


def _views() -> None:
    """Write ten thousand views of a number, each of which claims a gigabyte."""
    import torch

    view = torch.zeros(1).expand(1 << 28)
    torch.save({f"w{number}": view for number in range(10_000)}, "evil.pt")


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
                # what lies beside and among the tensors is left out by name, but never run
                rule = refused() if place == "alone" else Rule(frozenset({0, 2}), "left out|Error")
                yield one(AREA, f".pt, {label} {place}, {form}", words, rule, prepare)
        for form, protocol in (("new", -1), ("old", -2)):
            prepare = partial(_pt, payload, protocol, "within")
            for words in (
                ("inspect", "evil.pt"),
                ("distance", "evil.pt", "evil.pt", "-o", "out.h5"),
                ("merge", "evil.pt", "evil.pt", "-o", "out.h5"),
                ("stamp", "evil.pt", "-o", "out.safetensors", "--data", "digits"),
            ):
                rule = Rule(frozenset({0}))
                yield one(AREA, f"{words[0]} of a .pt, {label}, {form}", words, rule, prepare)
        for file in ("pytorch_model.bin", "x.ckpt"):
            words, prepare = ("inspect", "evil"), partial(_in_folder, payload, file)
            yield one(AREA, f"a folder's {file}, {label}", words, Rule(frozenset({0})), prepare)
        words = ("inspect", "evil.pt")
        prepare = partial(_module, payload)
        yield one(AREA, f"a whole module with {label}", words, Rule(frozenset({0})), prepare)
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
        (".pt in place", _pt_bomb, ("inspect", "evil.pt")),
        ("views", _views, ("inspect", "evil.pt")),
        ("modules within themselves", partial(_modules_without_end, False), ("inspect", "evil.pt")),
        ("modules twice over", partial(_modules_without_end, True), ("inspect", "evil.pt")),
        ("a pickle's memo", partial(_forged, MEMO), ("inspect", "evil.pt")),
        ("a pickle's key", partial(_forged, KEY), ("inspect", "evil.pt")),
        ("IDX", _idx_bomb, (*barrier, "--data", "mnist:idx")),
    ):
        yield one(AREA, f"a bomb of {label}", words, refused(), prepare_)
