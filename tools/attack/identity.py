"""What a number depends on, changed between two commands that should notice."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack
from tools.attack.changes import CHANGES, DATA, MODEL, NET, OPTIONS, WORDS, Change, configure
from tools.attack.command import Done, program, run
from tools.attack.their_plugin import install, installed
from tools.attack.traces import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


AREA = "identity"


def prepare() -> None:
    """Write the model's code, what it reads, a plugin, and a configuration."""
    Path("net.py").write_text(NET)
    Path("helper.py").write_text('ACTIVATION = "ReLU"\n')
    Path("scale.json").write_text("1.0")
    install("aligners")


def first_words(change: Change) -> tuple[str, ...]:
    """Return the words of the command before the change."""
    if change.words == (*WORDS, *MODEL):
        configure(0)
        return change.words
    return (*WORDS, *MODEL, *DATA)


def killed() -> None:
    """Let this process die by SIGKILL once two pieces of its work are kept."""
    from lmctool.results import journal
    from lmctool.results.journal import Journal

    installed()
    journal.PAUSE = 0
    add, counted = Journal.add, []

    def adding(self: Journal, name: str, arrays: Callable[[], journal.Arrays]) -> None:
        add(self, name, arrays)
        counted.append(name)
        if len(counted) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.add = adding  # type: ignore[method-assign]


def _with(change: Change, *words: str) -> Done:
    """Run a command under the change."""

    def inside() -> None:
        installed()
        change.inside()

    if change.environment:
        path = {"PYTHONPATH": os.pathsep.join(("site", ".", os.environ.get("PYTHONPATH", "")))}
        return program(*words, environment={**path, **change.environment})
    return run(*words, inside=inside)


def resumed(change: Change) -> str:
    """Kill a run, make the change, and go on: it is refused, and says why."""
    prepare()
    done = run(*first_words(change), "-o", "out.h5", inside=killed)
    if done.code != -signal.SIGKILL or not list(Path("out.h5.work").glob("*.npz")):
        return f"it was not killed in its work: {done}"
    change.make()
    return _refused(change)


def whole(change: Change) -> str:
    """Finish a run, make the change, and --resume: it is not whole already."""
    prepare()
    done = run(*first_words(change), "-o", "out.h5", inside=installed)
    if done.code:
        return f"it does not run: {done.last()}"
    change.make()
    return _refused(change)


def _refused(change: Change) -> str:
    from re import search

    before = digests()
    more = ("--resume", "--require", "barrier.error <= 99%")
    done = _with(change, *change.words, "-o", "out.h5", *more)
    found = []
    if done.code != 2:
        found.append(f"exit code {done.code} in place of 2: {done.last()}")
    if not search(change.reason, done.err):
        found.append(f"nothing says {change.reason!r}: {done.last()}")
    after = digests()
    lost = [name for name, what in before.items() if after.get(name) != what and "lock" not in name]
    if lost:
        found.append(f"changed {lost}")
    return "; ".join(found)


def compared(change: Change) -> str:
    """Make two results with the change between them, and compare."""
    from re import search

    prepare()
    done = run(*first_words(change), "-o", "old.h5", inside=installed)
    change.make()
    again = _with(change, *change.words, "-o", "new.h5")
    if done.code or again.code:
        return f"it does not run: {done.last()}; {again.last()}"
    told = run("compare", "old.h5", "new.h5")
    text = told.out.replace("All values are the same", "")
    if told.code not in (0, 3) or "are the same" in text:
        return f"compare ends with {told.code} and {told.out[-200:]!r}"
    return (
        ""
        if search(change.reason, told.out)
        else f"{change.reason!r} is not in {told.out[-400:]!r}"
    )


def repeated(change: Change) -> str:
    """Make a result, make the change, and rerun: it is named."""
    from re import search

    prepare()
    done = run(*first_words(change), "-o", "old.h5", inside=installed)
    if done.code:
        return f"it does not run: {done.last()}"
    change.make()
    again = _with(change, "rerun", "old.h5", "--trust")
    if again.code not in (0, 3):
        return f"exit code {again.code} in place of 0 or 3: {again.last()}"
    told = again.out + again.err
    return "" if search(change.reason, told) else f"{change.reason!r} is not in {told[-400:]!r}"


def unchanged() -> str:
    """Kill a run and go on: the numbers of an unbroken one."""
    prepare()
    words = first_words(CHANGES["threads"])
    done = run(*words, "-o", "out.h5", inside=killed)
    whole = run(*words, "-o", "whole.h5", inside=installed)
    again = run(*words, "-o", "out.h5", "--resume", inside=installed)
    if (done.code, whole.code, again.code) != (-signal.SIGKILL, 0, 0):
        return f"it does not go on: {done.code}, {whole.code}, {again.code}: {again.last()}"
    told = run("compare", "out.h5", "whole.h5").out
    return "" if "All values are the same" in told else told


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for name, change in CHANGES.items():
        yield Attack(AREA, f"{name}, after a kill", partial(resumed, change))
        yield Attack(AREA, f"{name}, in a finished result", partial(whole, change))
        if change.told:
            yield Attack(AREA, f"{name}, compare", partial(compared, change))
        if name not in OPTIONS and name != "the processor":
            yield Attack(AREA, f"{name}, rerun", partial(repeated, change))
    yield Attack(AREA, "nothing changes after a kill", unchanged)
