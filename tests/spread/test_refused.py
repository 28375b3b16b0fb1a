"""A worker that would compute other numbers is refused with what differs, and none are used."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lmctool
from lmctool.errors import LmctoolError
from lmctool.evaluate.threads import use_threads
from lmctool.results.equality import difference
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.spread.records import host
from lmctool.testing import invoke
from tests.plugins.pairs import save, trained
from tests.spread.one_worker import NAME, one_worker
from tools.survival.job import lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.spread.one_worker import OneWorker

FEW = ("--limit", "60", "-q")
PAIRS = 3
EXECUTOR = ("--executor", NAME)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneWorker]:
    with one_worker(tmp_path_factory.mktemp("own")) as worker:
        yield worker


@pytest.fixture
def worker(shared: OneWorker) -> Iterator[OneWorker]:
    """The process that is shared, with nothing on the way to it."""
    yield shared
    shared.on_the_way = str


@pytest.fixture(autouse=True)
def three_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Go to a folder with three networks and some data, and compute with one thread."""
    import torch

    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate("abc"):
        save(Path(f"{name}.safetensors"), "mlp", trained("mlp", seed))
    write_data(0)
    before = torch.get_num_threads()
    use_threads(1)
    yield
    use_threads(before)


def write_data(seed: int) -> None:
    """Write examples that a seed tells from others."""
    drawn = np.random.default_rng(seed)
    x, y = drawn.random((60, 64), dtype=np.float32), np.arange(60) % 10
    np.savez("data.npz", x_test=x, y_test=y, x_train=x, y_train=y)


def matrix(out: str, *more: str) -> tuple[str, ...]:
    return ("matrix", *(f"{name}.safetensors" for name in "abc"), *FEW, "-o", out, *more)


def saying(**changes: Any) -> Callable[[str], str]:
    """Return what makes a job say something else."""
    return lambda job: json.dumps({**json.loads(job), **changes})


def with_part(name: str, value: str) -> Callable[[str], str]:
    """Return what makes a job of a run with another part of its identity."""

    def changed(text: str) -> str:
        job = json.loads(text)
        assert name in job["identity"]
        return json.dumps({**job, "identity": {**job["identity"], name: json.dumps(value)}})

    return changed


def before_it_opens(change: Callable[[], object]) -> Callable[[str], str]:
    """Return what lets a job pass once something has changed."""

    def passing(job: str) -> str:
        change()
        return job

    return passing


def other_network() -> None:
    save(Path("b.safetensors"), "mlp", trained("mlp", 7))


@pytest.mark.parametrize(
    ("on_the_way", "said"),
    [
        (with_part("versions.torch", "2.9.0"), ' there, and "2.9.0" in the run; --mixed lets'),
        (with_part("code.lmctool", "?"), "the source of lmctool is another there"),
        (with_part("options.points", "?"), 'options.points is 5 there, and "?" in the run'),
        (saying(folder="/gone"), "it does not see folder '/gone'; workers must reach the files"),
        (saying(here="/gone"), "it does not see folder '/gone'; workers must reach the files"),
        (saying(probe=["0x0p+0"]), "the first network's losses on the first examples are others"),
        (before_it_opens(other_network), "checkpoint 'b.safetensors' has another content there"),
        (before_it_opens(lambda: write_data(1)), "split 'test' of the data has another content"),
    ],
    ids=["version", "source", "option", "folder", "place", "probe", "checkpoint", "data"],
)
def test_a_worker_that_differs_is_refused_with_what_differs(
    on_the_way: Callable[[str], str], said: str, worker: OneWorker
) -> None:
    worker.on_the_way = on_the_way
    done = invoke(*matrix("m"), "--data", "data.npz", "--allow-chance", *EXECUTOR)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: worker '{host()}' is refused: ")
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert not Path("m.h5").exists()


def test_what_was_finished_before_a_worker_is_refused_is_kept_and_gone_on_with(
    worker: OneWorker,
) -> None:
    assert invoke(*matrix("alone")).exit_code == 0
    sent: list[str] = []

    def after_the_ends(job: str) -> str:
        sent.append(job)
        return job if len(sent) <= PAIRS else with_part("code.lmctool", "?")(job)

    worker.on_the_way = after_the_ends
    done = invoke(*matrix("m"), *EXECUTOR)
    assert done.exit_code == 2
    assert "the source of lmctool is another there; what was finished is kept in" in done.stderr
    assert [*Path("m.h5.work").glob("*.npz")]
    worker.on_the_way = str
    assert invoke(*matrix("m"), *EXECUTOR, "--resume").exit_code == 0
    assert difference(lasting(Path("alone.h5")), lasting(Path("m.h5"))) is None


