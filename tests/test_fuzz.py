"""A short campaign on every format, and that a campaign finds what there is to find."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest

from tools.fuzz import outcome
from tools.fuzz.campaign import TARGETS, campaign, mutant
from tools.fuzz.target import CANARY, Target

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = 16
FEWER = {
    "archive of CIFAR": 5,
    "npy": 5,
    "tensors of PyTorch": 5,
    "CSV": 5,
    "HDF5 data": 8,
    "HDF5 result": 4,
    "policy": 8,
    "condition": 8,
    "permutation spec": 1,
}
"""Mutants of those formats that take longer."""
SEED = 2026


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge no mutant by what reading it costs, which a campaign of ``make fuzz`` does."""
    for limit in ("LONGEST", "HANGING", "PATIENCE"):
        monkeypatch.setattr(outcome, limit, 600)
    monkeypatch.setattr(outcome, "MOST_MEMORY", 1 << 40)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("name", TARGETS)
def test_mutants_are_read_or_refused(name: str, tmp_path: Path) -> None:
    count = FEWER.get(name, SHORT)
    figures = campaign(TARGETS[name], range(count), SEED, tmp_path)
    assert figures.faults == []
    assert figures.mutants == count
    assert figures.codes[2] > 0  # else the changes were too mild to try anything


def test_a_mutant_is_known_by_its_number(tmp_path: Path) -> None:
    target = TARGETS["condition"]
    (tmp_path / "sound").mkdir()
    target.prepare(tmp_path / "sound")
    texts = [
        (mutant(target, number, SEED, tmp_path)[0] / "policy.toml").read_bytes()
        for number in (3, 4, 3)
    ]
    assert texts[0] == texts[2] != texts[1]


def fail() -> None:
    click.echo("Traceback (most recent call last):\n  File x\nKeyError: 'y'", err=True)
    raise SystemExit(1)


def say_nothing() -> None:
    raise SystemExit(2)


def write_over() -> None:
    Path("input").write_text("changed")


def write_beside() -> None:
    Path("beside").touch()


def execute() -> None:
    Path(CANARY).touch()


def demand() -> None:
    bytearray(b"x") * (80 << 20)


def hang() -> None:
    while True:
        pass


def crash() -> None:
    import ctypes

    ctypes.string_at(0)


def dawdle() -> None:
    start = time.process_time()
    while time.process_time() - start < 0.3:
        pass


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (fail, "exit code 1: \"KeyError: 'y'\""),
        (say_nothing, "no sentence"),
        (write_over, "changed 'input'"),
        (write_beside, "left 'beside'"),
        (execute, "executed what the file says"),
        (demand, " MiB"),
        (hang, "hung"),
        (crash, "died of SIGSEGV"),
        (dawdle, " s"),
    ],
)
def test_a_campaign_finds(
    read: Callable[[], None], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def main(words: list[str]) -> None:
        if Path("input").read_text() == "spoiled":
            read()

    monkeypatch.setattr("lmctool.cli.main", SimpleNamespace(main=main))
    # each limit is one that only the case it is for can reach, on whatever machine
    monkeypatch.setattr(outcome, "LONGEST", 0.2 if read is dawdle else 600.0)
    monkeypatch.setattr(outcome, "HANGING", 1.0 if read is hang else 600.0)
    monkeypatch.setattr(outcome, "MOST_MEMORY", (40 << 20) if read is demand else (1 << 50))
    target = Target(
        "planted",
        lambda folder: (folder / "input").write_text("sound"),
        lambda folder, _: (folder / "input").write_text("spoiled"),
        [["read", "input"]],
    )
    figures = campaign(target, range(1), SEED, tmp_path)
    assert figures.mutants == 1
    assert len(figures.faults) == 1
    assert found in figures.faults[0]
