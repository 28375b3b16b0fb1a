"""What tests of several rooms share, and the surroundings that all of them have."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import HealthCheck, settings

from lmctool.files import untrusted
from lmctool.report import figure
from lmctool.results.file import write
from tests import barrier_result as barrier
from tests import every
from tests.gpu import device_for_tests, hide_gpus, require_gpu
from tests.longest_first import sort_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from matplotlib.figure import Figure

    from lmctool.results.result import Result

# how long an example takes depends on what else the machine does
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

STEERING = (
    "CI",
    "CLICOLOR",
    "FORCE_COLOR",
    "GITHUB_",
    "LINES",
    "LMCTOOL_",
    "MPL",
    "NO_COLOR",
    "PYTHONWARNINGS",
    "TTY_",
    "_LMCTOOL_",
)
"""How the names of environment variables begin that change what lmctool prints or reads."""
HERE = Path(__file__).parent
UNSEEN = (
    "cli/",
    "emulated_gpu/",
    "evaluate/",
    "plugins/aligners/",
    "plugins/analyses/test_graft",
    "plugins/analyses/test_merge_adapters.py",
    "plugins/analyses/test_streaming.py",
    "plugins/analyses/test_trajectory",
    "plugins/corrections/",
    "run/",
    "spread/",
    "trust/",
)
"""Where the tests are of other things than figures, by the beginnings of their paths."""
SEEN = ("cli/test_plot.py", "cli/test_run_job.py")
"""What is excepted there."""
DEVICE = pytest.StashKey[str]()
"""The device that tests may use."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--trial-limits FACTOR``."""
    parser.addoption(
        "--trial-limits",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="multiply what a trial of an untrusted file may take; no test depends on it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Run tests, and what they start, without any GPU unless LMCTOOL_TEST_DEVICE names one."""
    config.stash[DEVICE] = device_for_tests(os.environ)
    hide_gpus(os.environ)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the workers of pytest-xdist take the longest files first."""
    if hasattr(config, "workerinput"):
        sort_tests(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked ``cuda``, or fail it, where it has no GPU."""
    if item.get_closest_marker("cuda"):
        require_gpu(item.config.stash[DEVICE])


@pytest.fixture
def gpu(pytestconfig: pytest.Config) -> torch.device:
    """The GPU that a test marked ``cuda`` uses."""
    import torch

    return torch.device(pytestconfig.stash[DEVICE])


@pytest.fixture(scope="session", autouse=True)
def surroundings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Run every test in one environment, whatever that of the machine is."""
    own = tmp_path_factory.mktemp("own")
    factor = request.config.getoption("--trial-limits")
    usual = untrusted.limits_for

    def limits_for(size: int) -> untrusted.Limits:
        limits = usual(size)
        return replace(
            limits,
            processor=math.ceil(factor * limits.processor),
            memory=int(factor * limits.memory),
        )

    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(STEERING):
                patch.delenv(name)
        for name, value in {"COLUMNS": "80", "TERM": "xterm", "PYTHONUTF8": "1"}.items():
            patch.setenv(name, value)
        patch.setattr(click, "get_app_dir", lambda name: str(own / name))
        patch.setenv("LMCTOOL_CACHE", str(own / "cache"))
        patch.setattr(untrusted, "limits_for", limits_for)
        yield


@pytest.fixture(scope="session", autouse=True)
def graphs() -> Iterator[None]:
    """Let runs in this process share the graphs of built-in networks."""
    from lmctool.run import resources
    from tests.followed import capture_once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "capture", capture_once)
        yield


@pytest.fixture(scope="module", autouse=True)
def figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Draw the figures that no test looks at, but don't render them: it takes most of a run."""
    place = request.path.relative_to(HERE).as_posix()
    with pytest.MonkeyPatch.context() as patch:
        if place.startswith(UNSEEN) and place not in SEEN:
            patch.setattr(figure, "image", drawn)
        yield


def drawn(result: Result, draw: Callable[[Result, Figure], None] | None, form: str) -> bytes:
    """Draw a result as ``image`` does; return what is no figure."""
    with figure.failing_as_figure_error(), figure.drawing(result, draw):
        return f"a figure as {form}".encode()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the result that a small run of an analysis left, which must not be changed."""
    folder = tmp_path_factory.mktemp("every")

    def result(name: str) -> Path:
        there = folder / f"{name}.h5"
        return there if there.exists() else every.run(name, folder)

    return result


@pytest.fixture
def barrier_result() -> Result:
    """A result with groups, coordinates and types of every kind that a barrier run leaves."""
    return barrier.barrier_result()


@pytest.fixture
def barrier_file(barrier_result: Result, tmp_path: Path) -> Path:
    """The file of that result."""
    path = tmp_path / "barrier.h5"
    write(barrier_result, path)
    return path
