"""Pages that the report command wrote, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import html5lib
import numpy as np

from lmctool.results.file import write
from lmctool.results.result import Group, Result, Variable
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Attribute


def parsed(page: Path) -> Any:
    """Return the tree of a page, which must be right HTML."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(page.read_text(encoding="utf-8"))


def text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def reported(*words: str | Path, code: int = 0) -> str:
    """Run the command, check its exit code, and return what it prints."""
    done = invoke("report", *words)
    assert done.exit_code == code, done.output
    return done.output


def several(folder: Path, count: int) -> list[Path]:
    """Write results of one metric, each of checkpoints in another folder; return the files."""
    paths = [folder / f"{number}.h5" for number in range(count)]
    for number, path in enumerate(paths):
        said: dict[str, Attribute] = {"command": f"lmctool x {number}", "seed": 0, "number": number}
        said |= {f"checkpoint.{n}.path": f"run-{number}/{name}.pt" for n, name in enumerate("ab")}
        group = {
            "variant": Variable(np.array(["plain", "align"], dtype=object), ("variant",)),
            "height": Variable(np.array([0.5, 0.25]), ("variant",), metric="barrier.error"),
        }
        groups = {"summary": Group(group), "provenance": Group({}, said)}
        write(Result("unheard-of", groups), path)
    return paths
