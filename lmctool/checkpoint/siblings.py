"""The siblings of a fork: copies of one network, each of which was trained to the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.location import stem_of
from lmctool.checkpoint.series import (
    COUNTS,
    PATTERN,
    checkpoints_in,
    counted_by,
    counts_of,
    nothing_in,
)
from lmctool.checkpoint.training import count_of, training_of
from lmctool.errors import LmctoolError, NoStateDictError
from lmctool.plugin.settings import AS_STORED
from lmctool.results.digest_text import algorithm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lmctool.checkpoint import Checkpoint
    from lmctool.plugin.settings import Naming

    Steps = tuple[tuple[int, Path], ...]

FORK_WORDS = r"forks?|forked[-_]?at|k"
"""The words that the step of a fork may follow in the name of its folder."""


@dataclass(frozen=True, slots=True)
class Member:
    """A checkpoint that may be a sibling.

    Attributes:
        path: where it is.
        checkpoint: it, opened.
        training: what it tells of its training, but for how far that went.
        fork: the step that its training was forked at, if it tells that.
        parent: the digest of the network that it was forked from, if it tells that.
        reached: how far its training went, by step or else by epoch; None where nothing tells.
    """

    path: Path
    checkpoint: Checkpoint
    training: dict[str, Any]
    fork: int | None
    parent: str | None
    reached: int | None

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Member:
        """Return what an opened checkpoint tells."""
        training = training_of(checkpoint.metadata)
        counts = counts_of(checkpoint.path, checkpoint.metadata)
        parent = training.get("init")
        return cls(
            checkpoint.path,
            checkpoint,
            {name: value for name, value in training.items() if name not in COUNTS},
            count_of(training, "fork"),
            parent if isinstance(parent, str) else None,
            next((counts[count] for count in COUNTS if count in counts), None),
        )

    @property
    def digest(self) -> str:
        """The digest of its tensors."""
        return self.checkpoint.digest

    @property
    def run(self) -> tuple[Path, str]:
        """What names the training that it is a step of: its place, and its name without numbers."""
        name = self.path.name if self.path.is_dir() else stem_of(self.path.name)
        for words in COUNTS.values():
            name = re.sub(counted_by(words), "", name)
        return self.path.parent, re.sub(r"[-_=. ]+", "-", name).strip("-")


def find_siblings(path: Path, naming: Naming = AS_STORED) -> tuple[Steps, tuple[str, ...]]:
    """Find the siblings of a fork, and the step at which they were forked from one network.

    They are the checkpoints in a folder, or of what a pattern such as ``fork500/*.pt`` matches.  Of
    one training the last checkpoint counts; other steps of it are passed over, and so are the
    network that the others were forked from, those that tell no parent where others do, and
    optimizers.  The step is ``fork`` of a file's metadata (``lmctool.training``), else the last
    number in the folder's name that follows ``fork`` or ``k``, or ``step`` and the like; else the
    last number in that name.

    Args:
        path: the folder, or the pattern.
        naming: which tensors of each checkpoint count, and what they are called.

    Returns:
        (step, path) of each sibling, by name, and what was passed over, in a sentence each.

    Raises:
        LmctoolError: there are fewer than two, one is unreadable, they were forked from different
            networks or at different steps, trained to different steps, or nothing tells the step.
    """
    opened = partial(open_checkpoint, naming=naming)
    members: list[Member] = []
    for each in checkpoints_in(path, "fork", "the siblings of a fork are"):
        try:
            members.append(Member.of(opened(each)))
        except NoStateDictError:  # an optimizer's, such as lie beside those of a run
            continue
    if not members:
        raise nothing_in(path, "fork")
    passed: list[str] = []
    siblings = _last_of_each(_children(members, passed), passed)
    if len(siblings) < 2:
        only = f"one sibling, '{siblings[0].path.name}'" if siblings else "no sibling"
        rest = f"; {'; '.join(passed)}" if passed else ""
        raise LmctoolError(
            f"fork '{path}' has {only}, but a pair is two or more{rest}; put the end of each"
            " training that was forked from one network there"
        )
    step = _told_step(path, siblings)
    _check_ends(path, siblings)
    return tuple((step, each.path) for each in siblings), tuple(passed)


def _children(members: Sequence[Member], passed: list[str]) -> list[Member]:
    """Return the members without the network they were forked from, and what tells no parent."""
    parents = {each.parent for each in members if each.parent is not None}
    children = []
    for each in members:
        if any(map(each.checkpoint.has_digest, parents)):
            passed.append(f"'{each.path}' is passed over: others were forked from it")
        elif parents and each.parent is None:
            passed.append(f"'{each.path}' is passed over: it tells no parent, as others do")
        else:
            children.append(each)
    return children


def _last_of_each(members: Iterable[Member], passed: list[str]) -> list[Member]:
    """Return the last checkpoint of each training, by name.

    Of one training are those that tell the same of it and have one name but for the step, or that
    are the same network.
    """
    last: list[Member] = []
    for each in sorted(members, key=_progress, reverse=True):
        later = next((other for other in last if _same_training(each, other)), None)
        if later is None:
            last.append(each)
        else:
            what = "the same as" if each.digest == later.digest else "an earlier step of"
            passed.append(f"'{each.path}' is passed over: it is {what} '{later.path}'")
    return sorted(last, key=lambda each: str(each.path))


def _progress(member: Member) -> tuple[float, str]:
    """Return what sorts by progress; what tells no step is the end of its training."""
    return (float("inf") if member.reached is None else member.reached, str(member.path))


def _same_training(one: Member, other: Member) -> bool:
    if one.training != other.training:
        return False
    return one.run == other.run or (bool(one.training) and one.digest == other.digest)


def _told_step(path: Path, siblings: Sequence[Member]) -> int:
    """Return the step of the fork, by metadata or else by the name of the folder.

    Raises:
        LmctoolError: siblings tell different ones or different parents, or nothing tells any.
    """
    first = siblings[0]
    for each in siblings[1:]:
        if each.fork != first.fork:
            one, other = (
                f"'{own.path.name}' tells {'none' if own.fork is None else f'step {own.fork}'}"
                for own in (first, each)
            )
            raise LmctoolError(
                f"fork '{path}' has networks of different forks: {one}, {other}; choose those of"
                " one fork by a pattern in quotes"
            )
        if each.parent != first.parent and _comparable(each.parent, first.parent):
            raise LmctoolError(
                f"siblings come from one network, but of fork '{path}' '{first.path.name}' and"
                f" '{each.path.name}' were forked from different ones; choose those of one by a"
                " pattern in quotes"
            )
    step = _named_step(path) if first.fork is None else first.fork
    if step is None:
        raise LmctoolError(
            f"fork '{path}' tells no step, neither in the metadata of its checkpoints ('fork' of"
            " lmctool.training) nor in its name; give its folder a name that does, such as"
            " 'fork500'"
        )
    return step


def _comparable(one: str | None, other: str | None) -> bool:
    """Tell whether two digests are by one algorithm, or one is none."""
    return one is None or other is None or algorithm(one) == algorithm(other)


def _named_step(path: Path) -> int | None:
    """Return the step that the name of a fork's folder, or its pattern, tells."""
    parts = (path.resolve() if path.name in {"", ".."} else path).parts
    plain = list(takewhile(lambda part: not PATTERN.search(part), parts))
    folder = plain[-1] if plain else ""
    rules = [
        (counted_by(FORK_WORDS), [parts[-1], folder]),
        *((counted_by(words), [folder]) for words in COUNTS.values()),
        (r"([0-9]{1,15})", [folder]),
    ]
    for pattern, names in rules:
        for name in names:
            if numbers := re.findall(pattern, name):
                return int(numbers[-1])
    return None


def _check_ends(path: Path, siblings: Sequence[Member]) -> None:
    """Check that all were trained equally long, as far as they tell.

    Raises:
        LmctoolError: two were not.
    """
    told = [each for each in siblings if each.reached is not None]
    for each in told[1:]:
        if each.reached != told[0].reached:
            raise LmctoolError(
                f"siblings of fork '{path}' were not trained equally long: '{told[0].path.name}'"
                f" to {told[0].reached}, '{each.path.name}' to {each.reached}; finish the"
                " training, or choose the others by a pattern in quotes"
            )
