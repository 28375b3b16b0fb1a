"""Files that are not what they say, as every input of every command."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Rule, one, refused
from tools.attack.inputs import ANALYSES, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.attack.attack import Attack

AREA = "files in disguise"


def _remove(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path


def pipe(path: Path) -> None:
    """Put a FIFO that nobody writes to there."""
    os.mkfifo(_remove(path))


def link(target: str, path: Path) -> None:
    """Put a symbolic link there."""
    _remove(path).symlink_to(target)


def listening(path: Path) -> None:
    """Put a socket there."""
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(_remove(path).name if path.parent == Path() else str(_remove(path)))


def circle(path: Path) -> None:
    """Put a link to itself there."""
    _remove(path).symlink_to(path.name)


def sparse(path: Path) -> None:
    """Put a file of 1 TB there that holds nothing."""
    with _remove(path).open("wb") as file:
        file.truncate(1 << 40)


def folder(path: Path) -> None:
    """Put an empty folder there."""
    _remove(path).mkdir()


def content(data: bytes, path: Path) -> None:
    """Put a file of that content there."""
    _remove(path).write_bytes(data)


KINDS: dict[str, Callable[[Path], object]] = {
    "a FIFO": pipe,
    "/dev/zero": partial(link, "/dev/zero"),
    "/dev/full": partial(link, "/dev/full"),
    "/dev/urandom": partial(link, "/dev/urandom"),
    "/dev/tty": partial(link, "/dev/tty"),
    "a socket": listening,
    "an empty folder": folder,
    "a dangling link": partial(link, "nowhere"),
    "a link to itself": circle,
    "1 TB of nothing": sparse,
    "an empty file": partial(content, b""),
    "a bomb": partial(content, gzip.compress(bytes(64 << 20), 9)),
    "the magic alone": partial(content, b"\x89HDF\r\n\x1a\n"),
    "not there": _remove,
}
"""What may lie where a file is due; each is made at a path."""
READERS: dict[str, tuple[tuple[str, ...], str]] = {
    "show RESULT": (("show", "r.h5"), "r.h5"),
    "plot RESULT": (("plot", "r.h5", "-o", "out.png"), "r.h5"),
    "metrics RESULT": (("metrics", "r.h5"), "r.h5"),
    "compare OLD": (("compare", "r.h5", "other.h5"), "r.h5"),
    "compare NEW": (("compare", "other.h5", "r.h5"), "r.h5"),
    "report RESULT": (("report", "r.h5", "-o", "out.html"), "r.h5"),
    "report --policy": (
        ("report", "barrier.h5", "-o", "out.html", "--policy", "p.toml"),
        "p.toml",
    ),
    "audit RESULT": (("audit", "--policy", "policy.toml", "r.h5"), "r.h5"),
    "audit --policy": (("audit", "--policy", "p.toml", "barrier.h5"), "p.toml"),
    "audit --baseline": (("audit", "--baseline", "r.h5", "barrier.h5"), "r.h5"),
    "rerun RESULT": (("rerun", "r.h5"), "r.h5"),
    "convert IN": (("convert", "in.pt", "out.safetensors"), "in.pt"),
    "stamp IN": (
        ("stamp", "in.safetensors", "-o", "out.safetensors", "--data", "digits"),
        "in.safetensors",
    ),
    "inspect CKPT": (("inspect", "in.safetensors"), "in.safetensors"),
    "inspect --symmetry --data": (
        ("inspect", A, "--symmetry", "--data", "arrays:in.npz"),
        "in.npz",
    ),
    "inspect lmctool.toml": (("inspect", A), "lmctool.toml"),
    "config lmctool.toml": (("config", "show"), "lmctool.toml"),
    "barrier --data npz": ((*words_of("barrier"), "--data", "arrays:in.npz"), "in.npz"),
    "barrier --calib npz": (
        (*words_of("barrier"), "--data", "digits", "--calib", "arrays:in.npz"),
        "in.npz",
    ),
    "barrier --data h5": ((*words_of("barrier"), "--data", "arrays:in.h5"), "in.h5"),
    "barrier --data text": ((*words_of("barrier"), "--data", "text:in.txt"), "in.txt"),
    "barrier --data mnist": (
        (*words_of("barrier"), "--data", "mnist:idx"),
        "idx/t10k-images-idx3-ubyte",
    ),
    "barrier --data cifar10": (
        (*words_of("barrier"), "--data", "cifar10:cifar"),
        "cifar/test_batch",
    ),
    "barrier --data a path": ((*words_of("barrier"), "--data", "in.npz"), "in.npz"),
    "barrier --spec": ((*words_of("barrier"), "--align", "weight", "--spec", "s.toml"), "s.toml"),
    "barrier --apply": ((*words_of("barrier"), "--apply", "r.h5"), "r.h5"),
    "barrier --baseline": ((*words_of("barrier"), "--baseline", "r.h5"), "r.h5"),
    "barrier --scores": (
        (*words_of("barrier"), "--by-split", "el2n", "--scores", "r.h5"),
        "r.h5",
    ),
    "barrier --model file": ((*words_of("barrier"), "--model", "./m.py:make"), "m.py"),
    "distance --to": ((*words_of("distance"), "--to", "in.safetensors"), "in.safetensors"),
    "interpolate --also": (
        (*words_of("interpolate"), "--also", "in.safetensors"),
        "in.safetensors",
    ),
    "graft --from": (
        ("graft", A, "--from", "in.safetensors", "--layers", "layers.0.*", "-o", "out.h5"),
        "in.safetensors",
    ),
    "trajectory step": ((*words_of("trajectory"),), "run-b/net-step1.safetensors"),
    "instability sibling": ((*words_of("instability"),), "fork-40/b.safetensors"),
    "a shard": (("inspect", "m"), "m/model-1.safetensors"),
    "an index": (("inspect", "m"), "m/model.safetensors.index.json"),
    "config.json": (("inspect", "m2"), "m2/config.json"),
    "barrier A": (
        tuple("in.safetensors" if w == A else w for w in words_of("barrier")),
        "in.safetensors",
    ),
    **{
        f"{name} B": (
            tuple("in.safetensors" if w == B else w for w in words_of(name)),
            "in.safetensors",
        )
        for name in ANALYSES
        if B in ANALYSES[name] and name != "graft"
    },
}
"""The inputs of all commands: the words, and the file that is read."""
HARMLESS = {
    ("lmctool.toml", "an empty file"),
    ("lmctool.toml", "not there"),
    ("config.json", "not there"),
    ("model.safetensors.index.json", "not there"),
    ("net-step1.safetensors", "not there"),
    ("net-step1.safetensors", "an empty folder"),
}
"""What may well lie there."""


def place(kind: Callable[[Path], object], path: str) -> None:
    """Put the disguised thing where the command reads, with what has to lie beside it."""
    import json

    for parent in ("idx", "cifar", "m", "m2"):
        Path(parent).mkdir(exist_ok=True)
    Path("m/model-1.safetensors").write_bytes(Path(A).read_bytes())
    names = [f"layers.{n}.0.{kind_}" for n in range(2) for kind_ in ("weight", "bias")]
    shards = dict.fromkeys(names, "model-1.safetensors")
    Path("m/model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    Path("m2/model.safetensors").write_bytes(Path(A).read_bytes())
    Path("idx/t10k-labels-idx1-ubyte").write_bytes(bytes.fromhex("0000080100000001") + b"\x01")
    kind(Path(path))


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for reader, (words, path) in READERS.items():
        for kind, make in KINDS.items():
            known = "lmctool.toml" if path == "lmctool.toml" else Path(path).name
            rule = Rule(frozenset({0})) if (known, kind) in HARMLESS else refused()
            yield one(AREA, f"{reader} is {kind}", words, rule, partial(place, make, path))
    for reader, (words, path) in READERS.items():
        if path not in ("lmctool.toml", "m.py"):
            yield one(
                AREA, f"{reader} may not be read", words, refused(r"ermi|read"),
                partial(_forbid, path), _nobody,
            )  # fmt: skip
    for place_ in ("out.h5", "out.png", "out.json", "out.xml"):
        for kind in ("a FIFO", "a socket", "an empty folder", "a link to itself", "/dev/full"):
            words = (*words_of("barrier"), "--json", "out.json", "--junit", "out.xml", "--force")
            rule = Rule(frozenset({0, 2}), makes=("out",))
            yield one(
                AREA,
                f"barrier writes {place_}, {kind}",
                words,
                rule,
                partial(_output, KINDS[kind], place_),
            )


def _output(kind: Callable[[Path], object], path: str) -> None:
    kind(Path(path))


def _forbid(path: str) -> None:
    place(partial(content, Path(A).read_bytes()), path)
    Path(path).chmod(0)
    for parent in (Path(), Path(path).parent):
        parent.chmod(0o777)


def _nobody() -> None:
    """Be a user who may not read everything."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
