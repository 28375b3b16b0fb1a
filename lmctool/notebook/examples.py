"""The examples of an analysis's help as calls of its function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lmctool.cli.analysis import SELECTED
from lmctool.errors import LmctoolError
from lmctool.notebook.call import described
from lmctool.notebook.keywords import GATES, keywords
from lmctool.plugin.help_page import words

if TYPE_CHECKING:
    from lmctool.cli.analysis import AnalysisCommand

GATE_FLAGS = {f"--{name.replace('_', '-')}" for name in GATES}


def calls(command: AnalysisCommand) -> list[str]:
    """Return the examples as calls, but those with gates, for which a result has a method.

    >>> from lmctool.plugin import registry
    >>> from lmctool.plugin.kinds import ANALYSES
    >>> from lmctool.cli.analysis import AnalysisCommand
    >>> calls(AnalysisCommand("barrier", registry.load(ANALYSES, "barrier")))
    ["lmctool.barrier('a.safetensors', 'b.safetensors', align=True, repair=True)"]
    """
    found = (_call(command, words(example)) for example in command.page.examples)
    return [call for call in found if call]


def _call(command: AnalysisCommand, line: list[str]) -> str:
    """Return the call that does what a command line does; empty for one with gates or K=V."""
    if GATE_FLAGS.intersection(line):
        return ""
    try:
        context = command.make_context(command.title, line, help_option_names=[])
    except (click.UsageError, LmctoolError):  # a stranger's, or of a file that must be there
        return ""
    plugins = [option for choice in context.meta[SELECTED] for option in choice.options]
    bare = {slot.parameter: slot.default for slot in command.slots if not slot.required}
    told = {}
    for keyword in keywords(command, plugins).values():
        name = str(keyword.option.name)
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value = context.params[name]
            told[keyword.name] = True if value == bare.get(name) else _value(value)
    if any(isinstance(value, Mapping) for value in told.values()):
        return ""
    return described(command.title, [str(each) for each in context.params["checkpoints"]], told)


def _value(value: Any) -> Any:
    """Return a value as a call has it: paths as texts, and a list of one value as that."""
    if isinstance(value, tuple):
        return _value(value[0]) if len(value) == 1 else [_value(each) for each in value]
    return str(value) if isinstance(value, Path) else value
