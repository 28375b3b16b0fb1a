"""The wheel: both packages whole, and nothing else."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from tests.wheel import ROOT, built

if TYPE_CHECKING:
    from pathlib import Path


def test_the_wheel_holds_both_packages_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path)) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    expected = {
        str(path.relative_to(root))
        for root, package in ((ROOT, "lmctool"), (ROOT / "plugins", "lmctool_plugins"))
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == expected
