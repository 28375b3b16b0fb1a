"""Spoiled results: bytes of HDF5, and what its objects say."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from lmctool.testing import invoke, tiny_pair
from tools.fuzz.mutation import STEPS, changed_bytes
from tools.fuzz.target import Target

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SIGNATURES = re.compile(rb"TREE|SNOD|HEAP|OHDR|GCOL|FRHP|FHDB|BTHD|BTLF|OCHK|FSHD")
"""The words that HDF5's own structures begin with."""
REFUSED = (ValueError, KeyError, OSError, RuntimeError, TypeError)
"""What HDF5 raises for a change that it does not make; then the file stays sound."""
HOSTILE = ("\x1b]0;x\x07", "<script>", "../x", "x" * 300, "\u202e", "a\nb", "%s", "[bold]")


def prepare_run(folder: Path) -> None:
    """Write the result of a real run, with a permutation and its proof."""
    few = ("--align", "weight", "--limit", "10", "--points", "3", "--allow-chance", "--quiet")
    done = invoke("barrier", *tiny_pair(folder), *few, "-o", folder / "result.h5")
    if done.exit_code:
        raise RuntimeError(done.stderr)


def spoil_result(folder: Path, rng: Random) -> None:
    """Change bytes anywhere, bytes of HDF5's structures, or an object by HDF5 itself."""
    path = folder / "result.h5"
    kind = rng.random()
    data = path.read_bytes()
    if kind < 0.35:
        path.write_bytes(changed_bytes(data, rng))
    elif kind < 0.75:
        changed = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 4])):
            place = rng.choice(_structures(data)) + rng.randrange(64)
            changed[place : place + 1] = bytes(
                [rng.choice([0, 1, 8, 0x7F, 0xFF, rng.randrange(256)])]
            )
        path.write_bytes(changed)
    elif kind < 0.78:
        heap = rng.choice([found.start() for found in re.finditer(b"GCOL", data)])
        size = (rng.choice([-16, rng.choice([0, -32, *STEPS])]) % 2**64).to_bytes(8, "little")
        path.write_bytes(data[: heap + 24] + size + data[heap + 32 :])  # of its first object
    else:
        with suppress(*REFUSED), h5py.File(path, "r+") as file:
            _change_object(file, rng)


@cache
def _structures(data: bytes) -> list[int]:
    return [found.start() for found in SIGNATURES.finditer(data)]


def _change_object(file: h5py.File, rng: Random) -> None:
    """Remove, replace, rename or describe anew one object of a sound file."""
    names: list[str] = []
    file.visit(names.append)
    name = rng.choice(sorted(names))
    kind = rng.randrange(7)
    if kind == 0:
        del file[name]
    elif kind == 1:
        del file[name]
        file[name] = rng.choice(_values())
    elif kind == 2:
        file.move(name, f"{name}{rng.choice(['', '/'])}{rng.choice(['x', 'é', '..x', '_x'])}")
    elif kind == 3:
        held = file[name] if rng.random() < 0.7 else file
        key = rng.choice([*held.attrs, "metric", "unit", "long_name", "lmctool_role", "groups"])
        held.attrs[key] = rng.choice([*_values(), *HOSTILE])
    elif kind == 4:
        target = rng.choice(["/", "/barrier", f"/{name}", "/nothing"])
        link = rng.choice([h5py.SoftLink(target), h5py.ExternalLink("other.h5", target)])
        file[f"{name.rpartition('/')[0]}/link"] = link
    elif kind == 5:
        file["barrier/again"] = file["barrier"]  # a group that holds itself
        file.attrs["groups"] = ["barrier" + "/again" * rng.choice([1, 5000])]
    else:
        shape = rng.choice([(2**40,), (10**6, 10**6), (0,), (0, 2**40)])
        parent = name if isinstance(file[name], h5py.Group) else name.rpartition("/")[0]
        file[parent].create_dataset(
            "huge", shape, "f8", chunks=(1,) * len(shape) if all(shape) else None
        )


def _values() -> list[Any]:
    return [
        0, -1, 2**62, 0.5, float("nan"), "x", b"\xff", [], np.zeros(3), np.zeros((2, 2, 2)),
        np.array(["a", "b"], dtype="S1"), np.zeros(2, "f2"), np.array([1 + 2j]), h5py.Empty("f8"),
        np.zeros(2, [("a", "i4")]), True, np.uint64(2**64 - 1), np.array([b"\xff"]),
    ]  # fmt: skip


TARGETS = (
    Target(
        "HDF5 result",
        prepare_run,
        spoil_result,
        (
            ("metrics", "result.h5"),
            ("show", "result.h5", "-v"),
            ("show", "result.h5", "--json", "out.json"),
            ("plot", "result.h5", "-o", "out.png"),
        ),
    ),
)
