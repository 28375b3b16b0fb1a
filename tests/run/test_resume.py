"""Runs that are interrupted and go on: nothing finished is lost, and the numbers stay the same."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.evaluate import shared_prefix
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.results import journal
from lmctool.results.equality import difference
from lmctool.results.file import read
from lmctool.run.resume_folder import ResumeFolder
from lmctool.testing import invoke
from tests.interruption import interrupt_after, watch
from tests.plugins.pairs import save, trained
from tests.plugins.runs import child, folder, forks
from tools.survival.job import DIGITS, Job, kill, lasting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALL = ("--limit", "60", "--calib-size", "100", "-q")
BOTH = ("--align", "--repair")
COMMANDS = {
    "align": ("a", "b", "--aligner", "midpoint", "--steps", "3"),
    "barrier": ("a", "b", *BOTH, "--points", "5", "--refine", "--per-example", "--baselines"),
    "curve": ("a", "b", "--align", "--curve-steps", "4", "--bends", "2", "--points", "5"),
    "el2n": ("a", "b"),
    "graft": ("a", "--from", "b", "--layers", "layers.0"),
    "instability": ("fork0", "fork40", "--align", "weight", "--points", "3"),
    "interpolate": ("a", "b", "--points", "5", "--batchnorm", "reset"),
    "layerwise": ("a", "b", "--points", "3", "--batch-size", "16"),
    "matrix": ("a", "b", "c", "--align", "weight", "--points", "3"),
    "merge": ("a", "b", "--align", "--repair", "--alphas", "0.3,0.5"),
    "plane": ("a", "b", "--align", "--points", "4", "--batchnorm", "reset"),
    "repair": ("a", "b"),
    "sharpness": ("a", "b", "--lanczos", "3", "--probes", "3", "--curvature-size", "30"),
    "similarity": ("a", "b", *BOTH, "--split", "train,test"),
    "trajectory": ("run0", "run1", "--align"),
    "variance": ("a", "b", *BOTH, "--alphas", "0.3,0.5"),
}
"""Of each analysis that evaluates anything."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("abc"):
        save(place / f"{name}.safetensors", "mlp-batch", trained("mlp-batch", seed))
    for seed in range(2):
        folder(place / f"run{seed}", "mlp-batch", child("mlp-batch", seed))
    forks(place, "mlp-batch")
    return place


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(journal, "PAUSE", 0)  # every unit is written when it is finished
    monkeypatch.setattr(shared_prefix, "WORK", 0)  # networks share what they have in common


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where the name of every unit is entered that is finished from now on."""
    return watch(monkeypatch, lambda _: None)


def words(name: str, networks: Path) -> list[str]:
    """Return a command of the list above on the networks."""
    places = {path.stem: str(path) for path in networks.iterdir()}
    found = [places.get(word, word) for word in COMMANDS[name]]
    small = SMALL if "calib_size" in options(name) else ("-q",)
    return [name, *found, *small]


def options(name: str) -> set[str]:
    from lmctool.cli.analysis import AnalysisCommand

    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    return {str(parameter.name) for parameter in command.params}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_goes_on_from_its_last_unit_to_the_same_numbers(
    name: str, networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = words(name, networks)
    with monkeypatch.context() as patch:
        every = watch(patch, lambda _: None)
        done = invoke(*command, "-o", "unbroken.h5")
        assert done.exit_code == 0, done.output
    assert every
    assert not Path("unbroken.h5.work").exists()
    moments = {1, len(every)} if name == "barrier" else {(len(every) + 1) // 2}
    for count in sorted(moments):
        out = f"after{count}.h5"
        with monkeypatch.context() as patch:
            before = interrupt_after(count, patch)
            done = invoke(*command, "-o", out)
            assert done.exit_code == 130, done.output
            assert f"kept in '{out}.work'" in done.stderr
            assert not Path(out).exists()
        with monkeypatch.context() as patch:
            after = watch(patch, lambda _: None)
            done = invoke(*command, "-o", out, "--resume")
            assert done.exit_code == 0, done.output
        assert before + after == every
        assert difference(lasting(Path("unbroken.h5")), lasting(Path(out))) is None
        assert not Path(f"{out}.work").exists()


def test_every_analysis_that_evaluates_is_among_them() -> None:
    built_in = {
        name
        for name in registry.names(ANALYSES)
        if registry.owner(registry.find(ANALYSES, name)) == "lmctool"
    }
    assert built_in - set(COMMANDS) == {"distance"}


def interrupted(networks: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[str]:
    command = [*words("barrier", networks), *more]
    with monkeypatch.context() as patch:
        interrupt_after(3, patch)
        assert invoke(*command).exit_code == 130
    return command


def test_what_an_interrupted_run_left_is_not_dropped_unasked(
    networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = interrupted(networks, monkeypatch)
    left = sorted(Path("barrier.h5.work").iterdir())
    done = invoke(*command)
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: 'barrier.h5.work' has the finished work of an interrupted run; pass --resume to go"
        " on with it, or --force to begin again\n"
    )
    assert sorted(Path("barrier.h5.work").iterdir()) == left


def test_force_begins_again(
    networks: Path, monkeypatch: pytest.MonkeyPatch, kept: list[str]
) -> None:
    command = interrupted(networks, monkeypatch)
    kept.clear()
    assert invoke(*command, "--force").exit_code == 0
    assert len(kept) > 3
    assert not Path("barrier.h5.work").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--seed", "1"), "seed was 0 and is 1"),
        (("--subset-seed", "1"), "subset_seed was 0 and is 1"),
        (("--points", "7"), "options.points was 5 and is 7"),
        (("--aligner", "weight"), "aligner"),
    ],
)
def test_the_work_of_another_run_is_not_taken(
    more: tuple[str, ...], told: str, networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = interrupted(networks, monkeypatch)
    other = ["--align", "weight"] if more[0] == "--aligner" else list(more)
    done = invoke(
        *[word for word in command if word != "--align" or "weight" not in other],
        *other,
        "--resume",
    )
    assert done.exit_code == 2
    assert "has the work of another run" in done.stderr
    assert told in done.stderr
    assert list(Path("barrier.h5.work").glob("*.npz"))


def test_the_work_on_other_checkpoints_is_not_taken(
    networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = interrupted(networks, monkeypatch)
    command[2] = str(networks / "c.safetensors")
    done = invoke(*command, "--resume")
    assert done.exit_code == 2
    assert "checkpoint.1.digest was" in done.stderr


def test_work_that_does_not_say_whose_it_is_is_not_taken(
    networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = interrupted(networks, monkeypatch)
    Path("barrier.h5.work/run.json").write_text("{")
    assert "does not say whose work" in invoke(*command, "--resume").stderr


def test_a_damaged_unit_is_computed_again(
    networks: Path, monkeypatch: pytest.MonkeyPatch, kept: list[str]
) -> None:
    command = interrupted(networks, monkeypatch)
    kept.clear()
    assert invoke(*command, "-o", "unbroken.h5").exit_code == 0
    every = len(kept)
    for path in Path("barrier.h5.work").glob("*.npz"):
        image = bytearray(path.read_bytes())
        image[len(image) // 2] ^= 1
        path.write_bytes(image)
    kept.clear()
    assert invoke(*command, "--resume").exit_code == 0
    assert len(kept) == every
    assert difference(lasting(Path("unbroken.h5")), lasting(Path("barrier.h5"))) is None


def test_resume_without_anything_to_go_on_with_begins(networks: Path) -> None:
    assert invoke(*words("el2n", networks), "--resume").exit_code == 0
    assert "--resume" not in str(read(Path("el2n.h5")).groups["provenance"].attributes["command"])


def test_resume_of_a_whole_run_shows_and_judges_it_again(networks: Path, kept: list[str]) -> None:
    command = [word for word in words("el2n", networks) if word != "-q"]
    first = invoke(*command)
    written, kept[:] = Path("el2n.h5").read_bytes(), []
    again = invoke(*command, "--resume", "--require", "el2n.error <= 2%")
    assert again.exit_code == 4
    assert "'el2n.h5' is whole already" in again.stderr
    assert again.stdout.startswith(first.stdout.partition("\nresult")[0])
    assert Path("el2n.h5").read_bytes() == written
    assert kept == []


def test_resume_does_not_replace_the_result_of_another_run(networks: Path) -> None:
    command = words("el2n", networks)
    assert invoke(*command).exit_code == 0
    done = invoke(*command, "--seed", "1", "--resume")
    assert done.exit_code == 2
    assert "output 'el2n.h5' exists" in done.stderr


def test_a_run_that_was_killed_while_it_wrote_goes_on(
    networks: Path, monkeypatch: pytest.MonkeyPatch, kept: list[str]
) -> None:
    from lmctool.report import figure

    command = words("barrier", networks)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(figure, "image", killed)
        assert invoke(*command).exit_code == 130
    assert read(Path("barrier.h5")).analysis == "barrier"
    kept.clear()
    assert invoke(*command, "--resume").exit_code == 0
    assert kept == []
    assert Path("barrier.png").exists()


def test_an_error_that_would_come_again_leaves_no_work(networks: Path) -> None:
    done = invoke(*words("barrier", networks), "--mean", "1e9")
    assert done.exit_code == 4, done.output
    assert list(Path().iterdir()) == []


def test_a_second_process_on_one_output_is_told(networks: Path) -> None:
    with ResumeFolder(Path("el2n.h5"), print, mixed=False):
        done = invoke(*words("el2n", networks))
    assert done.exit_code == 2
    assert "another run is at work on output 'el2n.h5'" in done.stderr


def test_units_that_cannot_be_written_do_not_end_a_run(
    networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    def full(*_: object, **__: NDArray[np.float64]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    done = invoke(*[word for word in words("el2n", networks) if word != "-q"])
    assert done.exit_code == 0
    assert done.stderr.count("cannot be kept any more: No space left on device") == 1


def test_what_a_killed_run_left_half_written_is_removed(networks: Path) -> None:
    from lmctool.files.publish import publish

    killed = publish(Path("el2n.h5"), force=False)
    assert killed.__enter__().exists()
    assert invoke(*words("el2n", networks)).exit_code == 0
    assert not list(Path().glob(".lmctool-*"))


def test_a_killed_process_leaves_nothing_broken_and_goes_on(tmp_path: Path) -> None:
    pair = (str(DIGITS / "a.safetensors"), str(DIGITS / "b.safetensors"))
    arguments = ("barrier", *pair, "--align", "--repair", "--points", "101")
    whole, killed = (Job(tmp_path / name, arguments) for name in ("whole", "killed"))
    for job in (whole, killed):
        job.folder.mkdir()
    assert whole.start().wait() == 0
    chance = random.Random(0)
    for _ in range(3):
        process = killed.start("--resume")
        try:
            process.wait(chance.uniform(1, 6))
        except subprocess.TimeoutExpired:
            kill(process)
        assert killed.broken() == []
    assert killed.start("--resume").wait() == 0
    assert killed.strays() == []
    assert killed.differs(whole) is None
