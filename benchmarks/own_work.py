"""What a run of ``barrier`` takes where all is imported: the second one in a process, by part.

    python -m benchmarks.own_work A.safetensors B.safetensors --align --repair --force --out OUT.h5

prints processor seconds as JSON.  A part does not count what another one takes within it.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import wraps
from io import StringIO
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lmctool.cli import main as lmctool
from lmctool.evaluate.evaluator import Evaluator
from lmctool.report import figure
from lmctool.results import file
from lmctool.run.alignment import Alignments
from lmctool.run.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS: tuple[tuple[str, Any, str], ...] = (
    ("evaluation", Evaluator, "evaluate"),
    ("alignment", Run, "variants"),
    ("proof", Alignments, "prove"),
    ("figure", figure, "image"),
    ("writing", file, "write"),
)
"""The functions that each part is done in, and what has them; all else of a run is the rest."""


class Stopwatch:
    """Tells what each part takes without the parts within it, in processor seconds."""

    def __init__(self) -> None:
        """Begin with the rest of a run."""
        self.taken: dict[str, float] = defaultdict(float)
        self._running = ["rest"]
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._since = time.process_time()

    def switch(self) -> None:
        """Count the time since the last switch to the part that runs."""
        now = time.process_time()
        self.taken[self._running[-1]] += now - self._since
        self._since = now

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts to a part."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self.switch()
            self._running.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self.switch()
                self._running.pop()

        return timed


def measure(words: list[str]) -> dict[str, float]:
    """Return what the second of two runs takes, by part."""
    lmctool(["barrier", *words], standalone_mode=False)
    with ExitStack() as stack:
        watch = Stopwatch()
        for part, owner, name in PARTS:
            timed = watch.timed(part, getattr(owner, name))
            stack.enter_context(patch.object(owner, name, timed))
        watch.begin()
        lmctool(["barrier", *words], standalone_mode=False)
        watch.switch()
    return watch.taken


if __name__ == "__main__":
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        taken = measure(sys.argv[1:])
    sys.stdout.write(json.dumps(taken))
