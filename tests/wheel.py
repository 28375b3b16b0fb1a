"""The wheel of this tree, built for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

ROOT = Path(__file__).parent.parent


def built(folder: Path) -> Path:
    """Build the wheel in a folder, and return its path."""
    source = folder / "source"  # a build leaves folders behind
    leave = ignore_patterns(".*", "build", "demo", "tests", "*.egg-info", "__pycache__")
    copytree(ROOT, source, ignore=leave)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(folder), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel
