"""What lmctool work tells of the folder of an unfinished run, whatever is in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.plugin.spreading import Stage
from lmctool.results.journal import Journal
from lmctool.spread.finished import marked
from lmctool.spread.lists import tell_failure, tell_list
from lmctool.spread.presence import STALE, Presence, now_at
from lmctool.spread.records import Worker
from lmctool.spread.run_record import RunRecord, write_record
from lmctool.spread.tally import tally, workers_of
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = Stage(1, "pairs", tuple(f"{number} | b" for number in range(6)), divided=True)
HERE = Worker(host="node1", device="CPU", process=os.getpid())
THERE = Worker(host="node2", device="H100", process=7)
COMMAND = "lmctool matrix a.safetensors 'b c.safetensors' -o m.h5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which some pairs are done, and one failed."""
    place = tmp_path / "m.h5.work"
    place.mkdir()
    write_record(place, RunRecord(identity={}, probe=[], command=COMMAND, shared=True))
    tell_list(place, PAIRS)
    journal = Journal(place)
    for number, worker in ((0, HERE), (1, THERE), (4, THERE)):
        with marked(journal, PAIRS, number, worker):
            pass
    tell_failure(place, PAIRS, 3, THERE, "tensor 'w' holds NaN")
    return place


def shown(folder: Path) -> str:
    done = invoke("work", folder)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_tells_what_is_done_by_whom_what_failed_and_what_to_type(folder: Path) -> None:
    lines = [line.split() for line in shown(folder).splitlines()]
    assert ["pairs", "3", "6", "1"] in lines
    assert [words[:4] for words in lines if words[:2] == ["pairs", "node1"]] == [
        ["pairs", "node1", "CPU", "1"]
    ]
    assert [words[:4] for words in lines if words[:2] == ["pairs", "node2"]] == [
        ["pairs", "node2", "H100", "2"]
    ]
    assert "pairs  3 | b  node2  tensor 'w' holds NaN" in shown(folder)
    assert "lmctool matrix --resume a.safetensors 'b c.safetensors' -o m.h5" in shown(folder)
    assert workers_of(folder) == {HERE: 1, THERE: 2}


def test_what_failed_and_was_computed_since_is_no_failure(folder: Path) -> None:
    with marked(Journal(folder), PAIRS, 3, HERE):
        pass
    (pairs,) = json.loads(invoke("work", folder, "--json").stdout)["lists"]
    assert (pairs["done"], pairs["of"], pairs["failed"]) == (4, 6, [])


def test_it_tells_who_is_at_work_on_what_and_the_time_left(folder: Path) -> None:
    with Presence(folder, "shard", HERE, "1/2") as presence:
        presence.tell("'2 | b' of 'pairs'")
        presence._write()
        told = json.loads(invoke("work", folder, "--json").stdout)
        (process,) = told["at_work"]
        assert (process["share"], process["host"]) == ("1/2", "node1")
        assert process["item"] == "'2 | b' of 'pairs'"
        assert told["seconds_left"] >= 0
        assert told["next"].startswith("once the shards have ended, type: lmctool matrix --resume")
        then = now_at(folder) - STALE - 1
        os.utime(presence.path, (then, then))
        told = json.loads(invoke("work", folder, "--json").stdout)
        assert (told["at_work"], told["seconds_left"]) == ([], None)


def test_the_time_left_is_that_of_all_who_are_at_work(folder: Path) -> None:
    (pairs,) = tally(folder).lists
    alone = pairs.seconds_left
    assert alone is not None
    with Presence(folder, "shard", HERE, "1/2"), Presence(folder, "shard", HERE, "2/2"):
        assert tally(folder).seconds_left == pytest.approx(alone / 2)


def test_damaged_files_are_passed_over(folder: Path) -> None:
    for path in sorted(folder.glob("*.npz"))[:1]:
        path.write_bytes(path.read_bytes()[:60])
    savez: Any = np.savez  # its stub takes no names beside its own
    savez(folder / "0.npz", **{"x/mark": np.frombuffer(b"{}", dtype=np.uint8)})
    savez(folder / "1.npz", **{"x/mark": np.zeros((5, 5))})
    savez(folder / "2.npz", **{"x/mark": np.array([{}], dtype=object)}, allow_pickle=True)
    (folder / "3.npz").write_bytes(b"PK\x03\x04")
    os.mkfifo(folder / "4.npz")
    for name in ("x.failed.json", "9.list.json", "y.alive"):
        (folder / name).write_bytes(b"\xff{")
    (folder / "run.json").write_text("{")
    (pairs,) = json.loads(invoke("work", folder, "--json").stdout)["lists"]
    assert (pairs["done"], pairs["of"]) == (2, 6)
    assert "give its command with --resume" in shown(folder)


def test_names_in_a_folder_steer_no_terminal(folder: Path) -> None:
    steering = "\x1b[2J\n::error::x"
    tell_list(folder, Stage(2, steering, ("a", "b"), divided=False))
    tell_failure(folder, PAIRS, 5, Worker(host=steering, device="", process=1), steering)
    write_record(folder, RunRecord(identity={}, probe=[], command=f"lmctool {steering}"))
    told = shown(folder)
    assert "\x1b" not in told
    assert not any(line.startswith("::") for line in told.splitlines())


def test_a_list_that_nobody_wrote_down_is_as_long_as_what_is_known(folder: Path) -> None:
    (folder / "1.list.json").unlink()
    (unknown,) = tally(folder).lists
    assert (unknown.told.what, unknown.done, unknown.told.count) == ("", 3, 3)
    assert "(not said)" in shown(folder)


def test_what_is_no_such_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "m.h5").touch()
    for name, told in (("none", "does not exist"), ("m.h5", "is no folder"), ("", "has no work")):
        before = sorted(tmp_path.iterdir())
        done = invoke("work", tmp_path / name)
        assert (done.exit_code, done.stdout) == (2, "")
        assert told in done.stderr
        assert sorted(tmp_path.iterdir()) == before


def test_it_imports_neither_torch_nor_numpy(folder: Path) -> None:
    code = (
        "import sys; from lmctool.cli import main\n"
        "main(['work', sys.argv[1]], standalone_mode=False)\n"
        "assert not {'torch', 'numpy', 'h5py'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True, capture_output=True)
