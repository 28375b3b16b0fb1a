"""What a command leaves behind: files that it changed, and files that appear."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.inputs import CANARY

if TYPE_CHECKING:
    from collections.abc import Mapping

OUT = "out"
"""How the names of outputs begin, and of no input."""
READ = 16 << 20
"""The greatest size of a file that is compared by its content."""


def digests(folder: Path | None = None) -> dict[str, str]:
    """Return what each thing in a folder is, by its path: never opens what is no file."""
    found = {}
    root = folder or Path.cwd()
    for place, folders, files in os.walk(root):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
        for name in (*folders, *files):
            path = Path(place, name)
            found[str(path.relative_to(root))] = _what(path)
    return found


def _what(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {path.readlink()}"
    if not stat.S_ISREG(mode):
        return f"kind {stat.S_IFMT(mode)}"
    if path.stat().st_size > READ or not os.access(path, os.R_OK):
        return f"{path.stat().st_size} bytes of {path.stat().st_mtime_ns}"
    return sha256(path.read_bytes()).hexdigest()


def traces(before: Mapping[str, str], makes: tuple[str, ...]) -> list[str]:
    """Return what was changed in the current folder, and what appeared that may not.

    Args:
        before: what ``digests`` said.
        makes: how the names of files that may appear begin; outputs among them may be replaced.
    """
    after = digests()
    found = [
        f"changed '{name}'"
        for name, what in before.items()
        if after.get(name) != what and not (OUT in makes and name.startswith(OUT))
    ]
    made = sorted(name for name in after.keys() - before.keys() if not name.startswith(makes))
    if CANARY in made:
        return ["ran the code", *found]
    return found + [f"left '{name}'" for name in made]
