"""Training runs over steps for the tests of trajectories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from torch import Tensor

from lmctool.cli.inputs import find_inputs
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Settings
from lmctool.results.result import Result
from lmctool.run.run import Run
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

Weights = Mapping[str, Tensor]
Follow = Callable[..., Result]
STEPS = (0, 40, 120)


def child(key: str, seed: int) -> dict[int, Weights]:
    """Return a network at some steps of its training."""
    return {step: trained(key, seed, step) for step in STEPS}


@pytest.fixture
def follow(tmp_path: Path) -> Follow:
    """Save runs as folders of checkpoints, and follow them."""
    calls = count()

    def compute(
        key: str, *runs: Mapping[int, Weights], notes: list[str] | None = None, **given: Any
    ) -> Result:
        place = tmp_path / f"call{next(calls)}"
        analysis = registry.load(ANALYSES, "trajectory")
        options: dict[str, Any] = dict.fromkeys(str(option.name) for option in analysis.options)
        options["alpha"] = (0.5,)
        settings: dict[str, Any] = {"dtype": "float64"}
        for name, value in given.items():
            series = folder(place / name, key, value) if isinstance(value, dict) else value
            (options if name in options else settings)[name] = series
        paths = [folder(place / f"run{n}", key, steps) for n, steps in enumerate(runs)]
        inputs = find_inputs(analysis, paths, options)
        asked = Settings(inputs.checkpoints, inputs.others, inputs.series, **settings)
        told: list[str] = [] if notes is None else notes
        run = Run("trajectory", analysis, asked, note=told.append)
        result: Result = analysis.compute(run, **inputs.options)
        return result

    return compute


def folder(path: Path, key: str, steps: Mapping[int, Weights]) -> Path:
    """Save the steps of a run."""
    path.mkdir(parents=True)
    for step, weights in steps.items():
        save(path / f"net-step{step}.safetensors", key, weights)
    return path


def forks(path: Path, key: str) -> tuple[Path, Path]:
    """Save three siblings of step 0, and two of step 40, for which others stand; return both."""
    places = path / "fork0", path / "fork40"
    for place, seeds, steps in zip(places, (range(3), range(2)), (120, 40), strict=True):
        place.mkdir(parents=True)
        for seed in seeds:
            save(place / f"seed{seed}.safetensors", key, trained(key, seed, steps))
    return places


def held(result: Result, group: str, name: str) -> np.ndarray[Any, np.dtype[Any]]:
    return result.groups[f"trajectory/{group}"].variables[name].values


def doubles(weights: Weights) -> dict[str, Tensor]:
    return {n: t.double() if t.is_floating_point() else t for n, t in weights.items()}
