"""Several GPUs for one command: the first has the run, and each of them a process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.testing import invoke
from tests.emulated_gpu import gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.cli.job import Job

A, B = (Path(__file__).parents[2] / f"examples/digits/{name}.safetensors" for name in "ab")
BOTH = "cuda:1,cuda:0"


@pytest.fixture
def emulated() -> Iterator[gpu.Gpu]:
    """A GPU beside one that is never used."""
    with pytest.MonkeyPatch.context() as patch:
        yield gpu.install(patch)


@pytest.mark.parametrize("words", [("--device", BOTH), (f"--device={BOTH}",)], ids=len)
def test_the_first_has_the_run_and_each_a_process(words: tuple[str, ...], asked: list[Job]) -> None:
    assert invoke("barrier", A, B, *words).exit_code == 0
    assert asked[0].settings.device == "cuda:1"
    assert asked[0].executor == f"processes:{BOTH}"
    assert asked[0].words[-len(words) :] == words


def test_the_recorded_command_has_one(asked: list[Job]) -> None:
    invoke("barrier", "--device", BOTH, A, B)
    invoke("barrier", A, B, f"--device={BOTH}")
    invoke("barrier", A, B, "--device", "cuda:1", "--executor", "processes:2")
    ends = [job.command.removeprefix("lmctool barrier ") for job in asked]
    assert ends == [
        f"--device cuda:1 {A} {B}", f"{A} {B} --device=cuda:1", f"{A} {B} --device cuda:1"
    ]  # fmt: skip


def test_another_executor_beside_them_is_refused(asked: list[Job]) -> None:
    done = invoke("barrier", A, B, "--device", BOTH, "--executor", "processes:2")
    assert done.exit_code == 2 and not asked
    assert done.stderr == (
        "Error: --device cuda:1,cuda:0 spreads the work over processes, one for each GPU, and"
        " --executor processes:2 spreads it otherwise; give one of them, or --device cuda:1\n"
    )


@pytest.mark.parametrize("word", ["cuda:0,cpu", "cuda:0,", "cuda,cuda", "cpu,cpu"])
def test_a_list_of_anything_else_is_refused(word: str) -> None:
    done = invoke("interpolate", A, B, "--device", word, "--dry-run")
    assert done.exit_code == 2
    first = word.partition(",")[0]
    told = f"device '{word}' names several, but here one computes; try {first}"
    assert done.stderr.endswith(f"{told}\n")


def test_an_analysis_without_networks_has_one_device(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--device", BOTH, "--dry-run")
    assert done.exit_code == 2
    assert "names several, but here one computes; try cuda:1" in done.stderr


def test_a_dry_run_shows_both_the_device_and_the_processes(emulated: gpu.Gpu) -> None:
    with emulated.on():
        done = invoke("interpolate", A, B, "--device", BOTH, "--dry-run")
    assert done.exit_code == 0, done.output
    lines = {line.partition("  ")[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert lines["device"][0] == "cuda:1,"
    assert lines["executor"] == [f"processes:{BOTH}"]


def test_a_gpu_that_is_not_there_ends_the_run_before_a_process_starts(tmp_path: Path) -> None:
    done = invoke("interpolate", A, B, "--device", "cuda:0,cuda:1", "-o", tmp_path / "out.h5")
    assert done.exit_code == 2
    assert "'cuda:0', but torch finds 0 CUDA devices" in done.stderr
    assert list(tmp_path.iterdir()) == []
