"""A plain checkout in place of an installation: its plugins' metadata, and what processes need."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build/gpu"
RESULTS = "gpu.jsonl"
TABLE = "gpu.md"


def write_metadata(root: Path, folder: Path) -> Path:
    """Write the metadata that an installation of a checkout would have, and return its folder.

    Plugins are found by it: ``importlib.metadata`` reads the entry points of every ``dist-info``
    on ``sys.path``.

    Args:
        root: the checkout, whose pyproject.toml is read.
        folder: where the ``dist-info`` goes.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (place / "METADATA").write_text(metadata, encoding="utf-8")
    lines: list[str] = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{word} = {module}" for word, module in entries.items()), ""]
    lines += ["[console_scripts]", *(f"{n} = {place}" for n, place in project["scripts"].items())]
    (place / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def environment(root: Path, folder: Path, device: str) -> dict[str, str]:
    """Return the environment of processes that use a checkout without installing it.

    Args:
        root: the checkout.
        folder: the folder of its ``dist-info``.
        device: what tests that need a GPU are to use.
    """
    paths = [str(folder), str(root), str(root / "plugins"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUNBUFFERED": "1",
        "LMCTOOL_TEST_DEVICE": device,
    }


def result_folders(environment: Mapping[str, str]) -> list[Path]:
    """Return where results go: build/gpu, and what ``OUT`` names if that is a folder."""
    out = environment.get("OUT", "")
    return [BUILD, *([Path(out)] if out and Path(out).is_dir() else [])]
