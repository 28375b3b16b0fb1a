"""Run the tests in surroundings that differ from machine to machine, and tell where one fails.

python -m tools.anywhere [TESTS]...
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PYTEST = (sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Surroundings:
    """What differs from the usual.

    Attributes:
        name: what to call it.
        before: words before the command, whose first must be installed.
        options: of pytest.
        variables: of the environment.
    """

    name: str
    before: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def surroundings(place: Path) -> tuple[Surroundings, ...]:
    """Return all of them; they may write into a folder that has a space in its name."""
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    nowhere = "/proc/nowhere"  # where not even root can make a folder
    runner = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": f"{nowhere}/x.md"}
    user = {"LMCTOOL_MODEL": "lenet", "LMCTOOL_DATASET": "spiral", "LMCTOOL_DATA": nowhere}
    return (
        Surroundings("one core", ("taskset", "-c", "0")),
        Surroundings("the least priority", ("nice", "-n", "19")),
        Surroundings("half the limits of a trial", options=("--trial-limits", "0.5")),
        Surroundings("twice the limits of a trial", options=("--trial-limits", "2")),
        Surroundings("two threads, hash seed 1", variables=_threads(2) | {"PYTHONHASHSEED": "1"}),
        Surroundings("four threads, hash seed 2", variables=_threads(4) | {"PYTHONHASHSEED": "2"}),
        Surroundings("a CPU without AVX", variables={"ATEN_CPU_CAPABILITY": "default"}),
        Surroundings("a CPU with AVX2", variables={"ATEN_CPU_CAPABILITY": "avx2"}),
        Surroundings("no locale but ASCII", variables=ascii_alone),
        Surroundings("a runner of GitHub", variables=runner),
        Surroundings("choices of the user", variables=user),
        Surroundings("a dumb terminal", variables={"TERM": "dumb", "COLUMNS": "40"}),
        Surroundings("a terminal with colours", variables={"FORCE_COLOR": "1", "COLUMNS": "200"}),
        Surroundings("no home", variables={"HOME": nowhere, "XDG_CACHE_HOME": nowhere}),
        Surroundings("another place", variables={"TZ": "Asia/Kolkata", "TMPDIR": str(place)}),
    )


def _threads(count: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(count)}


def run(one: Surroundings, tests: Sequence[str]) -> int:
    """Run tests in some surroundings, and return the exit code of pytest."""
    print(f"== {one.name}", flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **one.variables}
    command = [*one.before, *PYTEST, "-n", "2", *one.options, *tests]
    return subprocess.run(command, env=environment, check=False).returncode


def main(tests: Sequence[str]) -> int:
    """Run tests in all surroundings, and tell what came of each."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "a space")
        place.mkdir()
        codes = {
            each.name: run(each, tests)
            for each in surroundings(place)
            if not each.before or shutil.which(each.before[0])
        }
    for name, code in codes.items():
        print(f"{'failed' if code else 'passed'}  {name}")
    return int(any(codes.values()))


if __name__ == "__main__":
    os.umask(0o077)  # the tests read what they write, and nobody else does
    sys.exit(main(sys.argv[1:]))
