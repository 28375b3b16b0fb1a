"""A user's own code: factories and plugins that leave, fail or return something else."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, attempt, one, refused
from tools.attack.command import run
from tools.attack.inputs import mine
from tools.attack.their_plugin import GATED, MINE, PLUGIN, install, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.attack.command import Done


AREA = "code of users and plugins"
LEAVING = {
    "sys.exit(0)": "import sys; sys.exit(0)",
    "sys.exit()": "import sys; sys.exit()",
    "sys.exit(1)": "import sys; sys.exit(1)",
    "sys.exit(3)": "import sys; sys.exit(3)",
    "sys.exit('done')": "import sys; sys.exit('done')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "click's Exit(0)": "import click; raise click.exceptions.Exit(0)",
    "click's Abort": "import click; raise click.Abort",
    "GeneratorExit": "raise GeneratorExit",
    "BaseException": "raise BaseException('leave')",
}
DATA = """
import numpy as np
from lmctool.api import Dataset, Examples
IMPORT
def load():
    LOADER
    x = np.random.default_rng(0).standard_normal((40, 1, 8, 8)).astype(np.float32)
    y = np.arange(40) % 10
    RETURN
    return Examples(x, y)
def make():
    CALL
    return Dataset({"test": load, "train": load}, source="mine", classes=10)
"""
EXAMPLES = """
import os, sys
import numpy as np
import torch
X = np.random.default_rng(0).standard_normal((40, 1, 8, 8)).astype(np.float32)
Y = [n % 10 for n in range(40)]
class Data(torch.utils.data.Dataset):
    LISTED
    def __len__(self):
        LENGTH
        return 40
    def __getitem__(self, n):
        ITEM
        return X[n], Y[n]
def make():
    MADE
    return Data()
"""
"""A data set of a user's own, with places where something may be put in."""
UNSOUND = {
    "its length is more": {"length": "return 41"},
    "its length is below zero": {"length": "return -1"},
    "its length is no number": {"length": "return 'many'"},
    "its length is none": {"length": "return 0"},
    "its length fails": {"length": "raise OSError('gone')"},
    "an example leaves": {"item": "sys.exit(0)"},
    "an example ends": {"item": "raise GeneratorExit"},
    "an example stops": {"item": "raise StopIteration"},
    "an example fails later": {"item": "if n == 39: raise OSError('gone')"},
    "an example is nothing": {"item": "return None"},
    "an example is random": {"item": "return X[n] + torch.randn(1), Y[n]"},
    "a target is random": {"item": "return X[n], int(torch.randint(10, ()))"},
    "an example grows": {"item": "X[n] += 1"},
    "an example shrinks": {"item": "if n == 17: return X[n, :, :7], Y[n]"},
    "an example is no number": {"item": "if n == 17: return X[n] / 0 * 0, Y[n]"},
    "a target is another kind": {"item": "if n == 17: return X[n], 'seven'"},
    "listed targets fail": {"listed": "targets = property(lambda self: 1 / 0)"},
    "listed targets are others": {
        "listed": "targets = Y", "item": "if n == 19: return X[n], 3"
    },
    "it is its own class": {"made": "return Data"},
    "it holds itself": {"made": "return {'test': {'test': Data()}}"},
    "three of them": {"made": "return Data(), Data(), Data()"},
    "examples that come once": {"made": "return iter([(x, y) for x, y in zip(X, Y)])"},
    "a loader whose batches are mixed": {
        "made": "return torch.utils.data.DataLoader(Data(), 8, collate_fn=lambda many: ("
        "torch.randn(8, 1, 8, 8), torch.zeros(8).long()))"
    },
    "a loader that draws": {
        "made": "return torch.utils.data.DataLoader(Data(), sampler="
        "torch.utils.data.RandomSampler(Data(), replacement=True))"
    },
}  # fmt: skip
SOUND = {
    "an example moves the process": {"item": "os.nice(0); torch.set_num_threads(2)"},
    "an example draws": {"item": "torch.manual_seed(n); np.random.seed(n)"},
    "an example takes another dtype": {"item": "torch.set_default_dtype(torch.float64)"},
    "an example lets nothing be imported": {"item": "sys.path.clear()"},
    "an example takes no gradients": {"item": "torch.set_grad_enabled(bool(n % 2))"},
    "an example shares a buffer": {
        "listed": "buffer = np.zeros((1, 8, 8), np.float32)",
        "item": "self.buffer[:] = X[n]; return self.buffer, Y[n]",
    },
    "its targets are listed": {"listed": "targets = Y"},
    "it is shuffled": {
        "made": "return torch.utils.data.DataLoader(Data(), 7, shuffle=True, drop_last=True)"
    },
}
"""What changes no number."""
FORWARD = {
    "a dict with logits": "y = {'logits': y, 'hidden': h}",
    "a dict of one tensor": "y = {'out': y}",
    "a dict without tensors": "y = {'a': 1}",
    "a tuple": "y = (y, h)",
    "a list": "y = [y]",
    "a named tuple": "import collections; y = collections.namedtuple('Out', 'logits')(y)",
    "nothing": "y = None",
    "a generator": "y = (row for row in y)",
    "a text": "y = 'logits'",
    "an array": "y = y.detach().numpy()",
    "a number": "y = 1.0",
    "the mean": "y = y.mean()",
    "one row": "y = y[:1]",
    "classes": "y = y.argmax(1)",
    "an empty tensor": "y = y[:, :0]",
    "complex numbers": "y = y + 0j",
    "one class too few": "y = y[:, :9]",
    "a class itself": "y = Net",
    "a module": "y = self.last",
}
LOADED = {
    "torch tensors": "import torch; return torch.tensor(x), torch.tensor(y)",
    "lists": "return x.tolist(), y.tolist()",
    "nothing": "return None",
    "a generator": "return ((a, b) for a, b in zip(x, y))",
    "one array": "return x",
    "a text": "return 'data'",
    "targets of shape (N, 1)": "return Examples(x, y[:, None])",
    "too few targets": "return Examples(x, y[:-1])",
    "targets that are texts": "return Examples(x, y.astype(str))",
    "targets that are no numbers": "return Examples(x, y * float('nan'))",
    "negative targets": "return Examples(x, y - 5)",
    "no examples": "return Examples(x[:0], y[:0])",
    "objects": "return Examples(x.astype(object), y)",
    "inputs that are no numbers": "return Examples(x * float('nan'), y)",
    "an error": "raise OSError('no such disk')",
}
RETURNED = {
    "a text": "return 'net'",
    "nothing": "return None",
    "a state dict": "return Net().state_dict()",
    "the class": "return Net",
    "a tuple": "return Net(), None",
    "a generator": "return (n for n in [Net()])",
    "another network": "return nn.Linear(3, 3)",
    "a network on the meta device": "return Net().to('meta')",
}


