"""What a number depends on, changed between two commands that should notice."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack
from tools.attack.command import Done, nothing, program, run
from tools.attack.inputs import write_data
from tools.attack.traces import digests
from tools.attack.user_code import install, installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

AREA = "identity"
NET = """
import json
from pathlib import Path
from torch import nn
from helper import ACTIVATION

def make():
    scale = json.loads(Path("scale.json").read_text())
    class Scaled(nn.Linear):
        def forward(self, x):
            return super().forward(x.flatten(1) * scale)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = Scaled(64, 16), nn.Linear(16, 10)
            self.act = getattr(nn, ACTIVATION)()
        def forward(self, x):
            return self.last(self.act(self.first(x)))
    return Net()
"""
WORDS = (
    *("barrier", "mine_a.safetensors", "mine_b.safetensors", "--points", "5", "--allow-chance"),
    *("--align", "theirs", "--spec", "spec.toml", "--split", "test", "-q"),
)
MODEL, DATA = ("--model", "./net.py:make"), ("--data", "arrays:data.npz")


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        make: makes it in the folder.
        reason: what says so in ``--resume``, ``compare`` and ``rerun``, as an expression.
        inside: makes it in the process of a command.
        environment: makes it by variables; then the commands are programs of their own.
        words: the words of the command from then on.
        told: whether ``compare`` and ``rerun`` are to notice it.
    """

    make: Callable[[], object]
    reason: str
    inside: Callable[[], object] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = (*WORDS, *MODEL, *DATA)
    told: bool = True


def edited(path: str, old: str, new: str) -> Callable[[], None]:
    """Return what replaces a text in a file."""

    def edit() -> None:
        text = Path(path).read_text()
        if old not in text:
            raise ValueError(f"{path} has no {old!r}")
        Path(path).write_text(text.replace(old, new))

    return edit


def _labels() -> None:
    import numpy as np

    held = dict(np.load("data.npz"))
    held["y_test"] = held["y_test"][::-1].copy()
    np.savez("data.npz", **held)


def _one_pixel() -> None:
    import numpy as np

    held = dict(np.load("data.npz"))
    held["x_test"].flat[7] += 2**-10
    np.savez("data.npz", **held)


def _order() -> None:
    import numpy as np

    held = dict(np.load("data.npz"))
    np.savez("data.npz", **{name: array[::-1].copy() for name, array in held.items()})


def _weight(path: str) -> None:
    from safetensors.torch import load_file, save_file

    held = load_file(path)
    held["first.bias"][0] += 2**-12
    save_file(held, path)


def _version(name: str) -> None:
    info = Path(f"site/{name}-99.0.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n")


def _newer_plugin() -> None:
    info = Path("site/theirs-1.0.dist-info").rename("site/theirs-2.0.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 2.0\n")


def _threads() -> None:
    import torch

    torch.set_num_threads(2)


