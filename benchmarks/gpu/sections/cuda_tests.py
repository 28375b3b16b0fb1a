"""The tests that a GPU alone can pass: ``pytest -m cuda``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.gpu.checkout import ROOT
from benchmarks.gpu.pytest_run import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Found, Setting

MARK = "pytest.mark." + "cuda"


def measure(setting: Setting) -> Iterator[Found]:
    """Run them; the files that have none are not even imported."""
    files = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if MARK in path.read_text(encoding="utf-8")
    ]
    yield from outcomes(setting, ["-m", "cuda", "-n", "0", *files], each=True)
