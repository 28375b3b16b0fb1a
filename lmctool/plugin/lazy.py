"""Functions whose modules are imported when they are first called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Lazy:
    """A function that imports ``package.module:function`` when it is called.

    A plugin's record names its functions so, and ``--help``, which imports the plugin, stays fast:

        Analysis(Lazy("lmctool_mine.measure:measure"), table=Lazy("lmctool_mine.table:tabulate"))

    Attributes:
        reference: the module and the name of the function in it, with a colon between.
    """

    reference: str

    def function(self) -> Any:
        """Import the function, and return it."""
        module, _, name = self.reference.partition(":")
        return getattr(import_module(module), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function()(*args, **kwargs)
