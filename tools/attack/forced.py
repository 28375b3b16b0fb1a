"""--force, with every output of every command aimed at every input of it."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, attempt, one, refused
from tools.attack.inputs import ANALYSES, RESULT, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AREA = "outputs over inputs"


def _same(path: str) -> str:
    return path


def _dotted(path: str) -> str:
    return f"./run-a/../{path}"


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _linked(path: str) -> str:
    other = Path(f"link-{Path(path).name}")
    other.symlink_to(Path(path).absolute())
    return str(other)


def _hard(path: str) -> str:
    other = f"hard-{Path(path).name}"
    os.link(path, other)
    return other


def _through(path: str) -> str:
    Path("door").symlink_to(".")
    return f"door/{path}"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "itself": _same,
    "by ..": _dotted,
    "absolute": _absolute,
    "by a link": _linked,
    "by a hard link": _hard,
    "through a linked folder": _through,
}
INPUTS: dict[str, tuple[tuple[str, ...], str]] = {
    "A": ((), A),
    "B": ((), B),
    "--data": (("--data", "arrays:data.npz"), "data.npz"),
    "--calib": (("--data", "digits", "--calib", "data.npz"), "data.npz"),
    "--data, a path": (("--data", "data.npz"), "data.npz"),
    "--baseline": (("--baseline", RESULT), RESULT),
    "--spec": (("--align", "weight", "--spec", "spec.toml"), "spec.toml"),
    "--apply": (("--apply", "aligned.h5"), "aligned.h5"),
    "--scores": (("--by-split", "el2n", "--scores", "scores.h5"), "scores.h5"),
    "--model": (("--model", "./mine.py:make"), "mine.py"),
    "lmctool.toml": ((), "lmctool.toml"),
}
"""Inputs of barrier: the words that name each, and its path."""
OTHERS: dict[str, tuple[tuple[str, ...], str]] = {
    "distance --to": ((*words_of("distance"), "--to", "c.safetensors"), "c.safetensors"),
    "interpolate --also": ((*words_of("interpolate"), "--also", "c.safetensors"), "c.safetensors"),
    "graft --from": (words_of("graft"), B),
    "trajectory step": (words_of("trajectory"), "run-b/net-step1.safetensors"),
    "instability sibling": (words_of("instability"), "fork-40/b.safetensors"),
    **{
        f"{name} A": (words_of(name), A)
        for name in ANALYSES
        if name not in ("barrier", "instability", "trajectory")
    },
}
HOST: dict[str, tuple[tuple[str, ...], str]] = {
    "show --json RESULT": (("show", RESULT, "--json"), RESULT),
    "plot -o RESULT": (("plot", "r.png", "-o"), "r.png"),
    "compare --json OLD": (("compare", RESULT, "other.h5", "--json"), RESULT),
    "compare --json NEW": (("compare", RESULT, "other.h5", "--json"), "other.h5"),
    "compare -o OLD": (("compare", "r.png", "other.h5", "-o"), "r.png"),
    "report -o RESULT": (("report", "r.html", "-o"), "r.html"),
    "report -o policy": (("report", RESULT, "--policy", "p.html", "-o"), "p.html"),
    "report -o baseline": (("report", "other.h5", "--baseline", "r.html", "-o"), "r.html"),
    "audit --json RESULT": (("audit", "--policy", "policy.toml", RESULT, "--json"), RESULT),
    "audit --junit RESULT": (("audit", "--policy", "policy.toml", RESULT, "--junit"), RESULT),
    "audit --json policy": (("audit", "--policy", "policy.toml", RESULT, "--json"), "policy.toml"),
    "audit --junit policy": (
        ("audit", "--policy", "policy.toml", RESULT, "--junit"),
        "policy.toml",
    ),
    "audit --json baseline": (("audit", "--baseline", RESULT, RESULT, "--json"), RESULT),
    "audit --junit baseline": (("audit", "--baseline", "other.h5", RESULT, "--junit"), "other.h5"),
    "convert": (("convert", "in.safetensors"), "in.safetensors"),
    "stamp": (("stamp", A, "--data", "digits", "-o"), A),
    "inspect -o CKPT": (("inspect", A, "--symmetry", "-o"), A),
    "inspect -o data": (
        ("inspect", A, "--symmetry", "--data", "arrays:data.npz", "-o"),
        "data.npz",
    ),
    "inspect -o lmctool.toml": (("inspect", A, "--symmetry", "-o"), "lmctool.toml"),
}
"""Commands of the host that end in an output option, and the input that it is aimed at."""


def prepare() -> None:
    """Write the inputs that need names of their own."""
    Path("lmctool.toml").write_text('[data]\nspec = "digits"\n')
    for name in ("r.png", "r.html"):
        shutil.copyfile(RESULT, name)
    shutil.copyfile("policy.toml", "p.html")
    shutil.copyfile("new.pt", "in.safetensors")


def aimed(words: tuple[str, ...], target: str, spelling: str, behind: tuple[str, ...]) -> str:
    """Run the command with its last option aimed at the target, spelled so."""
    prepare()
    spelled = SPELLINGS[spelling](target)
    named = words[0] in ANALYSES and words[-1] == "-o" and not target.endswith(".h5")
    # -o takes a name without its suffix: the result then lies beside the input
    return attempt(
        (*words, spelled, *behind), Rule(frozenset({0, 2}), makes=("",)) if named else refused()
    )


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    outputs = ("-o", "--json", "--junit")
    barrier = words_of("barrier")
    for label, (words, target) in INPUTS.items():
        for option in outputs:
            for spelling in SPELLINGS:
                full = (
                    *barrier[:-3],
                    *words,
                    *(() if option == "-o" else ("-o", "out.h5")),
                    option,
                )
                yield Attack(
                    AREA,
                    f"barrier {option} over {label}, {spelling}",
                    partial(aimed, full, target, spelling, ("--force", "-q")),
                )
    for label, (words, target) in OTHERS.items():
        for option in outputs:
            spelling = {"-o": "itself", "--json": "by a link", "--junit": "by a hard link"}[option]
            if option == "-o":
                place = words.index("-o")
                words = (*words[:place], *words[place + 2 :])
            yield Attack(
                AREA,
                f"{label} under {option}, {spelling}",
                partial(aimed, (*words, option), target, spelling, ("--force",)),
            )
            words = OTHERS[label][0]
    for label, (words, target) in HOST.items():
        for spelling in SPELLINGS:
            behind = ("--force",)
            yield Attack(
                AREA, f"{label}, {spelling}", partial(aimed, words, target, spelling, behind)
            )
    yield from beside()


def beside() -> Iterator[Attack]:
    """Yield outputs that are named by no option: they lie beside the result."""
    for name in ("align", "merge", "repair", "graft"):
        words = tuple(word if word != "out.h5" else "a.h5" for word in words_of(name))
        yield one(AREA, f"{name} -o a.h5, which writes {A}", (*words, "--force"), refused())
    for name in ("barrier", "interpolate"):
        words = tuple(word if word != "out.h5" else "r.h5" for word in words_of(name))
        yield one(
            AREA, f"{name} -o r.h5, which draws r.png", (*words, "--force", "--baseline", "r.png"),
            refused("", 4), prepare,
        )  # fmt: skip
    for one_, other in (("-o", "--json"), ("-o", "--junit"), ("--json", "--junit")):
        for spelling in ("out", "./out", "run-a/../out"):
            words = (*words_of("barrier"), one_, "out.h5", other, f"{spelling}.h5", "--force")
            words = words if one_ == "-o" else (*words, "-o", "out2.h5")
            yield one(AREA, f"barrier {one_} and {other} on one file, {spelling}", words, refused())
    for path in ("run-a", "pkg"):
        words = (*words_of("barrier")[:-3], "-o", path, "--force")
        yield one(AREA, f"barrier -o over the folder {path}", words, refused())