def prepare(text: str, data: str = "") -> None:
    """Write the user's model, and the user's data."""
    Path("mine.py").write_text(text)
    Path("data.py").write_text(data)


def data_code(**put: str) -> str:
    """Return the code of a user's data, with statements put in."""
    text = DATA
    for place in ("IMPORT", "LOADER", "RETURN", "CALL"):
        text = text.replace(place, put.get(place.lower(), "pass"))
    return text


def examples_code(**put: str) -> str:
    """Return the code of a user's data set, with statements put in."""
    text = EXAMPLES
    for place in ("LISTED", "LENGTH", "ITEM", "MADE"):
        text = text.replace(place, put.get(place.lower(), "pass"))
    return text


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    yield from leaving()
    yield from given()
    data = (*MINE[:-2], "--data", "./data.py:make", *GATED)
    for label, statement in FORWARD.items():
        yield Attack(AREA, f"forward returns {label}", partial(same, mine(after=statement)))
    for label, statement in RETURNED.items():
        free = Rule(
            frozenset({2, 3}) if label in ("the class",) else frozenset({2}), makes=("out",)
        )
        made = partial(prepare, mine(start=statement))
        yield one(AREA, f"the factory returns {label}", (*MINE, *GATED), free, made)
    for label, statement in LOADED.items():
        taken = label in ("torch tensors", "lists", "targets of shape (N, 1)", "a generator")
        codes = {2, 3} if taken else {2, 4} if "inputs that are no" in label else {2}
        made = partial(prepare, mine(), data_code(**{"return": statement}))
        yield one(AREA, f"the loader returns {label}", data, Rule(frozenset(codes)), made)
    for label in ("a text", "nothing", "a generator"):
        made = partial(prepare, mine(), data_code(call=RETURNED[label]))
        yield one(AREA, f"the data's factory returns {label}", data, refused("data.py"), made)
    for label, text in {
        "a syntax error": "def make(:\n",
        "no such function": "x = 1\n",
        "a function that is none": "make = 3\n",
        "an error at import": "raise OSError('gone')\n",
        "a factory that needs an argument": "def make(width):\n    pass\n",
        "a module that imports itself": "import mine\nfrom mine import make\n",
        "a NUL": "\0",
    }.items():
        yield one(AREA, label, (*MINE, *GATED), refused("mine"), partial(prepare, text))


