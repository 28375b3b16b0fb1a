"""Workers give the numbers of a run without them, bit for bit, and leave nothing to be redone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.evaluate.threads import use_threads
from lmctool.plugin import registry
from lmctool.results.equality import difference
from lmctool.results.journal import Journal
from lmctool.spread.executed import Executed
from lmctool.testing import invoke
from tests.plugins.pairs import save, trained
from tests.plugins.runs import child, folder, forks
from tests.spread.one_worker import NAME, one_worker
from tools.survival.job import lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmctool.plugin.progress import Advance
    from lmctool.plugin.spreading import Stage
    from lmctool.results.journal import Arrays

FEW = ("--limit", "60", "--calib-size", "100")
BOTH, EXAMPLES = ("--align", "--repair"), ("--per-example", "--baselines")
CURVATURE = ("--lanczos", "3", "--probes", "3", "--curvature-size", "30", "--points", "3")
COMMANDS: dict[str, tuple[str, ...]] = {
    "align": ("align", "a", "b", *FEW),
    "align by learning": ("align", "a", "b", "--aligner", "learned", "--steps", "3", *FEW),
    "align by midpoints": ("align", "a", "b", "--aligner", "midpoint", "--steps", "3", *FEW),
    "barrier": ("barrier", "a", "b", *BOTH, "--batchnorm", "reset", "--points", "5", *FEW),
    "barrier of draws": ("barrier", "a", "b", *BOTH, "--points", "3", "--repeat", "2", *FEW),
    "barrier of examples": (
        "barrier",
        "a",
        "b",
        "--refine",
        "--per-example",
        "--baselines",
        *FEW[:2],
    ),
    "curve": ("curve", "a", "b", "--align", "--curve-steps", "4", "--points", "4", *FEW),
    "el2n": ("el2n", "a", "b", "c", "--pair", "a", "c", "--align", *FEW),
    "graft": ("graft", "a", "--from", "b", "--layers", "layers.0", "--evaluate", *FEW),
    "instability": ("instability", "fork0", "fork40", "--align", "--points", "3", *FEW),
    "interpolate": ("interpolate", "a", "b", "--points", "4", "--score", "ece", *FEW),
    "interpolate by parts of the examples": (
        *("interpolate", "a", "b", "--points", "3", "--score", "ece", "--batch-size", "16", *FEW),
    ),
    "layerwise": ("layerwise", "a", "b", "--points", "3", "--align", "--batch-size", "16", *FEW),
    "matrix": ("matrix", "a", "b", "c", *BOTH, "--points", "3", *FEW),
    "merge of two": ("merge", "a", "b", *BOTH, "--alphas", "0.3,0.5", *FEW),
    "merge by fisher": ("merge", "a", "b", "--method", "fisher", "--calib-size", "60", *FEW[:2]),
    "merge of three": ("merge", "a", "b", "c", "--align", *FEW),
    "merge in a common frame": ("merge", "a", "b", "c", "--align", "--frame", "common", *FEW),
    "plane": ("plane", "a", "b", "c", "--points", "4", "--batchnorm", "reset", *FEW),
    "plane of a run": ("plane", "a", "--run", "run0", "--points", "3", *FEW),
    "repair": ("repair", "a", "b", "--align", *FEW),
    "sharpness": ("sharpness", "a", "b", "--by", "layer", *CURVATURE, *FEW),
    "sharpness along a path": ("sharpness", "a", "b", "--along", *BOTH, *CURVATURE, *FEW),
    "similarity": ("similarity", "a", "b", *BOTH, "--split", "train,test", *FEW),
    "trajectory": ("trajectory", "run0", "run1", "--parent", "run2", "--align", *FEW),
    "trajectory of three": ("trajectory", "run0", "run1", "run2", "--align", *FEW),
    "variance": ("variance", "a", "b", *BOTH, "--alphas", "0.3,0.5", "--calib-size", "100"),
}


@pytest.fixture(scope="module", autouse=True)
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_worker(tmp_path_factory.mktemp("own")):
        yield


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("abc"):
        save(place / f"{name}.safetensors", "mlp-batch", trained("mlp-batch", seed))
    for seed in range(3):
        folder(place / f"run{seed}", "mlp-batch", child("mlp-batch", seed))
    forks(place, "mlp-batch")
    return place


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    import torch

    before = torch.get_num_threads()
    use_threads(1)
    yield
    use_threads(before)


@pytest.fixture
def redone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where the run that leads enters each item within which it computes anything."""
    within: list[str] = []
    found: list[str] = []
    numbers, add = Executed.numbers, Journal.add

    def noting(self: Executed, stage: Stage, advance: Advance) -> Iterator[int]:
        for number in numbers(self, stage, advance):
            within.append(stage.name(number))
            try:
                yield number
            finally:
                within.clear()

    def adding(self: Journal, name: str, arrays: Callable[[], Arrays]) -> None:
        found.extend(within)
        add(self, name, arrays)

    monkeypatch.setattr(Executed, "numbers", noting)
    monkeypatch.setattr(Journal, "add", adding)
    return found


@pytest.fixture
def installed_alone() -> Iterator[None]:
    """Let there be those plugins alone that processes find which are started meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_registered", [])
        registry.installed.cache_clear()
        yield
    registry.installed.cache_clear()


def words(command: tuple[str, ...], networks: Path) -> list[str]:
    """Return a command of the list above on the networks."""
    places = {path.stem: str(path) for path in networks.iterdir()}
    return [*(places.get(word, word) for word in command), "-q"]


@pytest.mark.parametrize("name", COMMANDS)
def test_workers_give_the_numbers_of_a_run_without_them_bit_for_bit(
    name: str, networks: Path, redone: list[str]
) -> None:
    command = words(COMMANDS[name], networks)
    alone = invoke(*command, "-o", "alone")
    spread = invoke(*command, "-o", "spread", "--executor", NAME)
    assert alone.stderr == spread.stderr == ""
    assert alone.exit_code == spread.exit_code == 0
    assert spread.stdout == alone.stdout.replace("alone.", "spread.")
    assert difference(lasting(Path("alone.h5")), lasting(Path("spread.h5"))) is None
    written, with_workers = Path("alone.safetensors"), Path("spread.safetensors")
    assert written.exists() == with_workers.exists()
    if written.exists():
        assert written.read_bytes() == with_workers.read_bytes()
    assert not redone
    assert not Path("spread.h5.work").exists()


@pytest.mark.slow  # test_faults.py has processes too, whose workers die besides
@pytest.mark.usefixtures("installed_alone")
def test_processes_of_this_machine_give_them_too(networks: Path, redone: list[str]) -> None:
    command = words(COMMANDS["matrix"], networks)
    alone = invoke(*command, "-o", "alone")
    use_threads(2)  # one for each process
    spread = invoke(*command, "-o", "spread", "--executor", "processes:2")
    assert alone.stderr == spread.stderr == ""
    assert alone.exit_code == spread.exit_code == 0
    assert difference(lasting(Path("alone.h5")), lasting(Path("spread.h5"))) is None
    assert not redone
