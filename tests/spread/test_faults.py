"""Workers and runs that are killed, and items that fail: nothing is lost, no process is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.evaluate.threads import use_threads
from lmctool.plugin import registry
from lmctool.results.file import read
from lmctool.testing import invoke
from tests.spread.shares import WORDS, begin, install, losses

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are told by /proc"
)

SPREAD = ("--executor", "processes:2")


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that has the analysis, installed for this process and those that it starts."""
    place = install(tmp_path_factory.mktemp("shares"))
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        for cached in (registry.installed, registry._scanned):
            cached.cache_clear()
        use_threads(1)
        yield place
        use_threads(before)
    for cached in (registry.installed, registry._scanned):
        cached.cache_clear()


@pytest.fixture
def meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what items meet with, within that of the run."""
    monkeypatch.chdir(tmp_path)
    return begin(tmp_path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, site: Path) -> list[float]:
    """What a run without workers measures."""
    place = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        begin(place)
        done = invoke(*WORDS)
    assert done.exit_code == 0, done.output
    return losses(read(place / "shares.h5"))


def children(process: int | str) -> list[int]:
    """Return the processes that a process has started, and that are at work."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if parent == str(process) and state != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.fixture
def others() -> list[int]:
    """The processes that this one had started before, such as the tracker of multiprocessing."""
    return children(os.getpid())


def started(site: Path, *words: str) -> subprocess.Popen[str]:
    """Start a run in a process of its own, as a shell in the foreground does."""
    return subprocess.Popen(
        [sys.executable, "-m", "lmctool", *WORDS, *SPREAD, *words],
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def until_there(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait for a file that a run makes."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def until_gone(processes: list[int]) -> None:
    """Wait for processes to end, for less than a minute."""
    deadline = time.monotonic() + 59
    while left := [process for process in processes if Path(f"/proc/{process}").exists()]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.02)


def finished(folder: Path) -> int:
    """Return how many files of finished work there are."""
    return len(list(folder.glob("*.npz")))


@pytest.mark.slow
def test_workers_killed_at_random_moments_change_no_number(
    meet: Path, alone: list[float], site: Path
) -> None:
    moments, words = random.Random(1), ("--seconds", "0.3")
    kills, code, work = 0, -1, Path("shares.h5.work")
    while code != 0:
        run = started(site, *words, "--resume")
        seen = finished(work)
        while run.poll() is None:
            if kills < 10 and finished(work) > seen and (workers := children(run.pid)):
                time.sleep(moments.uniform(0, 0.6))
                with suppress(ProcessLookupError):
                    os.kill(moments.choice(workers), signal.SIGKILL)
                    kills += 1
                seen = finished(work)  # some work is done between two deaths
            time.sleep(0.02)
        _, said = run.communicate()
        code = run.returncode
        assert code == 0 or "ended 3 workers" in said, said  # one that had bad luck
    assert kills > 1
    assert losses(read(Path("shares.h5"))) == alone


def test_workers_that_die_or_lack_memory_change_no_number(
    meet: Path, alone: list[float], others: list[int]
) -> None:
    for name in ("0-kill-1", "4-kill-1", "4-kill-2", "6-memory-1", "11-kill-1", "11-memory-2"):
        (meet / name).touch()
    done = invoke(*WORDS, *SPREAD)
    assert (done.exit_code, done.stderr) == (0, "")
    assert not list(meet.iterdir())
    assert losses(read(Path("shares.h5"))) == alone
    assert not Path("shares.h5.work").exists()
    assert set(children(os.getpid())) <= set(others)


def test_an_item_that_ends_every_worker_is_named_and_resume_goes_on_behind_it(
    meet: Path, alone: list[float], others: list[int]
) -> None:
    (meet / "5-kill").touch()
    done = invoke(*WORDS, *SPREAD)
    assert done.exit_code == 2
    assert "item '5' of 'shares' ended 3 workers one after the other" in done.stderr
    assert "SIGKILL" in done.stderr and "kept in 'shares.h5.work'" in done.stderr
    assert set(children(os.getpid())) <= set(others)
    (meet / "5-kill").unlink()
    for number in range(5):
        (meet / f"{number}-raise").touch()  # they are not computed again
    done = invoke(*WORDS, "--resume")
    assert done.exit_code == 0, done.output
    assert losses(read(Path("shares.h5"))) == alone


def test_an_item_that_raises_ends_a_run_as_it_does_without_workers(
    meet: Path, others: list[int]
) -> None:
    for name in ("3-raise", "8-raise"):
        (meet / name).touch()
    serial, spread = invoke(*WORDS), invoke(*WORDS, *SPREAD)
    assert serial.stderr == "Error: item 3 is none of its kind\n"
    assert (spread.exit_code, spread.stderr) == (serial.exit_code, serial.stderr)
    assert not Path("shares.h5.work").exists()
    assert set(children(os.getpid())) <= set(others)


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),
    ],
    ids=lambda way: way.name if isinstance(way, signal.Signals) else "",
)
def test_no_process_outlives_a_run_that_is_ended_and_resume_goes_on(
    way: signal.Signals, code: int, meet: Path, alone: list[float], site: Path
) -> None:
    for number in (2, 5):  # the last ones of the first two pieces of work
        (meet / f"{number}-wait").touch()
    run = started(site)
    for number in (2, 5):
        until_there(meet / f"reached-{number}", run)
    workers = children(run.pid)
    assert len(workers) == 2
    os.kill(run.pid, way)
    told, said = run.communicate()
    assert run.returncode == code, (told, said)
    assert "Traceback" not in said and "leaked" not in said
    until_gone(workers)
    for number in (2, 5):
        (meet / f"{number}-wait").unlink()
    for number in (0, 1, 3, 4):
        (meet / f"{number}-raise").touch()
    done = invoke(*WORDS, "--resume")
    assert done.exit_code == 0, done.output
    assert losses(read(Path("shares.h5"))) == alone
