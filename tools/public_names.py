"""What griffe cannot read from the source of the public modules: names that are loaded when used.

mkdocs.yml names this extension.  ``lmctool``, ``lmctool.api`` and ``lmctool.api.advanced`` list
their names in tables, and the functions of analyses are made from the records of their commands,
whose whole docstrings only a running Python has.  Examples of a docstring become blocks of code,
which Markdown takes for quotations else.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import griffe

MODULES = ("lmctool", "lmctool.api", "lmctool.api.advanced", "lmctool.testing")
EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class PublicNames(griffe.Extension):
    """Tell griffe the public names of each module, and the docstrings of analyses."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples of a docstring."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Complete what was read of ``lmctool``."""
        if pkg.path != "lmctool":
            return
        for path in MODULES:
            names = [name for name in dir(import_module(path)) if not name.startswith("_")]
            module = pkg.modules_collection[path]
            module.exports = names
        lmctool = import_module("lmctool")
        for function in pkg.functions.values():
            if function.name in lmctool.analyses:
                text = inspect.getdoc(lmctool.analyses[function.name]) or ""
                function.docstring = griffe.Docstring(text, parent=function)
