"""Every analysis gives the same numbers of what is in memory as of the same in files."""

from __future__ import annotations

import shutil
from math import isnan
from typing import TYPE_CHECKING, Any

import pytest

import lmctool
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import metrics
from tests.notebook.networks import Kept, digits, resnet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KINDS: Mapping[str, Callable[..., Kept]] = {"digits": digits, "BatchNorm ResNet": resnet}
ALIGNED: dict[str, Any] = {"align": True}
BOTH: dict[str, Any] = {"align": True, "repair": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "align": {},
    "barrier": {**BOTH, "points": 3, "bootstrap": 20},
    "curve": {**ALIGNED, "points": 3, "curve_steps": 4, "kind": "chain", "bends": 2},
    "distance": {},
    "el2n": {"split": "test"},
    "graft": {"evaluate": True, "by": "layer"},
    "instability": {**ALIGNED, "points": 3},
    "interpolate": {"points": 3, "split": ("train", "test")},
    "layerwise": {**ALIGNED, "points": 3},
    "matrix": {**ALIGNED, "points": 3},
    "merge": BOTH,
    "plane": {**ALIGNED, "points": 4},
    "repair": {**ALIGNED, "alpha": 0.25},
    "sharpness": {"curvature_size": 30, "lanczos": 3, "probes": 3},
    "similarity": {**BOTH, "split": ("train", "test"), "minibatch": 20},
    "trajectory": {"alpha": (0.25, 0.5)},
    "variance": BOTH,
}
"""Keywords of each analysis; the words of the command are made of them here."""


@pytest.fixture(scope="module", params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return KINDS[request.param](tmp_path_factory.mktemp("kept"))


def words(options: Mapping[str, Any]) -> list[str]:
    """Return options as words, by a rule of their own."""
    said: list[str] = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, tuple) else (value,):
            said += [flag] if each is True else [flag, str(each)]
    return said


def values(found: lmctool.Result) -> dict[str, float | None]:
    """Return metrics as the command's JSON has them: None for what is no number."""
    return {name: None if isnan(value) else value for name, value in found.metrics.items()}


def test_every_analysis_is_compared() -> None:
    assert set(OPTIONS) == set(registry.names(ANALYSES))


@pytest.mark.parametrize("name", OPTIONS)
def test_numbers_from_memory_are_those_of_files_bit_for_bit(
    name: str, kept: Kept, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, options = tmp_path_factory.mktemp(name), OPTIONS[name]
    files: list[Any] = [*kept.files]
    objects: list[Any] = [kept.modules[0], kept.modules[1].state_dict()]
    more: dict[str, Any] = {}
    if name == "graft":
        more, files = {"from_": objects.pop()}, [files[0], "--from", files[1]]
    elif name == "trajectory":
        for run, order in (("A", (0, 1)), ("B", (1, 0))):
            (folder / run).mkdir()
            for step, place in enumerate(order):
                shutil.copy(kept.files[place], folder / run / f"net-step{step}.safetensors")
        files = [folder / "A", folder / "B"]
        objects = [{0: objects[0], 1: objects[1]}, {0: objects[1], 1: objects[0]}]
    elif name == "instability":
        for step, order in ((0, (0, 1)), (500, (1, 0))):
            (folder / str(step)).mkdir()
            for number, place in enumerate(order, 1):
                shutil.copy(kept.files[place], folder / str(step) / f"{number}.safetensors")
        files = [folder / "500", folder / "0"]
        objects = [{0: [objects[0], objects[1]], 500: [objects[1], objects[0]]}]
    elif name == "distance":
        expected = metrics(name, *files)
        assert values(lmctool.distance(*objects, quiet=True)) == expected
        return
    commanded = metrics(name, *files, *words(options), *kept.words, "-o", folder / "out.h5")
    function = lmctool.analyses[name]
    found = function(*objects, data=kept.data, quiet=True, **options, **more, **kept.keywords)
    assert len(commanded) > 1
    assert values(found) == commanded
