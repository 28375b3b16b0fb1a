"""Objects that Python code hands over, in the place of what words name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn


@dataclass(frozen=True, slots=True, eq=False)
class GivenNetwork:
    """A network in memory, as it was when it was handed over.

    Attributes:
        content: copies of its tensors on the CPU, as ``lmctool.checkpoint.memory.held`` keeps them:
            by name, or in dictionaries as in a file of PyTorch.
        module: the module that it is of, which nobody may change; None for a state dict.
    """

    content: Mapping[str, Any]
    module: nn.Module | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Objects in memory; what a run makes of them is recorded by digest.

    Attributes:
        networks: by the path that stands for each among the checkpoints of the settings.
        series: training runs and forks, by the path that stands for each: the step of each of
            its networks, and such a path.
        model: the model of all of them: a module, which nobody may change, or a function that
            returns one; None leaves it to the networks' own modules.
        data: what networks are evaluated on, as ``lmctool.api.as_dataset`` takes it.
        calib: what statistics are taken on, likewise; None for a split of the data.
    """

    networks: Mapping[Path, GivenNetwork] = field(default_factory=dict)
    series: Mapping[Path, tuple[tuple[int, Path], ...]] = field(default_factory=dict)
    model: nn.Module | Callable[..., nn.Module] | None = None
    data: Any = None
    calib: Any = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is no object at all, so that words name everything."""
        others = (self.model, self.data, self.calib)
        return not (self.networks or self.series) and all(each is None for each in others)


NOTHING = Given()
"""Words name everything, as on a command line."""
