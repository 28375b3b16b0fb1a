"""A campaign: many mutants of one target, each read in a process that may hang or die."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import matplotlib.figure
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

import lmctool.run.run  # noqa: F401  what all mutants share is imported before the first fork
from tools.fuzz import checkpoints, data, forms, images, results, texts
from tools.fuzz.figures import Figures
from tools.fuzz.outcome import DOCUMENTED, Outcome, forget, held_most, tried
from tools.fuzz.target import MODULE

if TYPE_CHECKING:
    from tools.fuzz.target import Target

TARGETS = {
    target.name: target
    for room in (checkpoints, data, forms, images, results, texts)
    for target in room.TARGETS
}
SHIFT = 500
"""Mutants that one process reads, before memory is measured anew."""


def read(name: str, mutants: int, seed: int) -> Figures:
    """Run the campaign of one target in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        return campaign(TARGETS[name], range(mutants), seed, Path(place).resolve())


def campaign(target: Target, numbers: range, seed: int, place: Path) -> Figures:
    """Read mutants of a target.

    Args:
        target: what is spoiled.
        numbers: which mutants; the same number and seed give the same mutant.
        seed: of all of them.
        place: an empty folder to work in.
    """
    sound = place / "sound"
    sound.mkdir()
    target.prepare(sound)
    (sound / "canary.py").write_text(MODULE)
    figures = Figures(target.name)
    left = numbers
    while left:
        left = left[_shift(target, left[:SHIFT], seed, place, figures) :]
    return figures


def mutant(target: Target, number: int, seed: int, place: Path) -> tuple[Path, list[str]]:
    """Write one mutant, and return its folder and the command that is to read it."""
    rng = Random(f"{seed}:{target.name}:{number}")
    folder = place / "mutant"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place / "sound", folder)
    target.spoil(folder, rng)
    return folder, list(rng.choice(target.commands))


def _shift(target: Target, numbers: range, seed: int, place: Path, figures: Figures) -> int:
    """Read mutants in one process for as long as it lives; return how many were read."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside idle threads
        child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as told:
            _work(target, numbers, seed, place, told)
    os.close(writing)
    done = 0
    with os.fdopen(reading) as lines:
        for line in lines:
            command, outcome = json.loads(line)
            figures.add(numbers[done], command, Outcome(**outcome))
            done += 1
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"the campaign on {target.name!r} failed; what it says is above")
    if done < len(numbers):
        figures.lose(numbers[done], status)
        done += 1
    return done


def _work(target: Target, numbers: range, seed: int, place: Path, told: TextIO) -> NoReturn:
    try:
        _settle(place)
        for command in target.commands:  # what is imported late is no mutant's memory
            shutil.rmtree(place / "mutant", ignore_errors=True)
            shutil.copytree(place / "sound", place / "mutant")
            os.chdir(place / "mutant")
            outcome = tried(command, place / "mutant", held_most())
            if outcome.code not in DOCUMENTED - {2}:
                raise RuntimeError(f"{command} fails on sound files: {outcome}")
        memory = held_most()
        for number in numbers:
            folder, command = mutant(target, number, seed, place)
            os.chdir(folder)
            line = json.dumps([" ".join(command), asdict(tried(command, folder, memory))])
            told.write(f"{line}\n")
            told.flush()
    except BaseException as error:
        sys.__stdout__ and print(repr(error), file=sys.__stdout__, flush=True)
        os._exit(1)
    os._exit(0)


def _settle(place: Path) -> None:
    """Make this process one that reads mutants: silent, without pixels to draw."""
    torch.set_num_threads(1)
    forget()
    warnings.resetwarnings()
    os.environ.pop("GITHUB_ACTIONS", None)
    sys.path.insert(0, str(place / "sound"))  # where a payload's module could be imported from

    def drawn(_: Any, file: Any, **__: Any) -> None:
        if isinstance(file, str | os.PathLike):
            Path(file).write_bytes(b"figure")
        else:
            file.write(b"figure")

    matplotlib.figure.Figure.savefig = drawn  # type: ignore[method-assign, assignment]
    FigureCanvasAgg.print_png = drawn  # type: ignore[method-assign, assignment]