def given() -> Iterator[Attack]:
    """Yield data sets that are not what they say, and such as change the process."""
    data = (*MINE[:-2], "--data", "./data.py:make", *GATED)
    for label, put in UNSOUND.items():
        made = partial(prepare, mine(), examples_code(**put))
        yield one(AREA, f"a data set: {label}", data, refused("data.py"), made)
    for label, put in SOUND.items():
        yield Attack(AREA, f"a data set: {label}", partial(same_data, examples_code(**put)))


def same_data(text: str) -> str:
    """Run with a data set that does something else beside: the same numbers."""
    data = (*MINE[:-2], "--data", "./data.py:make")
    prepare(mine(), examples_code())
    reference = run(*data, "-o", "reference.h5")
    if reference.code:
        return f"the reference fails: {reference.last()}"
    prepare(mine(), text)
    return attempt((*data, *GATED), Rule(frozenset({0, 3}), check=other_numbers))


def other_numbers(_: Done) -> str:
    """Return whether two results differ, in words."""
    from lmctool.results.file import read
    from lmctool.results.metrics import listed

    one_, other = (listed(read(Path(name))) for name in ("reference.h5", "out.h5"))
    return "" if one_ == other else "other numbers"


def leaving() -> Iterator[Attack]:
    """Yield code that leaves: the command must neither end in 0 nor in another's code."""
    data = (*MINE[:-2], "--data", "./data.py:make", *GATED)
    for label, leave in LEAVING.items():
        also = (130,) if label in ("KeyboardInterrupt", "click's Abort") else ()
        for place, text in {
            "the model's module": leave + "\n" + mine(),
            "the model's factory": mine(start=leave),
            "the model's forward": mine(inside=leave),
            "the model's init": mine().replace("super().__init__()", leave),
            "the model's eval": mine().replace(
                "    def forward", f"    def eval(self):\n        {leave}\n    def forward"
            ),
        }.items():
            rule = blamed("mine|the model", *also)
            yield one(AREA, f"{label} in {place}", (*MINE, *GATED), rule, partial(prepare, text))
        for place, put in (("module", "import"), ("factory", "call"), ("loader", "loader")):
            made = partial(prepare, mine(), data_code(**{put: leave}))
            rule = blamed("data", *also)
            yield one(AREA, f"{label} in the data's {place}", data, rule, made)
        for kind, (*_, words) in PLUGIN.items():
            for place, put in (("import", "imported"), ("hook", "hooked"), ("call", "call")):
                heard = (3,) if kind == "observers" else ()  # which may be warned about alone
                rule = blamed("theirs", *also, *heard)
                yield one(
                    AREA, f"{label} in the {place} of {kind}", words, rule,
                    partial(install, kind, **{put: leave}), installed,
                )  # fmt: skip
        for place in ("later", "last"):
            rule = blamed("theirs", *also, 3, whole=True)  # outputs are there by then
            made = partial(install, "observers", **{place: leave})
            words = PLUGIN["observers"][-1]
            yield one(AREA, f"{label} {place} in observers", words, rule, made, installed)


def blamed(who: str, *also: int, whole: bool = False) -> Rule:
    """Return the rule of code that leaves: it is named, or the run was interrupted."""
    interrupted = 130 in also
    says = f"Interrupted|{who}" if interrupted else who
    made = ("out",) if whole or 3 in also else ("out.h5.work",) if interrupted else ()
    return Rule(frozenset({2, *also}), says, "", made or ("out",), whole=bool(made))


def same(text: str) -> str:
    """Run with a forward that returns something else: the same numbers, or refused by its name."""
    prepare(mine())
    reference = run(*MINE[:-2], "--data", "digits", "-o", "reference.h5")
    if reference.code:
        return f"the reference fails: {reference.last()}"
    prepare(text)

    def check(done: Done) -> str:
        if done.code == 2:
            named = any(word in done.err for word in ("mine.py", "return", "outputs", "the model"))
            return "" if named else f"no blame: {done.err}"
        return other_numbers(done)

    return attempt((*MINE, *GATED), Rule(frozenset({2, 3}), check=check))
