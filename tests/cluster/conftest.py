"""What tests on a cluster share: a private Slurm, ten networks, and what a serial run finds."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.cluster import many_networks
from tests.cluster.slurm import started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.many_networks import Arrays
    from tests.cluster.slurm import Slurm

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A Slurm of its own on this machine; daemons and jobs end with the tests."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"Slurm is not installed, no {', '.join(missing)}: make test-cluster does that")
    if os.geteuid() != 0:
        pytest.skip("a Slurm for tests is started by root alone, who may make devices")
    with started() as slurm:
        yield slurm


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten networks, which must not be changed."""
    folder = tmp_path_factory.mktemp("networks")
    many_networks.write(folder)
    return folder


@pytest.fixture
def here(networks: Path, tmp_path: Path) -> Path:
    """A folder to work in, with the networks."""
    for path in networks.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.fixture(scope="session")
def serial_run(
    slurm: Slurm, networks: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Arrays, float]:
    """What one process finds, and the seconds that it takes."""
    out = tmp_path_factory.mktemp("serial") / "out.h5"
    begun = time.monotonic()
    slurm.run("lmctool", *many_networks.COMMAND, "-o", out, here=networks)
    return many_networks.arrays(out), time.monotonic() - begun


@pytest.fixture
def serial(serial_run: tuple[Arrays, float]) -> Arrays:
    """What one process finds."""
    return serial_run[0]


@pytest.fixture
def life(serial_run: tuple[Arrays, float]) -> float:
    """Seconds of which most processes of a run see the end of a few only."""
    return 1.5 * serial_run[1]
