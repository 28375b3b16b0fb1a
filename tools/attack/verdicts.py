"""Verdicts: gates at equality, gates that mean nothing, results that were edited."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.command import run
from tools.attack.inputs import ANALYSES, FEW, OUT, RESULT, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "verdicts"
COUNTS = (
    *((100, 3, 3 + extra, 3) for extra in (1, 2, 3, 4, 5, 7, 11, 13, 14, 17, 22, 29, 31, 40)),
    *((100, 0, extra, 0) for extra in (1, 7, 14, 28, 29, 35, 47)),
    *((100, 1, extra, 4) for extra in (5, 9, 10, 23, 37)),
    *((1000, 3, 3 + extra, 3) for extra in (1, 7, 29, 57, 113, 201, 333)),
    *((1000, 11, extra, 22) for extra in (23, 57, 58, 199, 301)),
    *((50, 1, 1 + extra, 2) for extra in (1, 3, 7, 12)),
    *((20, 0, extra, 1) for extra in (1, 3, 6)),
)
"""How many examples there are, and how many A, the network halfway and B answer wrongly."""


def shaped(examples: int, *wrong: int) -> None:
    """Write a network of one number and data, so that each point answers so many wrongly."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    Path("shaped.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.t = nn.Parameter(torch.zeros(1))\n\n"
        "    def forward(self, x):\n        t = self.t\n"
        "        hats = torch.cat([(1 - 2 * t).relu(), 1 - (2 * t - 1).abs(), (2 * t - 1).relu()])\n"
        "        s = (x * hats).sum(1)\n        return torch.stack([torch.zeros_like(s), s], 1)\n\n\n"
        "def make():\n    return Net()\n"
    )
    for name, value in (("ca", 0.0), ("cb", 1.0)):
        save_file({"t": torch.tensor([value])}, f"{name}.safetensors")
    y = np.arange(examples) % 2
    x = np.repeat(np.where(y, 1.0, -1.0)[:, None], 3, axis=1).astype(np.float32)
    for place, count in enumerate(wrong):
        x[:count, place] *= -1
    np.savez("counted.npz", x=x, y=y)


SHAPED = (
    *("barrier", "ca.safetensors", "cb.safetensors", "--model", "./shaped.py:make"),
    *("--data", "arrays:counted.npz", "--points", "3", "-q"),
)


def percent(share: Fraction) -> str:
    """Return a share as people write it."""
    return f"{float(share * 100):.10g}%"


def equality(examples: int, first: int, half: int, last: int) -> str:
    """Judge a barrier by conditions that are met exactly, and missed by half an example."""
    shaped(examples, first, half, last)
    height = Fraction(2 * half - first - last, 2 * examples)
    less = height - Fraction(1, 2 * examples)
    exact, below, end = percent(height), percent(less), percent(Fraction(first, examples))
    done = run(*SHAPED, "-o", "out.h5", "--require", f"barrier.error <= {exact}")
    found = [f"<= {exact} ends in {done.code}: {done.last()}"] if done.code else []
    for words, code in (
        (("require", f"barrier.error == {exact}"), 0),
        (("fail-if", f"barrier.error > {exact}"), 0),
        (("require", f"barrier.error < {exact}"), 3),
        (("require", f"barrier.error <= {below}"), 3 if less > 0 else None),
        (("require", f"end.error[end=a] <= {end}"), 0 if first else None),
        (("require", f"end.error[end=a] < {end}"), 3 if first else None),
    ):
        if code is None:
            continue
        Path("p.toml").write_text(f'[[gate]]\n{words[0]} = "{words[1]}"\n')
        judged = run("audit", "--policy", "p.toml", "out.h5")
        if judged.code != code:
            found.append(f"{' '.join(words)} ends in {judged.code} in place of {code}")
    swapped = run(
        *("barrier", "cb.safetensors", "ca.safetensors", *SHAPED[3:], "-o", "new.h5"),
        *("--baseline", "out.h5", "--require", "barrier.error <= baseline"),
    )
    if swapped.code:
        found.append(f"<= baseline ends in {swapped.code}: {swapped.last()}")
    shaped(examples, first, half + 1, last)
    worse = run(*SHAPED, "-o", "worse.h5", "--require", f"barrier.error <= {exact}")
    if worse.code != 3:
        found.append(f"one example worse ends in {worse.code}: {worse.last()}")
    return "; ".join(found)


