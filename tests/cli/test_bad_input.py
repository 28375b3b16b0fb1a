"""Bad input: one sentence, the right exit code, and nothing half-written."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.cli.analysis import AnalysisCommand
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import invoke

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples/digits"
ENDLESS = "2000001"
"""Points that no machine is through with before it is interrupted."""
Break = Callable[[Path], list[str]]


def saved(folder: Path, name: str, **changes: torch.Tensor) -> None:
    """Save A under a name with some tensors changed, without its metadata."""
    save_file({**load_file(DIGITS / "a.safetensors"), **changes}, folder / name)


def truncated(folder: Path) -> list[str]:
    (folder / "a.safetensors").write_bytes((DIGITS / "a.safetensors").read_bytes()[:30000])
    return []


def pointer(folder: Path) -> list[str]:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (folder / "a.safetensors").write_text(text)
    return []


def page(folder: Path) -> list[str]:
    (folder / "a.safetensors").write_text("<!DOCTYPE html><html><body>404</body></html>")
    return []


def noise(folder: Path) -> list[str]:
    (folder / "a.safetensors").write_bytes(bytes(range(200, 256)) * 20)
    return []


def other_shape(folder: Path) -> list[str]:
    saved(folder, "a.safetensors", **{"layers.1.weight": torch.zeros(64, 65)})
    return []


def other_architecture(folder: Path) -> list[str]:
    save_file(
        {"conv.weight": torch.zeros(3, 3), "conv.bias": torch.zeros(3)}, folder / "a.safetensors"
    )
    return []


def unknown_model(folder: Path) -> list[str]:
    for end in "ab":
        save_file({"strange.weight": torch.ones(3, 3)}, folder / f"{end}.safetensors")
    return ["--data", "digits"]


def missing_word(folder: Path) -> list[str]:
    return ["--model", "resnet21"]


def missing_data(folder: Path) -> list[str]:
    return ["--data", "cifar10:nowhere"]


def wrong_normalisation(folder: Path) -> list[str]:
    return ["--mean", "100000", "--std", "0.0001"]


def existing(folder: Path) -> list[str]:
    (folder / "out.h5").write_text("precious")
    return []


def not_a_number(folder: Path) -> list[str]:
    bad = load_file(DIGITS / "a.safetensors")["layers.1.weight"].clone()
    bad[0, 0] = float("nan")
    saved(folder, "a.safetensors", **{"layers.1.weight": bad})
    return ["--data", "digits"]


def no_folder(folder: Path) -> list[str]:
    return ["-o", "nowhere/out.h5"]


def unwritable(folder: Path) -> list[str]:
    return ["-o", "/proc/out.h5"]  # a folder that even root cannot write to


def code_in_metadata(folder: Path) -> list[str]:
    tensors = load_file(DIGITS / "a.safetensors")
    named = {"lmctool.model": "os.path:join", "lmctool.data": "digits"}
    save_file(tensors, folder / "a.safetensors", metadata=named)
    return []


CASES: list[tuple[Break, int, str]] = [
    (truncated, 2, "truncated"),
    (pointer, 2, "git-lfs pointer"),
    (page, 2, "HTML"),
    (noise, 2, "neither a safetensors file nor one that torch.save wrote"),
    (other_shape, 2, "'layers.1.weight' has shape (64, 65)"),
    (other_architecture, 2, "different architectures"),
    (unknown_model, 2, "--model"),
    (missing_word, 2, "resnet20"),
    (missing_data, 2, "nowhere"),
    (wrong_normalisation, 4, "--mean, --std"),
    (existing, 2, "--force"),
    (not_a_number, 4, "NaN"),
    (no_folder, 2, "nowhere"),
    (unwritable, 2, "/proc"),
    (code_in_metadata, 2, "--model"),
]


@pytest.mark.parametrize(
    ("break_it", "code", "words"), CASES, ids=lambda c: getattr(c, "__name__", "")
)
def test_bad_input_is_told_in_one_sentence(
    break_it: Break, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for end in "ab":
        shutil.copy(DIGITS / f"{end}.safetensors", tmp_path)
    extra = break_it(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.chdir(tmp_path)
    output = [] if "-o" in extra else ["-o", "out.h5"]
    done = invoke(
        "barrier", "a.safetensors", "b.safetensors", *output, "--align", "--quiet", *extra
    )
    assert done.exit_code == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert words in done.stderr and len(sentence) > 20
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def listening() -> None:
    """Let a child be interrupted, also where a shell in the background ignores it for all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_leaves_nothing_but_what_resume_goes_on_with(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lmctool", "barrier"]
    ends = [str(DIGITS / "a.safetensors"), str(DIGITS / "b.safetensors")]
    with subprocess.Popen(
        [*command, *ends, "--points", ENDLESS, "-o", "out.h5"],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=listening,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:  # until the run has begun with what never ends
            if line.startswith("ends: 2 done"):
                break
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait() == 130
    assert "Traceback" not in told
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept <= {"out.h5.work"}
    assert bool(kept) == ("--resume goes on" in told)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_has_to_be_finite(value: str, tmp_path: Path) -> None:
    tried = set()
    for name in registry.names(ANALYSES):
        command = AnalysisCommand(name, registry.load(ANALYSES, name))
        for option in command.params:
            if isinstance(option.type, click.types.FloatParamType):
                tried.add(flag := max(option.opts, key=len))
                done = invoke(name, *["x"] * 2, f"{flag}={value}", "-o", tmp_path / "out.h5")
                assert done.exit_code == 2, done.output
                assert f"Invalid value for '{flag}'" in done.stderr
    assert {"--alpha", "--connected", "--rise"} <= tried
    done = invoke("rerun", "x.h5", f"--tolerance={value}")
    assert (done.exit_code, "finite" in done.stderr or "range" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
