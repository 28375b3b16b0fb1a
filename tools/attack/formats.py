"""Archives and formats: what a file may hold that its format allows, and means harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.command import program
from tools.attack.inputs import CANARY, RESULT, A, words_of
from tools.attack.traces import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def _header(change: Callable[[dict[str, Any]], bytes | dict[str, Any]]) -> None:
    """Write a safetensors file with a changed header."""
    data = Path(A).read_bytes()
    length = int.from_bytes(data[:8], "little")
    changed = change(json.loads(data[8 : 8 + length]))
    text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    Path("evil.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + data[8 + length :]
    )


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def _twice(document: dict[str, Any]) -> bytes:
    text = json.dumps(document)
    return (text[:-1] + ", " + text[1:]).encode()


def _first(document: dict[str, Any]) -> str:
    return next(name for name in document if name != "__metadata__")


HEADERS: dict[str, Callable[[dict[str, Any]], bytes | dict[str, Any]]] = {
    "every key twice": _twice,
    "a list": lambda _: b"[]",
    "nothing": lambda _: b"",
    "a header of 70 levels": lambda _: f'{{"x": {_nested(70)}}}'.encode(),
    "a header of 100,000 levels": lambda _: f'{{"x": {_nested(100_000)}}}'.encode(),
    "a number of 5,000 digits": lambda _: b'{"x": ' + b"9" * 5000 + b"}",
    "offsets that overlap": lambda d: {
        name: {**entry, "data_offsets": [0, entry["data_offsets"][1] - entry["data_offsets"][0]]}
        if "dtype" in entry
        else entry
        for name, entry in d.items()
    },
    "offsets beyond the file": lambda d: {
        **d,
        _first(d): {**d[_first(d)], "data_offsets": [0, 1 << 60]},
    },
    "offsets backwards": lambda d: {**d, _first(d): {**d[_first(d)], "data_offsets": [64, 0]}},
    "a shape of 2^62": lambda d: {**d, _first(d): {**d[_first(d)], "shape": [1 << 62]}},
    "a shape whose product wraps": lambda d: {
        **d,
        _first(d): {**d[_first(d)], "shape": [1 << 32, 1 << 32, 1 << 32]},
    },
    "a negative shape": lambda d: {**d, _first(d): {**d[_first(d)], "shape": [-1, -64]}},
    "an unknown type": lambda d: {**d, _first(d): {**d[_first(d)], "dtype": "evil:make"}},
    "a lone surrogate": lambda d: json.dumps(d).replace("layers", "\\ud800", 1).encode(),
    "bytes that are no text": lambda d: json.dumps(d).encode().replace(b"layers", b"\xff\xfe", 1),
    "metadata that is a list": lambda d: {**d, "__metadata__": []},
    "metadata that is no text": lambda d: {**d, "__metadata__": {"format": {"a": 1}}},
    "NaN": lambda d: json.dumps({**d, "x": float("nan")}).encode(),
}
JSONS = {
    "every key twice": '{"weight_map": {"a": "x"}, "weight_map": {"a": "y"}}',
    "70 levels": '{"weight_map": ' + _nested(70) + "}",
    "100,000 levels": '{"weight_map": ' + _nested(100_000) + "}",
    "a number of 5,000 digits": '{"weight_map": ' + "9" * 5000 + "}",
    "a list": "[]",
    "a text": '"x"',
    "NaN": '{"weight_map": NaN}',
    "nothing": "",
    "a map to numbers": '{"weight_map": {"a": 1}}',
    "a BOM": '\ufeff{"weight_map": {}}',
    "UTF-16": '{"weight_map": {}}',
}


def _document(name: str, label: str) -> None:
    place = Path("folder")
    place.mkdir()
    (place / "model-1.safetensors").write_bytes(Path(A).read_bytes())
    encoding = "utf-16" if label == "UTF-16" else "utf-8"
    (place / name).write_bytes(JSONS[label].encode(encoding))


def _hdf5(change: Callable[[Any], None], path: str) -> None:
    """Write arrays x and y as HDF5, and change the file; or change the result."""
    import h5py
    import numpy as np

    with h5py.File("secret.h5", "w") as file:
        file["x"] = np.zeros((20, 64), "f4")
        file["y"] = np.arange(20) % 10
    Path("secret.raw").write_bytes(bytes(20 * 64 * 4))
    with h5py.File(path, "a") as file:
        if path != RESULT:
            file["x"] = np.ones((20, 64), "f4")
            file["y"] = np.arange(20) % 10
        change(file)


def _replaced(file: Any) -> str:
    """Take away an array that the readers need, and return its name."""
    name = "barrier/summary/barrier_error" if "barrier" in file else "x"
    del file[name]
    return name


def _external_link(file: Any) -> None:
    import h5py

    file[_replaced(file)] = h5py.ExternalLink("secret.h5", "/x")


def _soft_link(file: Any) -> None:
    import h5py

    file[_replaced(file)] = h5py.SoftLink("/nothing")


def _raw(file: Any) -> None:
    name = _replaced(file)
    file.create_dataset(name, (20, 64), "f4", external=[("secret.raw", 0, 20 * 64 * 4)])


def _etc(file: Any) -> None:
    name = _replaced(file)
    file.create_dataset(name, (16,), "u1", external=[("/etc/passwd", 0, 16)])


def _virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((20, 64), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (20, 64))
    file.create_virtual_dataset(_replaced(file), layout)


def _filtered(file: Any) -> None:
    import h5py
    import numpy as np

    name = _replaced(file)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((20, 64))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())  # zstd, by a plugin alone
    space = h5py.h5s.create_simple((20, 64))
    parent = file.require_group(name.rpartition("/")[0]) if "/" in name else file
    made = h5py.h5d.create(
        parent.id, name.rpartition("/")[2].encode(), h5py.h5t.IEEE_F32LE, space, properties
    )
    made.write_direct_chunk((0, 0), np.ones((20, 64), "f4").tobytes(), 0)


def _huge(file: Any) -> None:
    file.create_dataset(_replaced(file), (1 << 40,), "f4", chunks=(1024,))


def _bombed(file: Any) -> None:
    import numpy as np

    data = np.zeros((1 << 26,), "f4")
    file.create_dataset(_replaced(file), data=data, chunks=(1 << 22,), compression="gzip")


def _objects(file: Any) -> None:
    import h5py

    name = _replaced(file)
    file.create_dataset(name, (2,), h5py.ref_dtype)


def _compound(file: Any) -> None:
    import numpy as np

    file[_replaced(file)] = np.zeros(2, [("a", "i4"), ("b", "f8")])


HDF5: dict[str, Callable[[Any], None]] = {
    "an external link": _external_link,
    "a soft link to nothing": _soft_link,
    "raw data of another file": _raw,
    "raw data of /etc/passwd": _etc,
    "a virtual array of another file": _virtual,
    "a filter of a plugin": _filtered,
    "a shape of 2^40": _huge,
    "a bomb": _bombed,
    "references": _objects,
    "a record": _compound,
}
LOADER = """
#include <fcntl.h>
__attribute__((constructor)) static void run(void) { open("%s", O_CREAT | O_WRONLY, 0600); }
const void *H5PLget_plugin_info(void) { return 0; }
int H5PLget_plugin_type(void) { return 0; }
"""


def plugin_path(target: str, words: tuple[str, ...]) -> str:
    """Read a file with a filter of a plugin, where a library lies that would be loaded.

    The library marks that it was loaded; without a compiler, any library stands for it, and the
    loader tells which files it opens.
    """
    _hdf5(_filtered, target)
    place = Path("plugins")
    place.mkdir()
    library = place / "libh5zevil.so"
    Path("evil.c").write_text(LOADER % (Path.cwd() / CANARY))
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "evil.c"], check=True)
    except (OSError, subprocess.CalledProcessError):
        import _ctypes

        library.write_bytes(Path(_ctypes.__file__).read_bytes())
    before = digests()
    environment = {
        "HDF5_PLUGIN_PATH": str(place.absolute()),
        "LD_DEBUG": "files",
        "LD_DEBUG_OUTPUT": str(Path("debug").absolute()),
    }
    done = program(*words, environment=environment)
    loaded = [
        path for path in Path().glob("debug*") if "libh5zevil" in path.read_text(errors="replace")
    ]
    for path in Path().glob("debug*"):
        path.unlink()
    broken = refused("filter").broken(done, before)
    return "; ".join(filter(None, [broken, "loaded the library" if loaded else ""]))


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
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
        ("npz", partial(_bomb, "evil.npz", 300 << 20), (*barrier, "--data", "arrays:evil.npz")),
        (
            "npz by its path",
            partial(_bomb, "evil.npz", 300 << 20),
            (*barrier, "--data", "evil.npz"),
        ),
        (".pt", _pt_bomb, ("convert", "evil.pt", "out.safetensors")),
        ("IDX", _idx_bomb, (*barrier, "--data", "mnist:idx")),
    ):
        yield one(AREA, f"a bomb of {label}", words, refused(), prepare_)
    for label, change in HEADERS.items():
        for words in (
            ("inspect", "evil.safetensors"),
            ("distance", A, "evil.safetensors", "-o", "out.h5"),
            ("stamp", "evil.safetensors", "-o", "out.safetensors", "--data", "digits"),
        ):
            name = f"{words[0]}, safetensors: {label}"
            yield one(AREA, name, words, refused(), partial(_header, change))
    for label in JSONS:
        for name in ("model.safetensors.index.json", "config.json"):
            rule = refused() if "index" in name else Rule(frozenset({0, 2}))
            words = ("inspect", "folder")
            yield one(AREA, f"{name}: {label}", words, rule, partial(_document, name, label))
    readers = {
        "data": ("evil.h5", ((*barrier, "--data", "arrays:evil.h5", "--allow-chance"),)),
        "a result": (
            RESULT,
            (
                ("show", RESULT), ("metrics", RESULT), ("plot", RESULT, "-o", "out.png"),
                ("report", RESULT, "-o", "out.html"), ("compare", RESULT, "other.h5"),
                ("audit", "--policy", "policy.toml", RESULT), ("rerun", RESULT),
            ),
        ),
    }  # fmt: skip
    for label, change in HDF5.items():
        for kind, (path, commands) in readers.items():
            for words in commands:
                rule = refused("", 4) if path == RESULT else refused()
                if label in ("references", "a record") and kind == "a result":
                    rule = refused("", 4)
                yield one(
                    AREA,
                    f"{words[0]} of {kind}: {label}",
                    words,
                    rule,
                    partial(_hdf5, change, path),
                )
    for target, words in (
        ("evil.h5", (*barrier, "--data", "arrays:evil.h5", "--allow-chance")),
        (RESULT, ("show", RESULT)),
        (RESULT, ("audit", "--policy", "policy.toml", RESULT)),
    ):
        name = f"HDF5_PLUGIN_PATH, {words[0]}"
        yield Attack(AREA, name, partial(plugin_path, target, words))


__all__ = ["AREA", "Payload", "attacks"]
