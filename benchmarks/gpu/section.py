"""The sections of the script: how long each may take, and what it cannot do without."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NETWORKS = ("torch", "numpy", "click", "pluggy", "safetensors")
"""What networks are made and evaluated with."""
COMMAND = (*NETWORKS, "h5py", "jinja2", "matplotlib", "msgspec", "rich", "scipy")
"""What the whole program imports."""
TESTS = (*COMMAND, "hypothesis", "pytest", "pytest_timeout")


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the script.

    Attributes:
        name: its module within ``benchmarks.gpu.sections``.
        seconds: how long it may take, where all sections run.
        modules: what it is left out without.
    """

    name: str
    seconds: float
    modules: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """The modules that are not installed here."""
        return [module for module in self.modules if find_spec(module) is None]


SECTIONS = (
    Section("ceilings", 15, ("torch",)),
    Section("cuda_tests", 40, TESTS),
    Section("graphs", 40, NETWORKS),
    Section("choice", 25, NETWORKS),
    Section("broken", 20, NETWORKS),
    Section("memory", 25, NETWORKS),
    Section("rates", 80, NETWORKS),
    Section("phases", 45, COMMAND),
    Section("same", 50, COMMAND),
    Section("command", 65, COMMAND),
    Section("suite", 50, (*TESTS, "xdist")),
    Section("batched", 15, ("torch",)),
)
BUDGET = sum(section.seconds for section in SECTIONS)
"""Seconds of all of them; what starts and ends them takes a few more."""


def deadlines(sections: Sequence[Section], budget: float) -> list[float]:
    """Return when each section ends at the latest, in seconds from the start.

    What one section does not need, the next ones may use.

    Args:
        sections: in their order.
        budget: seconds for all of them, which they share in proportion to what each may take.
    """
    ends = list(accumulate(section.seconds for section in sections))
    return [end * budget / ends[-1] for end in ends]
