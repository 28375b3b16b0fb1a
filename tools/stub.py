"""Write lmctool/__init__.pyi: what type checkers and editors know of ``import lmctool``.

    python -m tools.stub

The built-in analyses have their whole signatures, taken from the records that their commands are
made of; those of other plugins are in ``lmctool.analyses``.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import lmctool
from lmctool.notebook.functions import analyses
from lmctool.plugin.kinds import ANALYSES

PLACE = Path(lmctool.__file__).with_suffix(".pyi")
HEAD = '''\
"""Linear mode connectivity of saved checkpoints; written by ``python -m tools.stub``."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias

from torch.nn import Module
'''
STARS = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
TYPES = '''
Network: TypeAlias = str | PathLike[str] | Mapping[str, Any] | Module
"""A path, a state dict or a module."""
Series: TypeAlias = str | PathLike[str] | Mapping[int, Network]
"""A training run: a folder or a pattern of its checkpoints, or its networks by step."""
Forks: TypeAlias = str | PathLike[str] | Mapping[int, Sequence[Network]]
"""A fork: a folder or a pattern of its siblings; or lists of siblings by the step of their fork."""
Data: TypeAlias = Any
"""A word or a path, or data in memory."""
'''


def stub() -> str:
    """Return the text of the stub, as ruff formats it."""
    own = distribution("lmctool").entry_points.select(group=ANALYSES.group)
    names = sorted({entry.name for entry in own})
    offered = [
        f"from {module} import {name} as {name}"
        for listed in ("MODULES", "CALLBACKS")
        for module, names_of in vars(lmctool)[listed].items()
        for name in names_of.split()
    ]
    text = "\n".join([HEAD, *offered, TYPES, *map(_function, names)])
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", PLACE.name, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _function(name: str) -> str:
    """Return a function with its signature and its docstring."""
    function = analyses[name]
    signature = inspect.signature(function)
    lines = [f"    {text}," for text in _parameters(signature)]
    first, _, _ = (inspect.getdoc(function) or "").partition("\n")
    more = f"``help(lmctool.{function.__name__})`` tells every keyword."
    told = f'    """{first}\n\n    {more}\n    """'
    head = "\n".join([f"def {function.__name__}(", *lines, f") -> {signature.return_annotation}:"])
    return f"{head}\n{told}\n    ...\n"


def _parameters(signature: inspect.Signature) -> list[str]:
    """Return the parameters of a function one by one, with the marks between their kinds."""
    texts: list[str] = []
    kinds = inspect.Parameter
    for each in signature.parameters.values():
        starred = STARS.get(each.kind.name, "")
        if each.kind is not kinds.POSITIONAL_ONLY and not starred and texts and _is_last(texts):
            texts += ["/", "*"]
        elif starred == "*":
            texts += ["/"] if texts else []
        default = "" if each.default is kinds.empty else f" = {each.default!r}"
        texts.append(f"{starred}{each.name}: {each.annotation}{default}")
    return texts


def _is_last(texts: list[str]) -> bool:
    """Tell whether no mark stands between positional arguments and keywords yet."""
    return not any(text.startswith(("/", "*")) for text in texts)


if __name__ == "__main__":
    PLACE.write_text(stub(), encoding="utf-8")
