"""The tests of what computes, with a GPU in sight that ``--device auto`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.gpu.pytest_run import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Found, Setting

FOLDERS = ("evaluate", "symmetry", "plugins", "cli", "run/test_resume.py")
PROCESSES = "12"
MANY = "1000"


def measure(setting: Setting) -> Iterator[Found]:
    """Run them; which of them fail is what there is to read."""
    folders = [f"tests/{each}" for each in setting.sized(FOLDERS, ("evaluate/test_threads.py",))]
    marks = ["-m", "not slow and not cuda"]
    processes = ["-n", setting.sized(PROCESSES, "0"), "--maxfail", MANY]
    yield from outcomes(setting, [*marks, *processes, *folders], each=False)