def _other_linear() -> None:
    import torch

    forward = torch.nn.Linear.forward

    def other(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return forward(self, x) * (1 + 2**-20)

    torch.nn.Linear.forward = other  # type: ignore[method-assign]


def _toml(seed: int) -> None:
    write_data(f"data{seed}.npz", seed)
    Path("lmctool.toml").write_text(f'[data]\nspec = "arrays:data{seed}.npz"\n')


def _options(*more: str) -> tuple[str, ...]:
    return (*WORDS, *MODEL, *DATA, *more)


CODE = r"source of {}|code\.{}"
CHANGES = {
    "other data": Change(
        partial(write_data, "data.npz", 1), "split.test.digest|content of the data"
    ),
    "other labels": Change(_labels, "split.test.digest|content of the data"),
    "one pixel": Change(_one_pixel, "split.test.digest|content of the data"),
    "another order": Change(_order, "split.test.digest|content of the data"),
    "the model's code": Change(
        edited("net.py", "* scale", "* scale * 2"), CODE.format(*["net.py"] * 2)
    ),
    "a comment in it": Change(
        edited("net.py", "def make", "# x\ndef make"), CODE.format(*["net.py"] * 2)
    ),
    "an imported module": Change(
        edited("helper.py", "ReLU", "GELU"), CODE.format("helper", "helper")
    ),
    "a file that it reads": Change(
        edited("scale.json", "1.0", "2.0"), "makes another network|model.graph"
    ),
    "a plugin's code": Change(
        edited("site/theirs.py", "'weight'", "'activation'"), CODE.format("theirs", "theirs")
    ),
    "a plugin's version": Change(_newer_plugin, "plugins.theirs"),
    "a library's version": Change(partial(_version, "numpy"), "versions.numpy"),
    "threads": Change(nothing, "threads", _threads),
    "the first checkpoint": Change(partial(_weight, "mine_a.safetensors"), "checkpoint.0.digest"),
    "the second checkpoint": Change(partial(_weight, "mine_b.safetensors"), "checkpoint.1.digest"),
    "a permutation spec": Change(
        edited("spec.toml", "[tensors]", "[tensors]\n[rules]\nfix = ['last.*']"), "spec"
    ),
    "kernels that round otherwise": Change(
        nothing, "first examples|probe|other", _other_linear, told=False
    ),
    "lmctool.toml": Change(
        partial(_toml, 1), "split.test.digest|content of the data|data", words=(*WORDS, *MODEL)
    ),
    "the processor": Change(
        nothing, r"platform\.cpu", environment={"ATEN_CPU_CAPABILITY": "default"}
    ),
    "--seed": Change(nothing, "seed|command", words=_options("--seed", "1")),
    "--dtype": Change(nothing, "dtype|command", words=_options("--dtype", "float64")),
    "--points": Change(nothing, "points|command", words=_options("--points", "7")),
    "--limit": Change(nothing, "limit|content|digest|command", words=_options("--limit", "30")),
    "--aligner": Change(nothing, "align|command", words=_options("--align", "random")),
    "--batchnorm": Change(nothing, "batchnorm|command", words=_options("--batchnorm", "a")),
    "--definition": Change(
        nothing, "definition|command", words=_options("--definition", "max-end")
    ),
    "--mean": Change(
        nothing, "preprocessing|mean|command", words=_options("--mean", "0.1", "--std", "1")
    ),
}
OPTIONS = [name for name in CHANGES if name.startswith("--")]


def prepare() -> None:
    """Write the model's code, what it reads, a plugin, and a configuration."""
    Path("net.py").write_text(NET)
    Path("helper.py").write_text('ACTIVATION = "ReLU"\n')
    Path("scale.json").write_text("1.0")
    install("aligners")


def first_words(change: Change) -> tuple[str, ...]:
    """Return the words of the command before the change."""
    if change.words == (*WORDS, *MODEL):
        _toml(0)
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
        path = {"PYTHONPATH": os.pathsep.join(("site", "."))}
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


def spoiled(what: str) -> str:
    """Kill a run, damage what it kept, and go on: the numbers of an unbroken one, or refused."""
    prepare()
    words = first_words(CHANGES["threads"])
    run(*words, "-o", "out.h5", inside=killed)
    whole = run(*words, "-o", "whole.h5", inside=installed)
    entries = sorted(Path("out.h5.work").glob("*.npz"))
    {
        "an entry is cut": lambda: os.truncate(entries[0], 40),
        "an entry is of another": lambda: entries[0].write_bytes(entries[-1].read_bytes()),
        "an entry has a bit changed": lambda: _flip(entries[0]),
        "entries are gone": lambda: [entry.unlink() for entry in entries],
        "run.json is gone": lambda: Path("out.h5.work/run.json").unlink(),
        "run.json is empty": lambda: Path("out.h5.work/run.json").write_text(""),
        "run.json is a list": lambda: Path("out.h5.work/run.json").write_text("[]"),
        "run.json is of another run": _other_run,
        "an entry is a pickle": lambda: _pickle(entries[0]),
        "an entry is a FIFO": lambda: (entries[0].unlink(), os.mkfifo(entries[0])),
    }[what]()
    again = run(*words, "-o", "out.h5", "--resume", inside=installed)
    if whole.code or again.code not in (0, 2) or "Traceback" in again.err:
        return f"exit code {again.code}: {again.last()}"
    if Path("canary").exists():
        return "ran the code"
    if again.code == 2:
        return ""
    told = run("compare", "out.h5", "whole.h5").out
    return "" if "All values are the same" in told else told


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _other_run() -> None:
    path = Path("out.h5.work/run.json")
    document = json.loads(path.read_text())
    document = {key: "x" if isinstance(value, str) else value for key, value in document.items()}
    path.write_text(json.dumps(document))


def _pickle(path: Path) -> None:
    import numpy as np

    from tools.attack.formats import Payload

    np.savez(path, loss=np.array([Payload()], dtype=object), allow_pickle=True)


SPOILED = (
    "an entry is cut", "an entry is of another", "an entry has a bit changed", "entries are gone",
    "run.json is gone", "run.json is empty", "run.json is a list", "run.json is of another run",
    "an entry is a pickle", "an entry is a FIFO",
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for name, change in CHANGES.items():
        yield Attack(AREA, f"{name}, after a kill", partial(resumed, change))
        yield Attack(AREA, f"{name}, in a finished result", partial(whole, change))
        if change.told:
            yield Attack(AREA, f"{name}, compare", partial(compared, change))
        if name not in OPTIONS and not (name == "the processor"):
            yield Attack(AREA, f"{name}, rerun", partial(repeated, change))
    yield Attack(AREA, "nothing changes after a kill", unchanged)
    for what in SPOILED:
        yield Attack(AREA, f"after a kill, {what}", partial(spoiled, what))


__all__ = ["AREA", "attacks"]