MEANINGLESS = {
    "barrier.error <= 2": "did you mean",
    "barrier.error <= 5": "did you mean",
    "barrier.error <= 100%": "",
    "barrier.error <= 1": "",
    "barrier.error >= 0": "",
    "barrier.error > -1": "",
    "barrier.error < 1.5": "",
    "barrier.error != 2": "",
    "barrier.loss >= 0": "",
    "end.error <= 2": "did you mean",
    "end.error >= 0": "",
    "end.error >= -0.5": "",
    "end.loss >= 0": "",
    "barier.error <= 2%": "did you mean",
    "barrier.eror <= 2%": "did you mean",
    "barrier.Error <= 2%": "",
    "barrier <= 2%": "",
    "error <= 2%": "",
    "distance.l2 <= 2": "",
    "barrier.error[varient=plain] <= 2%": "",
    "barrier.error[variant=plain <= 2%": "",
    "barrier.error <= 2 %%": "",
    "barrier.error <= nan": "",
    "barrier.error <= inf": "",
    "barrier.error <= 1e999": "",
    "barrier.error <= two": "",
    "barrier.error =< 2%": "",
    "barrier.error": "",
    "": "",
    "__import__('os').system('touch canary') <= 2": "",
    "barrier.error <= __import__('os').system('touch canary')": "",
}
FAIL_IFS = (
    "barrier.error > 5",
    "barrier.error > 100%",
    "barrier.error < 0",
    "end.error > 2",
    "barrier.loss < 0",
)
METRICS = {
    "align": "align.error", "barrier": "barrier.error", "distance": "distance.relative",
    "el2n": "el2n.score", "graft": "graft.error", "interpolate": "interpolate.highest_error",
    "layerwise": "layerwise.barrier_error", "matrix": "matrix.barrier_error",
    "merge": "merge.error", "repair": "repair.error", "trajectory": "trajectory.gain.error",
    "variance": "variance.ratio",
}  # fmt: skip
EDITED = {
    "barrier": ("barrier.error", "barrier.loss", "end.error", "end.loss"),
    "distance": ("distance.relative", "distance.symmetric"),
    "interpolate": (
        "interpolate.highest_error",
        "interpolate.delta_loss",
        "interpolate.alpha_loss",
    ),
    "layerwise": (
        "layerwise.barrier_error",
        "layerwise.full_barrier_loss",
        "layerwise.share_error",
    ),
    "matrix": ("matrix.connected", "matrix.clusters"),
    "trajectory": ("trajectory.gain.error", "trajectory.gain.loss"),
}
"""Metrics that follow from other arrays of a result."""
JUDGING = {
    "audit": ("audit", "--policy", "p.toml", "r.h5"),
    "show": ("show", "r.h5"),
    "report": ("report", "r.h5", "-o", "out.html"),
    "show --json": ("show", "r.h5", "--json", "-"),
}
GRIDS = (
    "1,0", "0", "1", "0,1", "0.9999999999999999999", "1e-400", "0.0,1.0", "nan", "inf", "-0.5", "2",
    "0.5,2", "", ",", "x", "0.5;1",
)  # fmt: skip


