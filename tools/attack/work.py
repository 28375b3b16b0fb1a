"""Finished work that is damaged between a kill and --resume."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack
from tools.attack.changes import CHANGES
from tools.attack.command import run
from tools.attack.identity import first_words, killed, prepare
from tools.attack.pickles import Payload
from tools.attack.their_plugin import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

AREA = "identity"


def spoiled(what: str) -> str:
    """Kill a run, damage what it kept, and go on: the numbers of an unbroken one, or refused."""
    prepare()
    words = first_words(CHANGES["threads"])
    run(*words, "-o", "out.h5", inside=killed)
    whole = run(*words, "-o", "whole.h5", inside=installed)
    entries = sorted(Path("out.h5.work").glob("*.npz"))
    SPOILED[what](Path("out.h5.work"), entries)
    again = run(*words, "-o", "out.h5", "--resume", inside=installed)
    if whole.code or again.code not in (0, 2) or "Traceback" in again.err:
        return f"exit code {again.code}: {again.last()}"
    if Path("canary").exists():
        return "ran the code"
    if again.code == 2:
        return ""
    told = run("compare", "out.h5", "whole.h5").out
    return "" if "All values are the same" in told else told


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _all_gone(entries: Sequence[Path]) -> None:
    for entry in entries:
        entry.unlink()


def _other_run(path: Path) -> None:
    document = json.loads(path.read_text())
    document = {key: "x" if isinstance(value, str) else value for key, value in document.items()}
    path.write_text(json.dumps(document))


def _pickle(path: Path) -> None:
    import numpy as np

    np.savez(path, loss=np.array([Payload()], dtype=object), allow_pickle=True)


SPOILED: dict[str, Callable[[Path, Sequence[Path]], object]] = {
    "an entry is cut": lambda _, entries: os.truncate(entries[0], 40),
    "an entry is of another": lambda _, entries: entries[0].write_bytes(entries[-1].read_bytes()),
    "an entry has a bit changed": lambda _, entries: _flip(entries[0]),
    "entries are gone": lambda _, entries: _all_gone(entries),
    "an entry is a pickle": lambda _, entries: _pickle(entries[0]),
    "an entry is a FIFO": lambda _, entries: _pipe(entries[0]),
    "run.json is gone": lambda place, _: (place / "run.json").unlink(),
    "run.json is empty": lambda place, _: (place / "run.json").write_text(""),
    "run.json is a list": lambda place, _: (place / "run.json").write_text("[]"),
    "run.json is of another run": lambda place, _: _other_run(place / "run.json"),
}
"""What is done to the folder of work, and to its entries."""


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for what in SPOILED:
        yield Attack(AREA, f"after a kill, {what}", partial(spoiled, what))