@contextmanager
def of_another_capability(own: Path) -> Iterator[OneWorker]:
    """Start a worker whose torch uses no wide instructions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATEN_CPU_CAPABILITY", "default")
        with one_worker(own) as worker:
            worker.opened()  # the process is there
            patch.undo()
            yield worker


def test_another_processor_is_refused_unless_that_is_allowed_and_then_recorded(
    tmp_path: Path,
) -> None:
    with of_another_capability(tmp_path):
        done = invoke(*matrix("m"), *EXECUTOR)
        assert done.exit_code == 2
        assert "is refused: platform." in done.stderr
        assert "there, and " in done.stderr and "; --mixed lets workers" in done.stderr
        loud = (word for word in matrix("m") if word != "-q")
        done = invoke(*loud, *EXECUTOR, "--mixed", "--force")
        assert done.exit_code == 0, done.output
        assert f"what '{host()}' computed may differ by rounding: platform." in done.stderr
    assert invoke(*matrix("alone")).exit_code == 0
    (who,) = Provenance.of(read(Path("m.h5"))).workers.values()
    assert (who.host, who.device) == (host(), "CPU")
    assert who.mixed is not None and who.mixed.startswith("platform.")
    heights = [read(Path(f"{name}.h5")).groups["matrix/curve"] for name in ("alone", "m")]
    alone, mixed = (group.variables["loss"].values for group in heights)
    np.testing.assert_allclose(mixed, alone, rtol=1e-4)  # both are float32, summed otherwise


def test_a_result_says_who_computed_it_which_changes_neither_its_key_nor_what_is_compared(
    worker: OneWorker,
) -> None:
    before = worker.opened()
    assert invoke(*matrix("m"), *EXECUTOR).exit_code == 0
    assert worker.opened() == before + 1
    assert invoke(*matrix("alone")).exit_code == 0
    spread, alone = (Provenance.of(read(Path(f"{name}.h5"))) for name in ("m", "alone"))
    (who,) = spread.workers.values()
    assert (spread.executor, who.host, who.device, who.mixed) == (NAME, host(), "CPU", None)
    assert who.items == PAIRS + PAIRS  # the ends of the pairs, and the pairs
    assert alone.executor is None and not alone.workers
    assert spread.key == alone.key
    assert spread.command == str(alone.command).replace("alone", "m")
    shown = invoke("show", "m.h5", "-v").stdout
    assert f"\nexecutor: {NAME}\n" in shown
    assert f"\nworker.0.items: {who.items}" in shown
    compared = invoke("compare", "alone.h5", "m.h5")
    assert compared.exit_code == 0
    assert "Inputs, versions and settings are the same" in compared.stdout


def test_rerun_computes_with_as_many_threads_as_the_workers_had(worker: OneWorker) -> None:
    assert invoke(*matrix("m"), *EXECUTOR).exit_code == 0
    use_threads(2)
    done = invoke("rerun", "m.h5", "-o", "again.h5")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("agree bit for bit\n")
    assert Provenance.of(read(Path("again.h5"))).settings["threads"] == 1


def test_the_standing_choices_of_the_environment_and_of_the_folder_go_with_a_job(
    worker: OneWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    for seed, name in enumerate("abc"):
        save_file(dict(trained("mlp", seed)), f"{name}.safetensors")
    assert invoke(*matrix("m"), *EXECUTOR).exit_code == 2  # nothing says what data to take
    monkeypatch.setenv("LMCTOOL_DATASET", "digits")
    done = invoke(*matrix("m"), *EXECUTOR)
    assert (done.exit_code, done.stderr) == (0, "")
    monkeypatch.delenv("LMCTOOL_DATASET")
    Path("lmctool.toml").write_text('[data]\nspec = "data.npz"\n')
    done = invoke(*matrix("n", "--allow-chance"), *EXECUTOR)
    assert (done.exit_code, done.stderr) == (0, "")
    taken = [Provenance.of(read(Path(f"{name}.h5"))).data for name in "mn"]
    assert [each.spec for each in taken if each] == ["digits", "data.npz"]


def test_a_function_of_python_takes_an_executor_with_a_file_and_without(
    worker: OneWorker, tmp_path: Path
) -> None:
    networks = [f"{name}.safetensors" for name in "abc"]
    before = worker.opened()
    alone = lmctool.matrix(*networks, limit=60)
    held = lmctool.matrix(*networks, limit=60, executor=NAME)
    stored = lmctool.matrix(*networks, limit=60, executor=NAME, out="m.h5")
    assert worker.opened() == before + 2
    assert dict(alone.metrics) == dict(held.metrics) == dict(stored.metrics)
    assert sorted(path.name for path in tmp_path.glob("m.*")) == ["m.h5", "m.png"]


def test_objects_of_python_code_are_nothing_for_workers(worker: OneWorker) -> None:
    networks = [dict(trained("mlp", seed)) for seed in range(2)]
    with pytest.raises(LmctoolError, match="objects of Python code have none; save them"):
        lmctool.barrier(*networks, model="mlp", data="digits", executor=NAME)
