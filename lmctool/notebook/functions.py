"""The functions of the installed analyses: generated from what their commands are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES

if TYPE_CHECKING:
    from lmctool.notebook.result import Result

Function = Callable[..., "Result"]


class Analyses(Mapping[str, Function]):
    """The function of each installed analysis by the name of its command; made when asked for."""

    def __init__(self) -> None:
        """Make none yet."""
        self._made: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        """Return the function of an analysis, by its name or as Python writes it."""
        word = self._words.get(name)
        if word is None:
            raise KeyError(name)
        if word not in self._made:
            self._made[word] = function_of(word)
        return self._made[word]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is an analysis of a name, importing none."""
        return name in self._words

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the commands."""
        return iter(registry.names(ANALYSES))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(registry.names(ANALYSES))

    @property
    def _words(self) -> dict[str, str]:
        """The command's name by each name that a function is found by."""
        return {name.replace("-", "_"): name for name in self} | {name: name for name in self}


def function_of(name: str) -> Function:
    """Return the function of an analysis.

    Raises:
        PluginError: the analysis cannot be used.
    """
    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.notebook.signatures import documentation, signature

    def function(*checkpoints: Any, **options: Any) -> Result:
        from lmctool.notebook.call import call

        return call(name, checkpoints, options)

    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    function.__name__ = function.__qualname__ = name.replace("-", "_")
    function.__module__ = "lmctool"
    function.__doc__ = documentation(command)
    function.__signature__ = signature(command)  # type: ignore[attr-defined]
    return function


analyses = Analyses()
"""The function of each installed analysis."""
