"""HDF5 files that reach for other files, for libraries or for all memory."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, one, refused
from tools.attack.command import program
from tools.attack.inputs import CANARY, RESULT, words_of
from tools.attack.traces import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AREA = "archives and formats"


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
    barrier = words_of("barrier")
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
