"""Networks that are no functions of their inputs, and what every analysis makes of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, attempt, one
from tools.attack.command import run
from tools.attack.inputs import FEW, mine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.attack.command import Done

AREA = "networks that are no functions"
KINDS = {
    "dropout by a function": "h = F.dropout(h, 0.4)",
    "dropout by a module in forward": "h = nn.Dropout(0.4)(h)",
    "noise": "h = h + torch.randn_like(h)",
    "noise of its own seed": "torch.seed(); h = h + torch.rand_like(h)",
    "Python's random": "import random; h = h * (0.5 + random.random())",
    "NumPy's random": "import numpy; h = h * (0.5 + numpy.random.random())",
    "the clock": "import time; h = h * (1 + time.perf_counter() % 1)",
    "a count of its calls": "Net.calls = getattr(Net, 'calls', 0) + 1; h = h * Net.calls",
    "the mean of the batch": "h = h - h.mean(0)",
    "the size of the batch": "h = h * len(x)",
    "the place in the batch": "h = h * (1 + torch.arange(len(x)))[:, None]",
    "the first of the batch": "h = h - h[:1]",
    "statistics of the batch": "h = F.batch_norm(h, None, None, training=True)",
    "a weight that it writes": "self.last.weight.data.mul_(1.01)",
    "a bias that it writes": "self.last.bias.data.add_(0.1)",
    "inputs that it writes": "x.mul_(0.5)",
}
PAIR = ("mine_a.safetensors", "mine_b.safetensors")
ANALYSES: dict[str, tuple[str, ...]] = {
    "align": PAIR,
    "barrier": (*PAIR, "--points", "3"),
    "el2n": PAIR[:1],
    "graft": (PAIR[0], "--from", PAIR[1], "--layers", "first.*", "--evaluate"),
    "interpolate": (*PAIR, "--points", "3"),
    "layerwise": (*PAIR, "--points", "3"),
    "matrix": (*PAIR, "--points", "3"),
    "merge": (*PAIR, "--repair"),
    "plane": (PAIR[0], "--random", "--points", "3"),
    "repair": PAIR,
    "sharpness": (*PAIR, "--curvature-size", "20", "--lanczos", "4", "--probes", "3"),
    "similarity": PAIR,
    "variance": PAIR,
}
SHARED = ("--model", "./mine.py:make", "--data", "digits", "--allow-chance", "-o", "out.h5", "-q")
NETS = """
import torch
from torch import nn
import torch.nn.functional as F

class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 3)
    def forward(self, x):
        return self.o((self.a(x) if x.sum() > 0 else self.b(x)).relu())

class Sampler(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.m, self.o = nn.Linear(6, 8), nn.Linear(8, 5), nn.Linear(5, 3)
    def forward(self, x):
        h = self.m(self.e(x).relu())
        return self.o((h + torch.randn_like(h)).relu())

class Sizes(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 3)
    def forward(self, x):
        return self.o((self.a(x) if len(x) > 4 else self.b(x)).relu())

class Count(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 3)
        self.n = 0
    def forward(self, x):
        self.n += 1
        return self.o((self.a(x) if self.n % 2 else self.b(x)).relu())
"""
OPEN = {
    "a branch on the data": "Branch",
    "noise within": "Sampler",
    "a branch on the size": "Sizes",
    "a branch on the call": "Count",
}


def networks(name: str) -> None:
    """Write a network's code and two states of it."""
    import torch
    from safetensors.torch import save_file

    Path("nets.py").write_text(NETS)
    scope: dict[str, type[torch.nn.Module]] = {}
    exec(compile(NETS, "nets.py", "exec"), scope)
    for seed, end in enumerate("ab"):
        torch.manual_seed(seed)
        save_file(dict(scope[name]().state_dict()), f"net_{end}.safetensors")


def same_function(name: str, _: Done) -> str:
    """Return whether aligned B answers as B does, on both sides of every branch."""
    import torch
    from safetensors.torch import load_file

    scope: dict[str, type[torch.nn.Module]] = {}
    exec(compile(NETS, "nets.py", "exec"), scope)
    x = torch.randn(64, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    answers = []
    for path in ("net_b.safetensors", "out.safetensors"):
        net = scope[name]().double()
        net.load_state_dict({key: value.double() for key, value in load_file(path).items()})
        with torch.no_grad():
            answers.append(torch.stack([net(row[None])[0] for row in x]))
    worst = float((answers[0] - answers[1]).abs().max())
    return "" if worst < 1e-6 else f"the written network answers otherwise, by {worst:.2g}"


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    unjudged = Rule(frozenset({4}), r"(?i)answer|writes|batch|differ", makes=())
    for label, statement in KINDS.items():
        place = "before" if "inputs" in label else "inside"
        made = partial(Path("mine.py").write_text, mine(**{place: statement}))
        for name, words in ANALYSES.items():
            few = FEW[:2] + FEW[4:] if name == "el2n" else FEW
            rule = unjudged
            full = (name, *words, *few, *SHARED)
            if "inputs" in label:
                yield Attack(AREA, f"{name}, {label}", partial(_halved, full, statement))
                continue
            yield one(AREA, f"{name}, {label}", full, rule, made)
    for label, net in OPEN.items():
        for aligner in ("random", "weight"):
            words = ("align", "net_a.safetensors", "net_b.safetensors", "--aligner", aligner)
            words = (*words, "--model", f"./nets.py:{net}", "--input", "8x6", "-o", "out.h5", "-q")
            codes = {0, 4} if net == "Branch" else {4}
            rule = Rule(frozenset(codes), check=partial(_checked, net))
            yield one(AREA, f"align {aligner}, {label}", words, rule, partial(networks, net))
    for label, statement in KINDS.items():
        if "inputs" not in label:
            yield Attack(AREA, f"{label}, --allow-stochastic", partial(_allowed, label, statement))


def _halved(words: tuple[str, ...], statement: str) -> str:
    """Let forward write its inputs: the numbers are of one that does not, or it is refused."""
    from lmctool.results.file import read
    from lmctool.results.metrics import listed

    Path("mine.py").write_text(mine(before="x = x * 0.5"))
    if run(*words, "-o", "reference.h5").code:
        return "the reference does not run"
    Path("mine.py").write_text(mine(before=statement))
    broken = attempt(words, Rule(frozenset({0, 2, 4})))
    if broken or not Path("out.h5").exists():
        return broken
    one_, other = (listed(read(Path(name))) for name in ("reference.h5", "out.h5"))
    return "" if one_ == other else "other numbers"


def _checked(net: str, done: Done) -> str:
    return same_function(net, done) if done.code == 0 else ""


def _allowed(label: str, statement: str) -> str:
    """Run with --allow-stochastic: seeded noise repeats to the bit, all else is refused still."""
    Path("mine.py").write_text(mine(inside=statement))
    words = ("barrier", *ANALYSES["barrier"], *FEW, *SHARED, "--allow-stochastic")
    seeded = label.startswith(("dropout", "noise")) and "own" not in label
    random = label.startswith(("Python", "NumPy"))
    broken = attempt(words, Rule(frozenset({0} if seeded else {0, 4} if random else {4})))
    if broken or not Path("out.h5").exists():
        return broken
    again = run(*words, "-o", "again.h5")
    from lmctool.results.file import read
    from lmctool.results.metrics import listed

    first, second = (listed(read(Path(name))) for name in ("out.h5", "again.h5"))
    return "" if again.code == 0 and first == second else "the numbers do not repeat"
