"""Who may work in the folder of an unfinished run, with and without locks of the file system."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lmctool.errors import LmctoolError
from lmctool.run.resume_folder import ResumeFolder
from lmctool.spread.presence import STALE, now_at
from lmctool.spread.share import Share

if TYPE_CHECKING:
    from pathlib import Path

HOLDS = """
import errno, fcntl, os, sys, time
from pathlib import Path
from lmctool.run.resume_folder import ResumeFolder
def flock(*_):
    raise OSError(errno.ENOLCK, "no locks")
fcntl.flock = flock
with ResumeFolder(Path(sys.argv[1]), print, mixed=False):
    print("held", flush=True)
    time.sleep(600)
"""


def whole(out: Path) -> ResumeFolder:
    return ResumeFolder(out, print, mixed=False)


def shard(out: Path, text: str = "1/2") -> ResumeFolder:
    return ResumeFolder(out, print, Share.read(text), mixed=False)


@pytest.fixture(params=[None, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def out(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a result, on file systems with locks and on such without."""

    def flock(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    if request.param is not None:
        monkeypatch.setattr(fcntl, "flock", flock)
    return tmp_path / "out.h5"


def test_a_second_run_is_turned_away_until_the_first_has_ended(out: Path) -> None:
    with whole(out):
        with pytest.raises(LmctoolError, match="another run is at work on output"), whole(out):
            pass
        with pytest.raises(LmctoolError, match="another run is at work on output"), whole(out):
            pass
    with whole(out) as second:
        assert second.folder.is_dir()
    assert not list(out.parent.iterdir())


def test_shards_work_beside_one_another_and_not_beside_a_whole_run(out: Path) -> None:
    with ExitStack() as both:
        both.enter_context(shard(out))
        with pytest.raises(LmctoolError, match="1 shard is at work on output"), whole(out):
            pass
        both.enter_context(shard(out, "2/2"))
        with pytest.raises(LmctoolError, match="2 shards are at work on output"), whole(out):
            pass
    with (
        whole(out),
        pytest.raises(LmctoolError, match="a run without --shard is at work"),
        shard(out),
    ):
        pass
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize("out", [errno.ENOLCK], indirect=True)
def test_a_run_that_shows_no_sign_of_life_keeps_nobody_out(out: Path) -> None:
    with whole(out) as first:
        then = now_at(first.folder) - STALE - 1
        os.utime(first.presence.path, (then, then))
        with whole(out) as second:
            assert second.claims.is_held("output")
            with pytest.raises(LmctoolError, match="another run is at work"), whole(out):
                pass


def test_a_killed_run_keeps_nobody_out_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    words = [sys.executable, "-c", HOLDS, str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LmctoolError, match="another run is at work"), whole(out):
            pass
        process.send_signal(signal.SIGKILL)
    with whole(out):
        pass
    assert not list(tmp_path.iterdir())
