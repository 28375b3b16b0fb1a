"""The signature and the docstring of an analysis's function, from what its command is made of."""

from __future__ import annotations

import inspect
import re
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import plugin_options
from lmctool.errors import LmctoolError
from lmctool.notebook.examples import calls
from lmctool.notebook.keywords import keywords, long_flag, python_name
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.parameters import CheckpointFile, ResultFile, SeriesFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.notebook.keywords import Keyword

WIDTH = 92
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
REPEATABLE = re.compile(r"[Rr]epeatable(, or comma-separated)?")
"""What the help of options says of a command line, and a docstring of a function."""
PATH = "str | PathLike[str]"
TYPES: dict[type[Any], str] = {
    CheckpointFile: "Network",
    SeriesFolder: "Series",
    ResultFile: f"{PATH} | Result",
    click.Path: PATH,
    click.types.IntParamType: "int",
    click.types.FloatParamType: "float",
}
"""What stands for each type of value; the first that fits."""
OBJECTS = {
    "model": "str | Module | Callable[..., Module]",
    "data": "Data",
    "calib": "Data",
    "apply": f"{PATH} | Result",
}
"""The types of keywords that take more than their options do."""
MORE = {
    "model": "Or a torch.nn.Module, or a function that returns one; without it the module of the"
    " first network that is one.",
    "data": "Or data in memory: a pair (x, y) of arrays or tensors, a torch Dataset or DataLoader,"
    " a datasets.Dataset, or {'train': ..., 'test': ...} of these.",
    "calib": "Or data in memory, as for data.",
    "apply": "Or a result that was saved or opened.",
}
"""What is said of them beside the help of their options."""
OUT = (
    "Write the result to this path, with its figure and a new checkpoint beside it, as the command"
    " does. Without it nothing is written."
)
NETWORK = "a path, a state dict or a torch.nn.Module, which stays as it is"
SERIES = {
    "steps": "the folder or the pattern of a training run's checkpoints, or its networks by step",
    "siblings": "the folder or the pattern of the siblings of a fork, or lists of them by the step"
    " of their fork",
}
ENDS = """Returns:
    What it found: metrics, arrays, table and figure.

Raises:
    LmctoolError: something cannot be read, found or used, or doesn't fit together.
    UnjudgedError: the numbers would mean nothing."""


class Form(str):
    """The text of a type, which help shows as it stands."""

    __repr__ = str.__str__


def signature(command: AnalysisCommand) -> inspect.Signature:
    """Return the signature of the function of an analysis."""
    kinds = inspect.Parameter
    least, most = command.bounds
    names = positional_names(command)
    places = [kinds(name, kinds.POSITIONAL_ONLY, annotation=_network(command)) for name in names]
    if most != least:
        name = "others" if least > 1 else "checkpoints"
        places.append(kinds(name, kinds.VAR_POSITIONAL, annotation=_network(command)))
    words = [
        kinds(
            each.name,
            kinds.KEYWORD_ONLY,
            default=None if each.name == "out" else each.default,
            annotation=Form(annotation(each)),
        )
        for each in keywords(command).values()
    ]
    if command.slots:
        words.append(kinds("plugin_options", kinds.VAR_KEYWORD, annotation=Form("Any")))
    return inspect.Signature([*places, *words], return_annotation=Form("Result"))


def positional_names(command: AnalysisCommand) -> list[str]:
    """Return the names of the arguments that must be there; of one, where more may be, none."""
    least, most = command.bounds
    if least == 1:
        return ["checkpoint"] if most == 1 else []
    return list("abc"[:least])


def annotation(keyword: Keyword) -> str:
    """Return the type of a keyword's value, as a stub has it."""
    option, metavar = keyword.option, keyword.option.metavar or ""
    optional = "" if keyword.default is not None and keyword.name != "out" else " | None"
    if keyword.is_flag:
        return "bool"
    if keyword.named:
        return "bool | str"
    if keyword.name in OBJECTS:
        return OBJECTS[keyword.name] + optional
    if option.multiple and "=" in metavar:
        return f"Mapping[str, Any]{optional}"
    if isinstance(option.type, click.Choice):
        form = f"Literal[{', '.join(map(repr, option.type.choices))}]"
    elif "," in metavar:
        form = "str | float | Sequence[str | float]"
    else:
        kinds = (text for kind, text in TYPES.items() if isinstance(option.type, kind))
        form = next(kinds, "int | str" if metavar.startswith("N|") else "str")
    if option.nargs > 1:
        form = f"Sequence[{form}]"
    several = option.multiple and not form.endswith("]")
    return f"{form}{f' | Sequence[{form}]' if several else ''}{optional}"


def documentation(command: AnalysisCommand) -> str:
    """Return the docstring of the function of an analysis."""
    entry = registry.find(ANALYSES, command.title)
    module = inspect.getdoc(__import__(entry.module, fromlist=["_"])) or ""
    names = positional_names(command) or ["checkpoints"]
    if command.bounds[1] != command.bounds[0] and len(names) > 1:
        names.append("others")
    kind = command.analysis.series
    what = SERIES[kind] if kind else NETWORK
    parts = [_item(", ".join(names), what if len(names) == 1 else f"each {what}.")]
    known = keywords(command).values()
    flags = {long_flag(each.option): each.name for each in known}
    parts += [_item(each.name, _help(each, flags)) for each in known]
    if command.slots:
        parts.append(_item("plugin_options", "Options of the aligner and the correction in use:"))
        parts += [_item(where, text, 8) for where, text in _plugin_options(command, flags)]
    examples = [f"    {each}" for each in calls(command)]
    first = ["Examples:", *examples, ""] if examples else []
    return "\n".join([module.strip(), "", *first, "Args:", *parts, "", ENDS])


def _plugin_options(
    command: AnalysisCommand, names: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the options of every aligner and correction: where each belongs, and its help."""
    for slot in command.slots:
        for name in registry.names(slot.kind):
            try:
                options = plugin_options.options(slot, name)
            except LmctoolError:  # a stranger's that is broken
                continue
            for option in options:
                where = f"{python_name(option)} ({slot.parameter} {name})"
                yield where, _text(option, names)


def _help(keyword: Keyword, names: Mapping[str, str]) -> str:
    if keyword.name == "out":
        return OUT
    return " ".join(filter(None, (_text(keyword.option, names), MORE.get(keyword.name))))


def _text(option: click.Option, names: Mapping[str, str]) -> str:
    """Return the help of an option, with its default and its range; flags by their keywords."""
    context = click.Context(click.Command("lmctool"))
    record = option.get_help_record(context)
    text = " ".join((record[1] if record else option.help or "").split())
    text = FLAG.sub(lambda flag: names.get(flag[0], flag[0]), text)
    return REPEATABLE.sub("one or several", text)


def _item(name: str, text: str, indent: int = 4) -> str:
    """Return an entry of a docstring."""
    first, rest = " " * indent, " " * (indent + 4)
    return fill(
        f"{name}: {text}",
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _network(command: AnalysisCommand) -> Form:
    return Form({None: "Network", "steps": "Series", "siblings": "Forks"}[command.analysis.series])
