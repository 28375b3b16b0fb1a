"""Spoiled texts of people: lmctool.toml, policies, conditions, permutation specs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.testing import tiny_pair
from tools.fuzz.checkpoints import FEW, OUT
from tools.fuzz.data import PAIR
from tools.fuzz.mutation import STEPS, WORDS, changed_bytes
from tools.fuzz.results import prepare_run
from tools.fuzz.target import CANARY, Target

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

CONFIG = """\
[model]
spec = "mlp"
[model.arguments]
inputs = 64
width = 16
depth = 2
[data]
spec = "digits"
[data.paths]
mnist = "idx"
"""
POLICY = """\
[[gate]]
name = "ends are alike"
require = 'barrier.error[variant=align,split="test"] <= 2.5%'
reason = "the release needs it"
severity = "warning"
[[gate]]
fail-if = "barrier.loss > 1e3"
analysis = "barrier"
"""
SPEC = """\
version = 1
mode = "extend"
[groups]
"layers.0" = 16
"layers.1" = { size = 16 }
[tensors]
"layers.0.weight" = "layers.0, _"
"layers.0.bias" = "layers.0"
"layers.1.weight" = "layers.1, (layers.0)"
[rules]
fix = ["*.running_mean"]
move = []
"""
VALUES = [
    "9" * 5000, "-1", "1e999", "nan", "inf", "true", "2020-13-40", "1979-05-27T07:32:00Z", "{}",
    "[" * 2000, "[" + "{a=" * 500, "'''", '"\\ud800"', "0x" + "f" * 5000, "[[[[[[[[]]]]]]]]",
    *map(str, STEPS), *(f'"{word[:50]}"' for word in WORDS), *(f"'{word}'" for word in WORDS),
]  # fmt: skip
EXPRESSIONS = [
    "barrier.error", "[", "]", "variant", "=", ",", '"', "<=", ">", "==", "!=", "1", ".5", "e5",
    "%", " ", "-", "+", "*", "baseline", "\u0663", "\0", "\n", "(", "'", "a.b.c", "9" * 400,
    "1e400", "=<",
]  # fmt: skip


def spoil_toml(path: Path, rng: Random) -> None:
    """Change lines or bytes of a TOML file."""
    text = path.read_text()
    if rng.random() < 0.3:
        path.write_bytes(changed_bytes(text.encode(), rng))
        return
    lines = text.splitlines()
    for _ in range(rng.choice([1, 1, 2, 4])):
        number = rng.randrange(len(lines))
        key = lines[number].partition("=")[0]
        lines[number] = rng.choice(
            [
                f"{key}= {rng.choice(VALUES)}",
                f"{key}= {rng.choice(VALUES)}",
                "",
                lines[rng.randrange(len(lines))],
                f"{lines[number]}\n{lines[number]}",
                f"{'a.' * rng.choice([1, 100, 20000])}b = 1",
                f"{key.strip()}.x = 1",
                f"[{key.strip()}]",
            ]
        )
    path.write_text("\n".join(lines), errors="replace")


def prepare_config(folder: Path) -> None:
    """Write two networks and their lmctool.toml."""
    tiny_pair(folder)
    (folder / "lmctool.toml").write_text(CONFIG)


def spoil_config(folder: Path, rng: Random) -> None:
    """Change lmctool.toml, which may name its user's own code, but not the canary."""
    path = folder / "lmctool.toml"
    spoil_toml(path, rng)
    path.write_bytes(path.read_bytes().replace(CANARY.encode(), b"nobody"))


def prepare_policy(folder: Path) -> None:
    """Write a result and a policy that judges it."""
    prepare_run(folder)
    (folder / "policy.toml").write_text(POLICY)


def spoil_condition(folder: Path, rng: Random) -> None:
    """Write a policy of one condition, made of the words of conditions in any order."""
    sound = ["barrier.error", "[", "variant", "=", "plain", "]", "<=", "2", "%"]
    words = list(sound)
    for _ in range(rng.choice([1, 1, 2, 3, 9])):
        place = rng.randrange(len(words) + 1)
        words[place : place + rng.randrange(2)] = [rng.choice([*EXPRESSIONS, *WORDS[:9]])]
    text = "".join(words) * rng.choice([1, 1, 1, 1, 40])
    if rng.random() < 0.2:
        text = changed_bytes(text.encode(errors="replace"), rng).decode(errors="replace")
    escaped = "".join(f"\\U{ord(c):08x}" if not 0xD800 <= ord(c) < 0xE000 else "?" for c in text)
    word = rng.choice(["require", "fail-if"])
    (folder / "policy.toml").write_text(f'[[gate]]\n{word} = "{escaped}"\n')


def prepare_spec(folder: Path) -> None:
    """Write two networks and a permutation spec."""
    tiny_pair(folder)
    (folder / "spec.toml").write_text(SPEC)


TARGETS = (
    Target(
        "lmctool.toml",
        prepare_config,
        spoil_config,
        (
            ("config", "show"),
            ("inspect", "a.safetensors"),
            ("interpolate", *PAIR, "--dry-run", *OUT),
        ),
    ),
    Target(
        "policy",
        prepare_policy,
        lambda folder, rng: spoil_toml(folder / "policy.toml", rng),
        (("audit", "--policy", "policy.toml", "result.h5"),),
    ),
    Target(
        "condition",
        prepare_policy,
        spoil_condition,
        (("audit", "--policy", "policy.toml", "result.h5"),),
    ),
    Target(
        "permutation spec",
        prepare_spec,
        lambda folder, rng: spoil_toml(folder / "spec.toml", rng),
        (("barrier", *PAIR, "--spec", "spec.toml", "--align", "weight", *FEW),),
    ),
)
