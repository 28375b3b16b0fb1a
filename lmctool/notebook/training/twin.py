"""The twin of a network in training: one that stays as it is, or a run over steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.files.home import expanded

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class Twin:
    """What a network in training is measured against.

    Attributes:
        networks: of a run, by step: paths, state dicts or modules; of one that stays as it is,
            that one by None.
    """

    networks: Mapping[int | None, Any]

    def at(self, step: int) -> tuple[int | None, Any] | None:
        """Return the network of a step, or else of the nearest step before it; None for none."""
        if None in self.networks:
            return None, self.networks[None]
        nearest = max((own for own in self._steps if own <= step), default=None)
        return None if nearest is None else (nearest, self.networks[nearest])

    @property
    def first(self) -> Any:
        """The network of the first step."""
        return self.networks[None if None in self.networks else min(self._steps)]

    @property
    def _steps(self) -> list[int]:
        return [step for step in self.networks if step is not None]


def twin_of(value: Any) -> Twin:
    """Return the twin that a value stands for.

    Args:
        value: a checkpoint's path, a state dict or a module; or a run: a folder or a pattern of
            checkpoints over steps, or any of these by step.

    Raises:
        LmctoolError: a folder or a pattern has no checkpoints, or they count epochs.
    """
    if isinstance(value, str | PathLike):
        return _in_files(expanded(str(value)))
    if isinstance(value, Mapping) and value and all(isinstance(key, Integral) for key in value):
        return Twin({int(step): network for step, network in value.items()})
    return Twin({None: value})


def _in_files(path: Path) -> Twin:
    from lmctool.checkpoint.hub import is_on_hub
    from lmctool.checkpoint.series import counted_series

    if path.is_file() or is_on_hub(path):
        return Twin({None: path})
    try:
        count, series = counted_series(path)
    except LmctoolError:
        if _is_checkpoint(path):  # a folder of one
            return Twin({None: path})
        raise
    if count == "epoch":
        raise LmctoolError(
            f"the checkpoints of twin run '{path}' are numbered by epochs, and a training is"
            " measured by its steps; give a mapping from each step to its checkpoint"
        )
    return Twin(dict(series))


def _is_checkpoint(path: Path) -> bool:
    from lmctool.checkpoint import open_checkpoint

    try:
        open_checkpoint(path)
    except LmctoolError:
        return False
    return True
