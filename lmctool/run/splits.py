"""The splits of a run's data, each read once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from lmctool.data.opening import count_of, open_split
from lmctool.data.subset import seed_of_draw
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor, nn

    from lmctool.data.resolve import Data
    from lmctool.data.split import Split
    from lmctool.plugin.data_records import Examples, Preprocessing
    from lmctool.plugin.settings import Settings

    Preparation = Callable[[], Preprocessing]


class Splits:
    """Opens splits by name, with the preprocessing and the choice of examples that a run has."""

    def __init__(
        self,
        analysis: str,
        data: Data | None,
        settings: Settings,
        device: torch.device,
        module: nn.Module | None = None,
        preparation: Preparation | None = None,
        calib: tuple[Data, Preparation] | None = None,
    ) -> None:
        """Keep where the data is; nothing is read yet.

        A model whose method ``check_inputs`` refuses the inputs of a split is asked once, and so
        is how images of any size become inputs; a calibration set of its own has its own data and
        images.
        """
        self.analysis = analysis
        self.data = data
        self.settings = settings
        self.device = device
        self._preparation = preparation
        self._calib = calib
        self._check: Callable[[Tensor], None] = getattr(module, "check_inputs", lambda _: None)
        self._opened: dict[tuple[str, int | None, bool], Split] = {}
        self._loaders: dict[tuple[str, bool], Callable[[], Examples]] = {}

    def open(
        self, name: str, limit: int | None, *, calibration: bool = False, draw: int | None = None
    ) -> Split:
        """Return at most ``limit`` examples of a split, on the device.

        Args:
            name: the split.
            limit: how many; None for all.
            calibration: take it of the calibration set that has data of its own.
            draw: the number of the draw of calibration examples that they are; only those of the
                first are kept here, and the stored split, which is loaded once for all.

        Raises:
            LmctoolError: there is no data, or no such split in it, or the model refuses it.
        """
        data, preparation = self.data, self._preparation
        if calibration and self._calib is not None:
            data, preparation = self._calib
        if data is None:
            raise self._without_data()
        key = (name, limit, calibration)
        if not draw and key in self._opened:
            return self._opened[key]
        dataset = data.dataset
        if draw is not None and self.settings.draws > 1:
            load = self._loaders.setdefault((name, calibration), cache(dataset.splits[name]))
            dataset = replace(dataset, splits={**dataset.splits, name: load})
        split = open_split(
            dataset,
            name,
            limit=limit,
            seed=seed_of_draw(self.settings.subset_seed, draw or 0),
            device=self.device,
            taken=sum(
                other.inputs.nbytes
                for other in self._opened.values()
                if other.inputs.device.type != "cpu"
            ),
            mean=self.settings.mean,
            std=self.settings.std,
            preparation=preparation,
            check=self._check,
        )
        if not draw:
            self._opened[key] = split
        return split

    def count(self, name: str, limit: int | None) -> int:
        """Return how many examples ``open`` gives of a split, without reading its inputs.

        Raises:
            LmctoolError: there is no data, or no such split in it.
        """
        if self.data is None:
            raise self._without_data()
        total = count_of(self.data.dataset, name)
        return total if limit is None else min(limit, total)

    def _without_data(self) -> LmctoolError:
        return LmctoolError(
            f"analysis {self.analysis!r} asked for data, but none is in use; name data with --data"
        )
