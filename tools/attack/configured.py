"""lmctool.toml of a folder that was downloaded, and every command that is run there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Rule, one, refused
from tools.attack.inputs import ANALYSES, CANARY, HOST, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.attack.attack import Attack

AREA = "lmctool.toml"
MODEL = '[model]\nspec = "{spec}"\n{more}'
DATA = '[data]\nspec = "{spec}"\n'
PATHS = '[data]\nspec = "digits"\n[data.paths]\ndigits = "{spec}"\n'
SPECS = {
    "os:system": f'[model.arguments]\ncommand = "touch {CANARY}"\n',
    "evil:make": "",
    "evil.py:make": "",
    "./evil.py:make": "",
    "pkg.mod:fn": "",
}
UNCONCERNED = ("distance", *(name for name in HOST if name not in ("inspect", "config", "rerun")))
"""Commands that need neither a model nor data."""


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for name in (*ANALYSES, *HOST):
        for spec, more in SPECS.items():
            for place, text in (("model", MODEL), ("data", DATA)):
                toml = text.format(spec=spec, more=more)
                yield of_command(name, f"[{place}] {spec}", toml)
        yield of_command(name, "[data.paths] evil.py", PATHS.format(spec="evil.py"))
    for name in ("inspect", "barrier", "config"):
        for key, text in {
            "an unknown section": '[evil]\nspec = "evil:make"\n',
            "an unknown key": '[model]\nfactory = "evil:make"\n',
            "plugins": '[plugins]\nload = ["evil"]\n',
            "trust in itself": '[model]\nspec = "evil:make"\ntrust = true\n',
            "trust-config": 'trust-config = true\n[model]\nspec = "evil:make"\n',
            "a spec that is a list": '[model]\nspec = ["evil:make"]\n',
        }.items():
            prepare = partial(Path("lmctool.toml").write_text, text)
            yield one(AREA, f"{name}, {key}", words_of(name, bare=True), refused(), prepare)


def of_command(name: str, label: str, toml: str) -> Attack:
    """Return the attack on one command."""
    said = r"trust"
    if name in UNCONCERNED:
        rule = Rule(frozenset({0}))
    elif name in ("inspect", "config", "rerun") or "paths" in label:
        rule = Rule(frozenset({0, 2}))
    else:
        rule = refused(said)
    if (name, label.split()[0]) == ("inspect", "[model]"):
        rule = refused(said)
    needed = name in ANALYSES and "digits" not in toml and "[model]" in label
    words = (*words_of(name, bare=True), *(("--data", "digits") if needed else ()))
    if "[data]" in label and name in ANALYSES:
        words = (*words, "--model", "mlp")
    return one(
        AREA, f"{name}, {label}", words, rule, partial(Path("lmctool.toml").write_text, toml)
    )
