"""Shards of a run: what each computes, and that together they give the numbers of one process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.evaluate.threads import use_threads
from lmctool.results import journal
from lmctool.results.equality import difference
from lmctool.results.file import read
from lmctool.spread import presence
from lmctool.spread.presence import Presence
from lmctool.spread.records import Worker
from lmctool.spread.run_record import RunRecord, write_record
from lmctool.testing import invoke
from tests.interruption import interrupt_after, watch
from tests.plugins.pairs import save, trained
from tools.survival.job import lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = ("--limit", "60", "--calib-size", "100")
MATRIX = ("matrix", "a", "b", "c", "--align", "--points", "3", *SMALL, "-o", "m.h5")
BARRIER = ("barrier", "a", "b", "--align", "--repair", "--points", "5", *SMALL, "-o", "m.h5")
DRAWS = ("barrier", "a", "b", "--align", "--points", "3", "--repeat", "2", *SMALL, "-o", "m.h5")
FINE = ("layerwise", "a", "b", "--points", "3", "--batch-size", "16", "--limit", "60", "-o", "m.h5")
WORK = Path("m.h5.work")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("abc"):
        save(place / name, "mlp-batch", trained("mlp-batch", seed))
    return place


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        shutil.copy(networks / name, tmp_path / f"{name}.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(journal, "PAUSE", 0)  # every unit is written when it is finished


def words(command: Sequence[str]) -> list[str]:
    """Return a command with the names of its files."""
    return [f"{word}.safetensors" if word in {"a", "b", "c"} else word for word in command]


def shard(command: Sequence[str], share: str, *more: str, code: int = 0) -> str:
    """Run a shard, and return what it says."""
    done = invoke(*words(command), "--shard", share, *more)
    assert done.exit_code == code, done.output
    assert not Path("m.h5").exists()
    assert not [*WORK.glob("*.claim"), *WORK.glob("*.alive*")]
    return done.stderr


def gathered(command: Sequence[str]) -> str | None:
    """Let a run finish what shards have begun; return what differs from one without shards."""
    done = invoke(*words(command), "--resume", "-q")
    assert done.exit_code == 0, done.output
    assert not WORK.exists()
    done = invoke(*words(command), "-q", "-o", "serial.h5")
    assert done.exit_code == 0, done.output
    return difference(lasting(Path("m.h5")), lasting(Path("serial.h5")))


def test_shards_one_after_the_other_leave_nothing_to_compute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "2 of 3 'pairs' are left to other shards" in shard(MATRIX, "3/3")
    assert "1 of 3 'pairs' are left to other shards" in shard(MATRIX, "1/3")
    assert "nothing is left; the same command with --resume" in shard(MATRIX, "2/3")
    with monkeypatch.context() as patch:
        computed = watch(patch, lambda _: None)
        done = invoke(*words(MATRIX), "--resume", "-q")
        assert done.exit_code == 0, done.output
    assert computed == []
    assert "--shard" not in str(read(Path("m.h5")).groups["provenance"].attributes["command"])
    assert invoke(*words(MATRIX), "-q", "-o", "serial.h5").exit_code == 0
    assert difference(lasting(Path("m.h5")), lasting(Path("serial.h5"))) is None
    done = invoke(*words(MATRIX), "--shard", "2/3")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "'m.h5' is whole already: nothing is left to do" in done.stderr


@pytest.mark.parametrize("command", [BARRIER, DRAWS, FINE], ids=["barrier", "draws", "layerwise"])
def test_a_shard_alone_computes_all_that_is_not_divided(
    command: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing is left" in shard(command, "2/3")
    with monkeypatch.context() as patch:
        computed = watch(patch, lambda _: None)
        assert "nothing is left" in shard(command, "1/3")
    assert computed == []
    assert gathered(command) is None


def test_an_interrupted_shard_gives_back_what_it_had_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(8, patch)
        told = shard(MATRIX, "1/2", code=130)
    assert "kept in 'm.h5.work'; the same command goes on with it" in told
    assert WORK.is_dir()
    shard(MATRIX, "1/2")
    assert gathered(MATRIX) is None  # and the run that gathers computes the other share


def test_an_item_that_fails_ends_a_shard_as_it_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = load_file("c.safetensors")
    broken["layers.0.weight"][0, 0] = torch.nan
    from safetensors import safe_open

    with safe_open("c.safetensors", "pt") as file:
        metadata = file.metadata()
    save_file(broken, "c.safetensors", metadata)
    serial = invoke(*words(MATRIX), "-q", "-o", "serial.h5")
    told = shard(MATRIX, "1/2", "-q", code=serial.exit_code)
    assert told == serial.stderr
    assert list(WORK.glob("*.npz"))
    shown = json.loads(invoke("work", WORK, "--json").stdout)
    (ends,) = shown["lists"]
    assert (ends["items"], ends["of"], ends["failed"][0]["item"]) == ("ends", 3, "2")
    assert ends["failed"][0]["why"] in serial.stderr
    done = invoke(*words(MATRIX), "--resume", "-q")
    assert done.exit_code == serial.exit_code
    assert "what was finished is kept in 'm.h5.work'" in done.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ((*MATRIX[:-2], "--points", "5"), "options.points was 3 and is 5"),
        ((*MATRIX[:-2], "--seed", "1"), "seed was 0 and is 1"),
        (("matrix", "b", "a", "c", *MATRIX[4:-2]), "checkpoint.0.digest was"),
    ],
)
def test_the_shards_of_another_run_are_turned_away(command: Sequence[str], told: str) -> None:
    shard(MATRIX, "1/2")
    said = shard((*command, "-o", "m.h5"), "2/2", code=2)
    assert "has the work of another run" in said
    assert told in said
    assert "remove the folder to begin again" in said


def test_a_machine_of_other_bits_takes_part_only_where_that_is_asked_for() -> None:
    shard(MATRIX, "1/3")
    record = msgspec.json.decode((WORK / "run.json").read_bytes(), type=RunRecord)
    other = {**record.identity, "device.name": '"another"'}
    write_record(WORK, msgspec.structs.replace(record, identity=other))
    assert 'device.name was "another" and is "CPU"' in shard(MATRIX, "2/3", code=2)
    bits = [record.probe[0].replace("0x1", "0x2"), *record.probe[1:]]
    write_record(WORK, msgspec.structs.replace(record, probe=bits))
    assert "losses on the first examples are others here" in shard(MATRIX, "2/3", code=2)
    write_record(WORK, msgspec.structs.replace(record, identity=other, probe=bits))
    assert "'pairs' are left to other shards" in shard(MATRIX, "2/3", "--mixed")


@pytest.mark.parametrize("changed", [{"threads": -1}, {"threads": "1"}, {"probe": None}, {}])
def test_a_record_that_was_changed_is_told_in_a_sentence(changed: dict[str, object]) -> None:
    WORK.mkdir()
    record = json.loads(RunRecord(identity={}, probe=[]).encoded())
    (WORK / "run.json").write_text(json.dumps(record | changed) if changed else "")
    assert "does not say whose work it has; remove it to begin again" in shard(
        MATRIX, "1/2", code=2
    )


def test_all_compute_with_as_many_threads_as_the_first_shard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = torch.get_num_threads()
    shard(MATRIX, "1/2")
    try:
        use_threads(before + 1)
        shard(MATRIX, "2/2")
        computed = watch(monkeypatch, lambda _: None)
        assert invoke(*words(MATRIX), "--resume", "-q").exit_code == 0
        assert torch.get_num_threads() == before + 1
    finally:
        use_threads(before)
    assert computed == []
    assert read(Path("m.h5")).groups["provenance"].attributes["threads"] == before


def test_what_a_living_shard_is_at_work_on_is_waited_for_and_a_dead_ones_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lmctool.spread import shared
    from lmctool.spread.claims import Claims

    monkeypatch.setattr(shared, "SOON", 0.01)
    WORK.mkdir()
    worker = Worker(host="elsewhere", device="CPU", process=1)
    other = Presence(WORK, "shard", worker, "2/2")
    naps: list[int] = []

    def nap(_: float) -> None:
        naps.append(len(naps))
        if len(naps) == 3:  # as if it were killed
            other.path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr(presence, "PULSE", 3600)
        patch.setattr(time, "sleep", nap)
        other.__enter__()
        held = Claims(other)
        patch.setattr(shared, "_name", lambda stage, number: f"{stage.ordinal}-{number}")
        assert held.take("0-1")
        assert "nothing is left" in invoke(*words(BARRIER), "--shard", "1/2").stderr
        other.__exit__()
    assert len(naps) == 3
    assert gathered(BARRIER) is None


def test_a_shard_that_cannot_keep_what_it_computes_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numpy as np

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert "what a shard computes cannot be kept in folder" in shard(MATRIX, "1/2", code=2)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--shard", "0/4"), "'0/4' is no share; give I/N with I from 1 to N"),
        (("--shard", "5/4"), "'5/4' is no share"),
        (("--shard", "x"), "'x' is no share"),
        (("--shard", "1/2", "--executor", "processes:2"), "two ways to spread one run"),
        (("--shard", "1/2", "--force"), "would drop what other shards have finished"),
    ],
)
def test_what_no_shard_can_do_is_told_in_a_sentence(more: Sequence[str], told: str) -> None:
    done = invoke(*words(MATRIX), *more)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not WORK.exists()


def test_a_shard_judges_and_writes_nothing_beside_the_work() -> None:
    more = ("--json", "m.json", "--junit", "m.xml", "--require", "matrix.end_error <= -1")
    before = set(Path().iterdir())
    shard(MATRIX, "1/1", *more)
    assert set(Path().iterdir()) - before == {WORK}
    done = invoke(*words(MATRIX), *more, "--resume", "-q")
    assert done.exit_code == 3, done.output


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_shards_that_are_killed_at_random_moments_lose_nothing(rounds: int) -> None:
    script = Path(__file__).with_name("killed_shards.py")
    done = subprocess.run(
        [sys.executable, str(script), "0", str(rounds), "2", *words(MATRIX)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert 0 < int(done.stdout) <= 2 * rounds, done.stderr
    assert not Path("m.h5").exists()
    assert gathered(MATRIX) is None
    assert {path.name for path in Path().iterdir()} == {
        *(f"{name}.safetensors" for name in "abc"),
        *("m.h5", "m.png", "serial.h5", "serial.png"),
    }
