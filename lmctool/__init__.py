"""Linear mode connectivity of saved checkpoints: barriers, alignment and REPAIR, with proof.

Every analysis is a function, which does what the command of its name does:

    import lmctool
    found = lmctool.barrier("a.safetensors", "b.safetensors", align=True, repair=True)
    found.metrics["barrier.error[variant=align+repair,split=test]"]

Checkpoints may be paths, state dicts and modules, data may be arrays.  ``lmctool.analyses`` has the
functions of all installed analyses, those of plugins too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

MODULES = {
    "lmctool.errors": "GateError LmctoolError PluginError UnjudgedError UntrustedError",
    "lmctool.notebook.aggregate": "aggregate",
    "lmctool.notebook.comparison": "Comparison compare",
    "lmctool.notebook.functions": "analyses",
    "lmctool.notebook.networks": "load_model",
    "lmctool.notebook.permuted": "permute",
    "lmctool.notebook.result": "Result",
    "lmctool.notebook.stored": "open",
}
"""What is offered beside the functions of analyses, by module; each is loaded when first used."""

CALLBACKS = {
    "lmctool.notebook.training.lightning_callback": "LightningCallback",
    "lmctool.notebook.training.trainer_callback": "TrainerCallback",
}
"""Callbacks of libraries, which ``help(lmctool)`` would import, or miss: they are not listed."""
HOMES = {
    name: module for module, names in {**MODULES, **CALLBACKS}.items() for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module 'lmctool' has no attribute {name!r}")
    if name in HOMES:
        value = getattr(import_module(HOMES[name]), name)
    else:
        from lmctool.errors import did_you_mean
        from lmctool.notebook.functions import analyses

        if name not in analyses:
            near = did_you_mean(name, __dir__()).rstrip()
            told = f"module 'lmctool' has no attribute {name!r}{near and '; '}{near}"
            raise AttributeError(told, name=name, obj=sys.modules[__name__])
        value = analyses[name]
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the functions of the installed analyses, and what else is offered."""
    from lmctool.notebook.functions import analyses

    functions = {name.replace("-", "_") for name in analyses}
    listed = {name for names in MODULES.values() for name in names.split()}
    return sorted({*listed, *filter(str.isidentifier, functions)})
