"""A training run as a series: its checkpoints in the order of their steps."""

from __future__ import annotations

import glob
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.diagnosis import is_distributed, other_folder
from lmctool.checkpoint.location import is_index, locate, may_hold, stem_of
from lmctool.checkpoint.training import count_of, training_of
from lmctool.errors import LmctoolError, NoStateDictError
from lmctool.plugin.settings import AS_STORED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.plugin.settings import Naming

COUNTS = {
    "step": r"steps?|iterations?|iters?|it|checkpoints?|ckpt",
    "epoch": r"epochs?|ep",
}
"""The words that a number in a name may follow, by what it counts."""
NUMBER = "number"
"""The count of a number in a name that follows none of these words."""
PATTERN = re.compile(r"[*?\[]")


def find_series(path: Path, naming: Naming = AS_STORED) -> tuple[tuple[int, Path], ...]:
    """Find the checkpoints of a training run, each with its step.

    They are the files of safetensors and of PyTorch, the indices of shards and the folders of
    either that are in a folder, or that a pattern such as ``runs/a-*`` matches; what else is there
    is passed over, optimizers too.  A step is the ``step`` of a file's metadata
    (``lmctool.training``) or what a PyTorch file counts beside its state dict, else the last number
    in its name that follows a word such as ``step``, ``iter``, ``checkpoint`` or ``epoch``.  Only
    where no checkpoint has any of these, it is the last number in the name.  Of two with the
    same step and the same tensors one is taken.

    Args:
        path: the folder, or the pattern.
        naming: which tensors of each checkpoint count, and what they are called.

    Returns:
        (step, path) of each checkpoint, by rising step.

    Raises:
        LmctoolError: there are none, one is unreadable or has no step, one run has steps of
            some and epochs of others, or two checkpoints of one step differ.
    """
    return counted_series(path, naming)[1]


def counted_series(
    path: Path, naming: Naming = AS_STORED
) -> tuple[str, tuple[tuple[int, Path], ...]]:
    """Find the same, and what is counted: ``step``, ``epoch``, or ``number`` if no word tells.

    Raises:
        LmctoolError: as ``find_series``.
    """
    opened = partial(open_checkpoint, naming=naming)
    numbers: dict[Path, dict[str, int]] = {}
    for each in checkpoints_in(path):
        try:
            numbers[each] = counts_of(each, opened(each).metadata)
        except NoStateDictError:  # an optimizer's, such as lie beside those of a run
            continue
    if not numbers:
        raise nothing_in(path, "run")
    count, steps = _steps(path, numbers)
    counted: dict[int, Path] = {}
    for each, step in sorted(steps.items(), key=lambda item: (item[1], item[0])):
        other = counted.setdefault(step, each)
        if other != each and opened(other).digest != opened(each).digest:
            raise LmctoolError(
                f"run '{path}' has two different checkpoints of step {step}, '{other.name}' and"
                f" '{each.name}'; choose those of one run by a pattern in quotes, such as"
                f" '{each.parent}/NAME-*'"
            )
    return count, tuple(counted.items())


def checkpoints_in(path: Path, noun: str = "run", due: str = "a run over steps is") -> list[Path]:
    """Return what may be a checkpoint in a folder, or of what a pattern matches, by names alone.

    Args:
        path: the folder, or the pattern.
        noun: what it is called where there is nothing.
        due: what is due where a single file was named.

    Raises:
        LmctoolError: there is nothing, or a single file was named.
    """
    if path.is_dir():
        entries = _inside(path)
    elif path.exists():
        raise LmctoolError(
            f"'{path}' is one checkpoint, but {due} due: name the folder of its checkpoints, or a"
            f" pattern in quotes, such as '{path.with_suffix('')}-*'"
        )
    elif PATTERN.search(str(path)):
        entries = [Path(name) for name in sorted(glob.glob(str(path)))]  # noqa: PTH207
    else:
        raise LmctoolError(
            f"{noun} '{path}' does not exist; name the folder of its checkpoints, or a pattern in"
            " quotes"
        )
    candidates = [entry for entry in entries if not entry.name.startswith(".") and _may_be(entry)]
    shards = {file for index in candidates if is_index(index) for file in locate(index).files}
    if not candidates:
        raise nothing_in(path, noun, entries)
    return [entry for entry in candidates if entry not in shards]


def _may_be(entry: Path) -> bool:
    """Tell whether a file or a folder is like a checkpoint, by names alone."""
    if entry.is_dir():
        return any(may_hold(inside.name) for inside in _inside(entry))
    return may_hold(entry.name)


def nothing_in(path: Path, noun: str, entries: Sequence[Path] = ()) -> LmctoolError:
    """Return the error on a run or a fork without checkpoints, unless they are distributed ones."""
    for folder in (path, *entries):
        names = {inside.name for inside in _inside(folder)} if folder.is_dir() else set()
        if is_distributed(names):
            return LmctoolError(other_folder(folder, names))
    return LmctoolError(
        f"{noun} '{path}' has no checkpoint: no file of safetensors or PyTorch with weights, and no"
        " folder that holds one"
    )


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as cause:
        raise LmctoolError(f"folder '{folder}' cannot be read: {cause.strerror}") from cause


def counts_of(path: Path, metadata: Mapping[str, str]) -> dict[str, int]:
    """Return the numbers in a checkpoint's name and metadata, by what they count."""
    name = path.name if path.is_dir() else stem_of(path.name)
    patterns = {count: counted_by(words) for count, words in COUNTS.items()}
    numbers = {
        count: re.findall(pattern, name)
        for count, pattern in {**patterns, NUMBER: r"[0-9]{1,15}"}.items()
    }
    last = {count: int(texts[-1]) for count, texts in numbers.items() if texts}
    return {**last, **_counted(metadata)}


def counted_by(words: str) -> str:
    """Return the pattern of a number, its group, that follows one of some words in a name."""
    return rf"(?i)(?<![a-z])(?:{words})[-_=. ]?([0-9]{{1,15}})(?![0-9])"


def _counted(metadata: Mapping[str, str]) -> dict[str, int]:
    """Return what a checkpoint's metadata counts: its step and its epoch, if it tells them."""
    training = training_of(metadata)
    counts = {count: count_of(training, count) for count in COUNTS}
    return {count: number for count, number in counts.items() if number is not None}


def _steps(path: Path, numbers: Mapping[Path, Mapping[str, int]]) -> tuple[str, dict[Path, int]]:
    """Return the first thing that all checkpoints count, and how much of it each does.

    Raises:
        LmctoolError: there is no such thing.
    """
    counts = [count for count in COUNTS if any(count in each for each in numbers.values())]
    for count in counts or [NUMBER]:
        if all(count in each for each in numbers.values()):
            return count, {file: each[count] for file, each in numbers.items()}
    if len(counts) > 1 and all(any(c in each for c in counts) for each in numbers.values()):
        raise LmctoolError(
            f"run '{path}' tells steps of some checkpoints and epochs of others; choose those of"
            " one kind by a pattern in quotes"
        )
    lacking = next(file for file, each in numbers.items() if not any(c in each for c in counts))
    raise LmctoolError(
        f"checkpoint '{lacking}' tells no step, neither in its metadata nor in its name; give it a"
        " name that does, such as 'NAME-step1000.safetensors', or choose the others by a pattern"
        " in quotes"
    )
