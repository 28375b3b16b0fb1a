"""Networks between which a number means something else than it says."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.command import run
from tools.attack.gates import METRICS
from tools.attack.inputs import ANALYSES, OUT, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "verdicts"


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
        "from torch import nn\n\n\ndef make():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    for seed, name in enumerate(("ra", "rb")):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        save_file(net.state_dict(), f"{name}.safetensors")


def attacks() -> Iterator[Attack]:
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
