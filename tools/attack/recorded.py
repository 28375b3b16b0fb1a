"""Recorded commands: what ``rerun`` makes of a result whose command means harm."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.inputs import ANALYSES, CANARY, RESULT, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "recorded commands"
CODE: dict[str, tuple[str, ...]] = {
    "os:system": ("os:system", f"command=touch {CANARY}"),
    "subprocess:call": ("subprocess:call", f'args=["touch", "{CANARY}"]'),
    "builtins:exec": ("builtins:exec", f'source=open("{CANARY}", "w")'),
    "evil:make": ("evil:make",),
    "evil.py:make": ("evil.py:make",),
    "./evil.py:make": ("./evil.py:make",),
    "../x/./evil.py:make": ("run-a/../evil.py:make",),
    "pkg.mod:fn": ("pkg.mod:fn",),
}
"""Words that would import code, and the argument that each takes."""
PROGRAMS = {
    "another program": f"touch {CANARY}",
    "python": f'python -c \'open("{CANARY}", "w")\'',
    "a path to a program": f"/bin/sh -c 'touch {CANARY}'",
    "no command": "",
    "the program alone": "lmctool",
    "an open quote": "lmctool barrier 'a.safetensors",
    "a second command": f"lmctool ; touch {CANARY}",
    "a substitution": f"$(touch {CANARY})",
    "--help": "lmctool --help",
    "--version": "lmctool --version",
    "--debug": "lmctool --debug barrier a.safetensors b.safetensors",
    "inspect": "lmctool inspect a.safetensors --symmetry -o policy.toml --force",
    "stamp": "lmctool stamp a.safetensors -o b.safetensors --force",
    "convert": "lmctool convert new.pt a.safetensors --force",
    "rerun": "lmctool rerun --trust barrier.h5",
    "show": "lmctool show barrier.h5 --json data.npz --force",
    "an unknown analysis": "lmctool barier a.safetensors b.safetensors",
    "an unknown option": "lmctool barrier a.safetensors b.safetensors --evil",
}
"""Commands that are none of an analysis."""
OUTPUTS = ("--out", "--json", "--junit")
SAFE = (*OUTPUTS, "--help", "--require", "--fail-if", "--baseline", "--tolerance")
"""Options that ``rerun`` leaves out, or that no value can be harmful in."""


def record(words: str | tuple[str, ...]) -> None:
    """Write a command into the result."""
    import h5py

    with h5py.File(RESULT, "r+") as file:
        command = words if isinstance(words, str) else join(("lmctool", *words))
        file["provenance"].attrs["command"] = command


def recorded(
    name: str, words: str | tuple[str, ...], rule: Rule, *more: str, before: object = None
) -> Attack:
    """Return the attack of one recorded command."""

    def prepare() -> None:
        if callable(before):
            before()
        record(words)

    return one(AREA, name, ("rerun", RESULT, *more), rule, prepare)


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    refusal = refused(never=r"Usage: lmctool \w+ \[OPTIONS\]")
    for name, text in PROGRAMS.items():
        yield recorded(name, text, refusal)
    for analysis in ANALYSES:
        yield from of_analysis(analysis)
    for kind in ("-o", "--json", "--junit"):
        for target in ("a.safetensors", "data.npz", "policy.toml", "out.json", "../above"):
            words = (*words_of("barrier"), kind, target, "--force")
            rule = Rule(frozenset({0}), r"agree|differ", "", ())
            yield recorded(f"recorded {kind} {target}", words, rule)


def of_analysis(analysis: str) -> Iterator[Attack]:
    """Yield what is recorded of one analysis."""
    import click

    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import ANALYSES as KIND

    bare = tuple(w for w in words_of(analysis, bare=True) if w not in ("-o", "out.h5"))
    # a path that does not exist, or a word that nobody registered, is refused as such
    refusal = refused()
    for flag in ("--help", "--help-all", "-h", "--dry-run", "--resume"):
        rule = refusal if "h" in flag[:3] else Rule(frozenset({0, 2, 3}), makes=())
        yield recorded(f"{analysis} {flag}", (*bare, "--data", "digits", flag), rule)
    for name, (spec, *arguments) in CODE.items():
        more = [word for argument in arguments for word in ("--model-arg", argument)]
        trusted = refused(r"--trust")
        yield recorded(f"{analysis} --model {name}", (*bare, "--model", spec, *more), trusted)
        yield recorded(
            f"{analysis} --data {name}", (*bare, "--model", "mlp", "--data", spec), trusted
        )
        yield recorded(
            f"{analysis} --in, [model] spec = {name}",
            (*bare, "--data", "digits"),
            refused(r"trust") if analysis != "distance" else Rule(frozenset({0, 2, 3}), makes=()),
            before=partial(Path("lmctool.toml").write_text, f'[model]\nspec = "{spec}"\n'),
        )
    command = AnalysisCommand(analysis, registry.load(KIND, analysis))
    for option in command.params:
        if not isinstance(option, click.Option) or option.is_flag or option.nargs != 1:
            continue
        flag = max(option.opts, key=len)
        if flag in (*SAFE, "--model", "--data"):
            continue
        unused = Rule(frozenset({0, 2, 3}), makes=())  # where nothing is calibrated
        for name in ("os:system", "./evil.py:make"):
            words = (*words_of(analysis)[:-3], f"{flag}={CODE[name][0]}")
            rule = unused if flag == "--calib-split" else refusal
            yield recorded(f"{analysis} {flag} {name}", words, rule)