def edit(analysis: str, metric: str, by: float) -> None:
    """Make a result, and change the values of one of its metrics."""
    import h5py

    done = run(*words_of(analysis)[:-3], "-o", "r.h5", "-q")
    if done.code:
        raise RuntimeError(done.last())
    Path("p.toml").write_text(f'[[gate]]\nrequire = "{metric} <= 0.5"\n')
    names = []
    with h5py.File("r.h5", "r+") as file:

        def change(_: str, thing: Any) -> None:
            if isinstance(thing, h5py.Dataset) and thing.attrs.get("metric") == metric:
                names.append(thing.name)
                thing[...] = thing[...] * 0 + by

        file.visititems(change)
    if not names:
        raise ValueError(f"no array holds {metric}")


def nan(path: str) -> None:
    """Let one weight be no number."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    held = load_file(path)
    held[next(iter(sorted(held)))].view(-1)[0] = float("nan")
    save_file(held, path, metadata)


def constant(path: str, kind: str) -> None:
    """Let a checkpoint be a network that answers at chance."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    held = load_file(path)
    make = {"zeros": torch.zeros_like, "noise": torch.randn_like, "ones": torch.ones_like}[kind]
    torch.manual_seed(0)
    save_file({name: make(tensor) for name, tensor in held.items()}, path, metadata)


def quantised() -> None:
    """Write two checkpoints of int8 tensors that differ, with equal scales."""
    import torch
    from safetensors.torch import save_file

    for seed, name in enumerate(("qa", "qb")):
        torch.manual_seed(seed)
        weight = torch.randint(-128, 127, (64, 64), dtype=torch.int8)
        save_file({"l.qweight": weight, "l.scale": torch.ones(64)}, f"{name}.safetensors")


def spectral() -> str:
    """Measure a pair with spectral norm, and compare with torch's own networks."""
    import numpy as np
    import torch
    from safetensors.torch import load_file, save_file

    code = (
        "from torch import nn\nfrom torch.nn.utils.parametrizations import spectral_norm as s\n\n\n"
        "def make():\n    return nn.Sequential(nn.Flatten(), s(nn.Linear(64, 32)), nn.ReLU(),"
        " s(nn.Linear(32, 32)), nn.ReLU(), nn.Linear(32, 10))\n"
    )
    Path("spectral.py").write_text(code)
    scope: dict[str, Any] = {}
    exec(compile(code, "spectral.py", "exec"), scope)
    for seed, name in enumerate(("sa", "sb")):
        torch.manual_seed(seed)
        net = scope["make"]()
        for _ in range(50):
            net(torch.zeros(1, 64))  # power iteration in training mode
        save_file(
            {key: value.clone() for key, value in net.state_dict().items()}, f"{name}.safetensors"
        )
    ends = [load_file(f"{name}.safetensors") for name in ("sa", "sb")]
    half = {key: (ends[0][key] + ends[1][key]) / 2 for key in ends[0]}
    net = scope["make"]()
    net.load_state_dict(half)
    for _ in range(2000):
        net(torch.zeros(1, 64))
    net.eval()
    held = np.load("data.npz")
    with torch.no_grad():
        outputs = net(torch.tensor(held["x_test"]))
    expected = float(torch.nn.functional.cross_entropy(outputs, torch.tensor(held["y_test"])))
    done = run(
        *("barrier", "sa.safetensors", "sb.safetensors", "--model", "./spectral.py:make"),
        *("--data", "arrays:data.npz", "--points", "3", "--allow-chance", "-o", "out.h5", "-q"),
    )
    if done.code:
        return f"exit code {done.code}: {done.last()}"
    import h5py

    with h5py.File("out.h5") as file:
        found = float(np.ravel(file["barrier/curve/loss"][...])[1])
    return (
        "" if abs(found - expected) < 1e-3 * expected else f"{found:.4f} in place of {expected:.4f}"
    )


def restamped(word: str, **arguments: Any) -> None:
    """Let B say another model of itself, or other arguments."""
    from tools.attack.named import restamp

    known = {"inputs": 64, "width": 16, "depth": 2, "classes": 10, "norm": "none"} | arguments
    metadata = {
        "lmctool.model": word,
        "lmctool.model_arguments": json.dumps(known),
        "lmctool.data": "digits",
    }
    restamp(B, metadata)


