"""Drafts that killed processes left: the next one removes them, unless somebody is at work."""

from __future__ import annotations

import errno
import fcntl
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING, NoReturn

import pytest

from lmctool.files.publish import publish, publish_folder, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from lmctool.files.publish import publish, publish_folder

with publish(Path("large.safetensors"), False) as draft:
    with publish_folder(Path("net"), [], False) as folder:
        draft.write_text("half of it")
        (folder / "part").write_text("half of it")
        print("writing", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path) -> subprocess.Popen[str]:
    """Return a process that is at work on a file and a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told: IO[str] | None = process.stdout
    assert told is not None and told.readline() == "writing\n"
    return process


def test_drafts_of_a_killed_process_go_when_another_output_is_made(
    tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    hidden = sorted(tmp_path.iterdir())
    assert len(hidden) == 4  # two drafts, and what is held for each
    write_bytes(tmp_path / "other", b"1", force=False)
    assert sorted(tmp_path.iterdir()) == [*hidden, tmp_path / "other"]  # it is at work on them
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    write_bytes(tmp_path / "other", b"2", force=True)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "other"]


@pytest.mark.parametrize("obstacle", ["no locks", "another machine"])
def test_drafts_stay_where_nobody_can_tell_whether_they_are_in_use(
    tmp_path: Path,
    writer: subprocess.Popen[str],
    obstacle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    hidden = sorted(tmp_path.iterdir())
    if obstacle == "no locks":
        monkeypatch.setattr(fcntl, "flock", no_locks)
    else:
        monkeypatch.setattr("platform.node", lambda: "another")
    write_bytes(tmp_path / "other", b"1", force=False)
    assert sorted(tmp_path.iterdir()) == [*hidden, tmp_path / "other"]


def no_locks(*_: object) -> NoReturn:
    raise OSError(errno.ENOLCK, "No locks available")


def test_two_outputs_of_one_process_do_not_clear_each_other(tmp_path: Path) -> None:
    with publish(tmp_path / "a", force=False) as first:
        first.write_text("a")
        with publish_folder(tmp_path / "b", ["c"], force=False) as second:
            write_bytes(second / "c", b"c", force=False)
    assert (tmp_path / "a").read_text() == "a" and (tmp_path / "b" / "c").read_text() == "c"
    assert len([*tmp_path.iterdir()]) == 2


def test_what_else_is_hidden_in_a_folder_stays(tmp_path: Path) -> None:
    names = (".lmctool-0123456789ab", ".lmctool-0123abcd-0123456789ab.h5", ".other.lock")
    for name in names:
        (tmp_path / name).touch()
    write_bytes(tmp_path / "out", b"1", force=False)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*names, "out"])
