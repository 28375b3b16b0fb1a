"""The table of exit codes, a row at a time, through the program as a shell starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.testing import invoke, tiny_pair

DIGITS = Path(__file__).parents[2] / "examples/digits"
ENDS = ("a.safetensors", "b.safetensors")
FEW = ("--points", "3", "--limit", "60", "--quiet")
BARRIER = ("barrier", *ENDS, *FEW)
BROKEN = '''
"""Divide by the number of what was measured, which is nothing."""
from lmctool.api import Analysis, hookimpl

def compute(run):
    return 1 / len([])

@hookimpl
def lmctool_analysis():
    """Add lmctool broken."""
    return Analysis(compute, needs=frozenset())
'''
SPEC = """\
version = 1
mode = "replace"
[groups]
first = 64
[tensors]
"layers.0.weight" = "first, _"
"layers.0.bias" = "first"
"""
"""Moves what a layer writes, and not what the next one reads."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with two networks that were trained on the embedded digits."""
    for end in ENDS:
        shutil.copy(DIGITS / end, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def install(site: Path, group: str, name: str, source: str) -> None:
    """Put a module of a plugin and the record of its installation into a folder."""
    record = site / f"{name}-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}_plugin\n")
    (site / f"{name}_plugin.py").write_text(source)


def lmctool(*words: str, site: str = "", process: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the program in the current folder, for one code each as a process of its own."""
    if not site and not process:
        done = invoke(*words)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": site}
    command = [sys.executable, "-m", "lmctool", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def left() -> set[str]:
    """Return what a run left in the current folder."""
    return {path.name for path in Path().iterdir()} - {*ENDS, "site", "inputs"}


def refused(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """Check that a run ended with a code and one sentence, and left nothing."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert words in sentence
    assert left() == set()


def test_0_is_done() -> None:
    done = lmctool(*BARRIER, process=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert left() == {"barrier.h5", "barrier.png"}


def test_0_is_every_gate_passed() -> None:
    done = lmctool(
        *BARRIER, "--require", "barrier.error <= 99%", "--fail-if", "barrier.error > 99%"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("passed ") == 2
    assert done.stdout.endswith("\n2 of 2 gates passed\n")


def test_1_is_a_bug_with_its_traceback(folder: Path) -> None:
    install(folder / "site", "lmctool.analyses", "broken", BROKEN)
    done = lmctool("broken", *ENDS, site=str(folder / "site"))
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "while analysis 'broken' of broken was computing" in done.stderr
    assert done.stderr.endswith(
        "Error: this is a bug, in lmctool or in a plugin; please report it\n"
    )
    assert left() == set()


def test_2_is_a_word_that_nobody_knows() -> None:
    refused(lmctool("barier", *ENDS, process=True), 2, "did you mean 'barrier'")


def test_2_is_an_option_that_nobody_knows() -> None:
    refused(lmctool("barrier", *ENDS, "--sideways"), 2, "--sideways")


def test_2_is_a_condition_that_says_nothing() -> None:
    refused(lmctool(*BARRIER, "--require", "barrier.error is small"), 2, "is no condition")


def test_2_is_a_configuration_with_an_unknown_key(folder: Path) -> None:
    (folder / "inputs").mkdir()
    (folder / "inputs/lmctool.toml").write_text("[data]\nspek = 'digits'\n")
    os.chdir(folder / "inputs")
    done = lmctool("barrier", "../a.safetensors", "../b.safetensors")
    os.chdir(folder)
    refused(done, 2, "unknown key 'spek'")


def test_2_is_a_checkpoint_that_cannot_be_read(folder: Path) -> None:
    whole = (folder / "a.safetensors").read_bytes()
    (folder / "a.safetensors").write_bytes(whole[:9000])
    refused(lmctool(*BARRIER), 2, "is truncated")


def test_2_is_a_result_that_cannot_be_read(folder: Path) -> None:
    (folder / "inputs").mkdir()
    (folder / "inputs/x.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(900))
    refused(lmctool("metrics", "inputs/x.h5"), 2, "is damaged or cut short")


def test_2_is_an_output_that_exists(folder: Path) -> None:
    (folder / "barrier.h5").write_text("precious")
    done = lmctool(*BARRIER)
    assert (folder / "barrier.h5").read_text() == "precious"
    (folder / "barrier.h5").unlink()
    refused(done, 2, "output 'barrier.h5' exists")


def test_3_is_a_gate_that_failed() -> None:
    conditions = ("--require", "barrier.error <= -1", "--require", "barrier.error <= 99%")
    done = lmctool(*BARRIER, *conditions, process=True)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "failed" in done.stdout and "passed" in done.stdout
    assert left() == {"barrier.h5", "barrier.png"}


def test_3_is_a_gate_of_a_policy_that_failed(folder: Path) -> None:
    assert lmctool(*BARRIER, "-o", "site.h5").returncode == 0
    (folder / "policy.toml").write_text('[[gate]]\nrequire = "barrier.loss <= -1"\n')
    done = lmctool("audit", "--policy", "policy.toml", "site.h5")
    assert (done.returncode, done.stderr) == (3, "")
    assert "failed" in done.stdout


def test_2_is_a_metric_that_no_such_run_gives() -> None:
    done = lmctool(*BARRIER, "--require", "barrier.eror <= 1")
    refused(done, 2, "barrier has no metric 'barrier.eror'; did you mean 'barrier.error'?")


def test_4_is_a_metric_that_was_not_measured() -> None:
    done = lmctool(*BARRIER, "--require", "barrier.error.upper95 <= 2%")
    assert done.returncode == 4
    assert "no metric barrier.error.upper95; did you mean barrier.error?" in done.stdout
    assert left() == {"barrier.h5", "barrier.png"}


def test_4_is_a_selection_that_nothing_is_in() -> None:
    done = lmctool(*BARRIER, "--require", "barrier.error[variant=align] <= 2%")
    assert done.returncode == 4
    assert "no value of barrier.error is at variant=align" in done.stdout


def test_4_is_no_number_in_a_checkpoint(folder: Path) -> None:
    tensors = load_file(folder / "a.safetensors")
    tensors["layers.1.weight"][0, 0] = torch.nan
    save_file(tensors, folder / "a.safetensors", {"lmctool.data": "digits"})
    refused(lmctool(*BARRIER, process=True), 4, "NaN")


def test_4_is_two_networks_that_only_guess(folder: Path) -> None:
    tiny_pair(folder)
    refused(lmctool(*BARRIER), 4, "chance")


def test_4_is_a_permutation_that_changes_the_network(folder: Path) -> None:
    (folder / "inputs").mkdir()
    (folder / "inputs/spec.toml").write_text(SPEC)
    done = lmctool(*BARRIER, "--align", "weight", "--spec", "inputs/spec.toml")
    refused(done, 4, "the permutation changes the network")


def test_4_beats_3() -> None:
    done = lmctool(
        *BARRIER, "--require", "barrier.error <= -1", "--require", "barrier.parts.loss <= 1"
    )
    assert done.returncode == 4
    assert "failed" in done.stdout and "unjudged" in done.stdout


@pytest.mark.parametrize(
    ("sent", "code", "word"),
    [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")],
    ids=["SIGINT", "SIGTERM"],
)
def test_130_is_interrupted_and_143_is_terminated(
    sent: signal.Signals, code: int, word: str
) -> None:
    words = ("barrier", *ENDS, "--points", "2000001")  # endless on any machine
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "lmctool", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=listening,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("ends: 2 done"):  # the run is in its longest part now
                break
        process.send_signal(sent)
        told = process.stderr.read()
        assert process.wait() == code
    assert f"{word}; " in told
    assert "Traceback" not in told
    assert not any(name.endswith((".h5", ".png")) or name.startswith(".lmctool") for name in left())


def listening() -> None:
    """Let a child be interrupted, also where a shell in the background ignores it for all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    "told", [("audit", "--policy", "policy.toml"), ("compare",), ("metrics",), ("report",)],
    ids=lambda words: words[0],
)  # fmt: skip
def test_nothing_measured_is_never_done(told: tuple[str, ...], folder: Path) -> None:
    (folder / "policy.toml").write_text('[[gate]]\nrequire = "barrier.loss <= 1"\n')
    done = lmctool(*told)
    assert done.returncode == 2, done.stdout
    assert "Missing argument" in done.stderr
