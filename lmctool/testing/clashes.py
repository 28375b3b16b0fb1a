"""Options of a plugin that have the names of others which a command line may hold beside them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from lmctool.errors import PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing.claim import ClaimError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.cli.plugin_options import Selected, Slot
    from lmctool.plugin.kinds import Kind


def refuse_clashes(kind: Kind[Any], name: str, record: Any) -> None:
    """Check the options of a plugin beside those of lmctool's own that a command may hold too.

    Args:
        kind: analysis, aligner, correction or merge.
        name: its word.
        record: what its hook returns.

    Raises:
        AssertionError: two have one name; says which.
    """
    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.cli.plugin_options import Selected

    if kind is ANALYSES:
        command = AnalysisCommand(name, record)
        _refuse(command, command.slots, [])
        return
    for word in built_in(ANALYSES):
        command = AnalysisCommand(word, registry.load(ANALYSES, word))
        for slot in command.slots:
            if slot.kind is kind:
                others = [other for other in command.slots if other is not slot]
                _refuse(command, others, [Selected(slot, name, tuple(record.options))])


def built_in(kind: Kind[Any]) -> Iterator[str]:
    """Give the words of lmctool's own plugins of a kind."""
    for word in registry.names(kind):
        if registry.owner(registry.find(kind, word)) == "lmctool":
            yield word


def _refuse(command: AnalysisCommand, slots: Sequence[Slot], last: list[Selected]) -> None:
    from lmctool.cli.plugin_options import Selected, options

    choices = [
        [Selected(slot, word, options(slot, word)) for word in built_in(slot.kind)]
        for slot in slots
    ]
    for selected in product(*choices):
        try:
            command.check_clashes([*selected, *last])
        except PluginError as cause:
            raise ClaimError(str(cause)) from cause