def rigid() -> None:
    """Write a network in which no unit may move."""
    import torch
    from safetensors.torch import save_file

    Path("rigid.py").write_text(
        "from torch import nn\n\n\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    for seed, name in enumerate(("ra", "rb")):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        save_file(net.state_dict(), f"{name}.safetensors")


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for counts in COUNTS:
        name = "{} of {}: {} - {} - {}".format("equality", *counts)
        yield Attack(AREA, name, partial(equality, *counts))
    yield from conditions()
    yield from edits()
    yield from networks()
    yield from numbers()
    for analysis in ("barrier", "interpolate", "layerwise", "matrix", "variance"):
        for grid in GRIDS:
            given = (analysis, A, B, f"--alphas={grid}", *FEW, *OUT, "-q")
            yield one(AREA, f"{analysis} --alphas={grid}", given, refused())
        if analysis != "variance":
            for points in ("2", "1", "0", "-3", "x"):
                given = (analysis, A, B, f"--points={points}", *FEW, *OUT, "-q")
                yield one(AREA, f"{analysis} --points={points}", given, refused())
    for alpha in ("0", "1", "nan", "-1", "1.5"):
        for name in ("repair", "trajectory"):
            given = (*words_of(name), f"--alpha={alpha}")
            rule = (
                refused() if name == "trajectory" or alpha not in "01" else Rule(frozenset({0, 2}))
            )
            yield one(AREA, f"{name} --alpha={alpha}", given, rule)


def numbers() -> Iterator[Attack]:
    """Yield NaN and infinities for every number that an option takes."""
    import click

    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import ANALYSES as KIND

    for analysis in ANALYSES:
        command = AnalysisCommand(analysis, registry.load(KIND, analysis))
        for option in command.params:
            if isinstance(option.type, click.types.FloatParamType) or "NUMBER" in str(
                option.metavar
            ):
                flag = max(option.opts, key=len)
                for value in ("nan", "inf", "-inf", "1e999"):
                    words = (*words_of(analysis), f"{flag}={value}")
                    yield one(AREA, f"{analysis} {flag}={value}", words, refused())
    for value in ("nan", "inf", "-1", "x"):
        yield one(
            AREA, f"rerun --tolerance={value}", ("rerun", RESULT, f"--tolerance={value}"), refused()
        )


def conditions() -> Iterator[Attack]:
    """Yield conditions that mean nothing, in options and in policies."""
    for text, said in MEANINGLESS.items():
        for flag in ((), ("--dry-run",)):
            words = (*words_of("barrier"), "--require", text, *flag)
            yield one(AREA, f"barrier {''.join(flag)} --require '{text}'", words, refused(said))
        policy = partial(Path("p.toml").write_text, f"[[gate]]\nrequire = {json.dumps(text)}\n")
        rule = refused(said, 4) if text[:3] in ("bar", "err", "dis") else refused(said)
        yield one(
            AREA, f"audit, require '{text}'", ("audit", "--policy", "p.toml", RESULT), rule, policy
        )
    for text in FAIL_IFS:
        words = (*words_of("barrier"), "--fail-if", text)
        yield one(AREA, f"barrier --fail-if '{text}'", words, refused())
    for analysis, metric in METRICS.items():
        wrong = metric[:-2] + metric[-1]
        for label, name in (
            ("misspelled", wrong),
            ("of another", "nobody.error"),
            ("upper case", metric.upper()),
        ):
            words = (*words_of(analysis), "--require", f"{name} <= 2%")
            yield one(AREA, f"{analysis}, a metric {label}", words, refused())
        words = (*words_of(analysis), "--require", f"{metric}[split=nowhere] <= 2%")
        rule = Rule(frozenset({2, 4}))
        yield one(AREA, f"{analysis}, a coordinate of nowhere", words, rule)
        prepare = partial(nan, "run-b/net-step1.safetensors" if analysis == "trajectory" else B)
        if analysis == "el2n":
            prepare = partial(nan, A)
        words = (*words_of(analysis), "--require", f"{metric} <= 99%")
        yield one(AREA, f"{analysis}, NaN in a weight", words, Rule(frozenset({2, 4})), prepare)
    for label, text in POLICIES.items():
        policy = partial(Path("p.toml").write_text, text)
        yield one(
            AREA,
            f"policy: {label}",
            ("audit", "--policy", "p.toml", RESULT),
            refused("", 4),
            policy,
        )


POLICIES = {
    "nothing": "",
    "no gate": "[gates]\n",
    "an unknown key": '[[gate]]\nrequire = "barrier.error <= 2%"\nignore = true\n',
    "both ways": '[[gate]]\nrequire = "barrier.error <= 90%"\nfail-if = "barrier.error > 90%"\n',
    "neither": '[[gate]]\nname = "x"\n',
    "a misspelled severity": '[[gate]]\nrequire = "barrier.error <= 90%"\nseverity = "warn"\n',
    "another analysis": '[[gate]]\nrequire = "distance.relative <= 90%"\n',
    "an unknown analysis": '[[gate]]\nrequire = "barrier.error <= 90%"\nanalysis = "barier"\n',
    "a list": '[[gate]]\nrequire = ["barrier.error <= 90%"]\n',
    "a table": '[gate]\nrequire = "barrier.error <= 90%"\n',
    "a key twice": '[[gate]]\nrequire = "barrier.error <= 2%"\nrequire = "barrier.error <= 90%"\n',
    "a baseline without one": '[[gate]]\nrequire = "barrier.error <= baseline"\n',
    "a variant that is not there": '[[gate]]\nrequire = "barrier.error[variant=align] <= 90%"\n',
}


def edits() -> Iterator[Attack]:
    """Yield results whose summary was edited, and baselines that cannot be compared."""
    for analysis, metrics in EDITED.items():
        for metric in metrics:
            for by in (0.123, 0.871):
                for name, words in JUDGING.items():
                    rule = Rule(frozenset({4}), makes=())
                    label = f"{name} of {metric} edited to {by:g}"
                    yield one(AREA, label, words, rule, partial(edit, analysis, metric, by))
    for label, words in {
        "another analysis": ("audit", "--baseline", "distance.h5", RESULT),
        "other data": ("audit", "--baseline", "r.h5", RESULT),
        "other points": ("audit", "--baseline", "r5.h5", RESULT),
        "another definition": ("audit", "--baseline", "rd.h5", RESULT),
    }.items():
        yield one(AREA, f"a baseline of {label}", words, refused("", 4), _baselines)
    before = (*words_of("barrier"), "--baseline")
    for label, path in {"nothing": "no.h5", "a checkpoint": A, "a text": "policy.toml"}.items():
        yield one(AREA, f"a baseline that is {label}", (*before, path), refused())
    for label, text in {
        "a word": "x",
        "NaN": "nan",
        "negative": "-1",
        "infinite": "inf",
        "2": "2",
    }.items():
        words = ("audit", "--baseline", RESULT, f"--tolerance={text}", RESULT)
        yield one(AREA, f"a tolerance that is {label}", words, refused())


def _baselines() -> None:
    words = ("barrier", A, B, *FEW, "-q")
    made = (
        run(*words, "--points", "3", "--data", "arrays:data.npz", "-o", "r.h5"),
        run(*words, "--points", "5", "-o", "r5.h5"),
        run(*words, "--points", "3", "--definition", "max-end", "-o", "rd.h5"),
    )
    if any(done.code for done in made):
        raise RuntimeError([done.last() for done in made])


def networks() -> Iterator[Attack]:
    """Yield networks between which a number means something else than it says."""
    pairs = (
        "barrier",
        "interpolate",
        "layerwise",
        "matrix",
        "variance",
        "distance",
        "repair",
        "merge",
    )
    for name in pairs:
        for label, copy in {
            "A twice": _same,
            "a copy": lambda: Path("copy.safetensors").write_bytes(Path(A).read_bytes()),
            "the same tensors": _resaved,
        }.items():
            other = A if label == "A twice" else "copy.safetensors"
            words = tuple(other if word == B else word for word in words_of(name) if word != "-q")
            rule = Rule(frozenset({0}), r"(?i)same|equal|itself")
            if name == "matrix" and label == "A twice":
                rule = refused("twice")
            yield one(AREA, f"{name} of A and {label}", words, rule, copy)
    for kind in ("zeros", "noise", "ones"):
        for definition in ("max-end", "chord", "mean-ends"):
            words = tuple(word for word in words_of("barrier") if word != "-q")
            words = (*words, "--definition", definition)
            prepare = partial(constant, B, kind)
            yield one(
                AREA, f"B is {kind}, {definition}", words, Rule(frozenset({0}), "chance"), prepare
            )
            gated = (*words, "--require", "barrier.error <= 99%")
            rule = Rule(frozenset({4}) if definition == "max-end" else frozenset({0, 4}))
            yield one(AREA, f"B is {kind}, {definition}, a gate", gated, rule, prepare)
    quant = ("qa.safetensors", "qb.safetensors")
    gate = ("--require", "distance.relative <= 1%")
    yield one(
        AREA,
        "int8, distance",
        ("distance", *quant, *OUT, *gate),
        refused("quanti|I8", 4),
        quantised,
    )
    yield one(
        AREA,
        "int8, distance without a gate",
        ("distance", *quant, *OUT),
        refused("quanti|I8", 4),
        quantised,
    )
    for name, more in {"merge": (), "graft": ()}.items():
        words = (
            (name, *quant, *OUT, *more)
            if name == "merge"
            else ("graft", quant[0], "--from", quant[1])
        )
        words = words if name == "merge" else (*words, "--layers", "l.scale", *OUT)
        rule = refused("quanti|I8") if name == "merge" else Rule(frozenset({0, 2}))
        yield one(AREA, f"int8, {name}", words, rule, quantised)
    yield Attack(AREA, "spectral norm halfway", spectral)
    for label, prepare in {
        "lenet": partial(restamped, "lenet"),
        "resnet20": partial(restamped, "resnet20"),
        "another norm": partial(restamped, "mlp", norm="layer"),
        "another depth": partial(restamped, "mlp", depth=3),
        "another width": partial(restamped, "mlp", width=17),
    }.items():
        for name in (
            "barrier",
            "interpolate",
            "layerwise",
            "matrix",
            "variance",
            "merge",
            "repair",
            "align",
        ):
            yield one(AREA, f"{name}, B says {label}", words_of(name), refused(), prepare)
    for name in ("barrier", "interpolate", "layerwise", "matrix", "merge", "align"):
        yield from _rigid(name)


def _rigid(name: str) -> Iterator[Attack]:
    pair = ("ra.safetensors", "rb.safetensors")
    words = (name, *pair, *(ANALYSES[name][2:]), "--model", "./rigid.py:make", "--data", "digits")
    words = (*words, "--allow-chance", *OUT, *(() if name == "align" else ("--align", "weight")))
    metric = METRICS[name]
    where = "[variant=align]" if name == "barrier" else ""
    gated = (*words, "--require", f"{metric}{where} <= 99%")
    says = r"(?i)no (hidden )?unit|nothing (was|is) aligned|nothing to align"
    yield one(AREA, f"{name}, no unit may move", words, Rule(frozenset({0}), says), rigid)
    if name in ("barrier", "align"):
        yield one(
            AREA, f"{name}, no unit may move, a gate", gated, Rule(frozenset({4}), says), rigid
        )


def _same() -> None:
    pass


def _resaved() -> None:
    from safetensors.torch import load_file, save_file

    save_file(load_file(A), "copy.safetensors", {"lmctool.model": "mlp", "lmctool.data": "digits"})


__all__ = ["AREA", "attacks"]
