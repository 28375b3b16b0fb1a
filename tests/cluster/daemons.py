"""A private Slurm of this machine, for as long as this program's input is open.

``python -m tests.cluster.daemons`` prints what to put into a shell to use it, and ends it all at
Ctrl-C or Ctrl-D.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.cluster.processes import end, of_cluster
from tests.cluster.slurm_files import write_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECONDS = 60
"""That the daemons have to be up, and jobs to be gone."""


@contextmanager
def daemons(folder: Path) -> Iterator[None]:
    """Run munged, slurmctld and slurmd within the context; all that is left of jobs ends with them.

    Args:
        folder: as ``write_files`` takes it.

    Raises:
        RuntimeError: they don't come up; says what they said.
    """
    write_files(folder)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    places = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    munge = [f"--{option}={folder}/munge.{ending}" for option, ending in places.items()]
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_started(folder, environment, "munged", "--foreground", "--force", *munge))
        _wait(folder, lambda: (folder / "munge.socket").exists())
        started.append(_started(folder, environment, "slurmctld", "-D", "-c"))
        started.append(_started(folder, environment, "slurmd", "-D", "-c"))
        _wait(folder, lambda: _said(environment, "sinfo", "--noheader", "--format=%T") == "idle")
        yield
    finally:
        _said(environment, "scancel", "--user=root")
        with suppress(RuntimeError):
            _wait(folder, lambda: not _said(environment, "squeue", "--noheader"))
        for daemon in reversed(started):
            daemon.terminate()
        for daemon in started:
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(SECONDS)
            daemon.kill()
            daemon.wait()
        end(of_cluster(folder))


def _started(
    folder: Path, environment: Mapping[str, str], name: str, *words: str
) -> subprocess.Popen[bytes]:
    """Start a daemon in a session of its own, which Ctrl-C does not reach."""
    with (folder / f"{name}.out").open("wb") as out:
        return subprocess.Popen(
            [name, *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )


def _said(environment: Mapping[str, str], *words: str) -> str:
    """Return what a command of Slurm prints; nothing where the daemons cannot be asked."""
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return said.stdout.strip()


def _wait(folder: Path, condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            told = [f"{path.name}: {path.read_text()}" for path in sorted(folder.glob("*.out"))]
            raise RuntimeError("\n".join(["Slurm cannot be used:", *told]))
        time.sleep(0.1)


def _end(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run a Slurm until nobody holds the other end of this program's input."""
    signal.signal(signal.SIGTERM, _end)
    with (
        suppress(KeyboardInterrupt),
        TemporaryDirectory(prefix="slurm-") as folder,
        daemons(Path(folder)),
    ):
        print(f"export SLURM_CONF={folder}/slurm.conf", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
