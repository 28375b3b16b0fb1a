"""The command of an installed analysis."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import computation_options, plugin_options
from lmctool.cli.checkpoint_options import naming
from lmctool.cli.clashes import check_clashes
from lmctool.cli.command import Command, words_noted
from lmctool.cli.help_page import ALL
from lmctool.cli.imports import uncollected
from lmctool.cli.options import OBSERVER, help_page, settings, shared
from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.given import NOTHING
from lmctool.plugin.kinds import ANALYSES, MERGES
from lmctool.plugin.settings import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.cli.help_page import Sections
    from lmctool.cli.job import Job
    from lmctool.cli.plugin_options import Selected
    from lmctool.errors import ExitCode
    from lmctool.plugin.given import Given
    from lmctool.plugin.records import Analysis, Arity
    from lmctool.plugin.settings import SeriesKind

NUMBERS = {1: "one", 2: "two", 3: "three"}
SELECTED, WORDS = "lmctool.selected", "lmctool.words"
"""Keys of a context's meta: the plugins that the command line names, and its words."""
UNRECORDED = (OBSERVER, "--executor", "--shard")
UNRECORDED_FLAGS = ("--resume", "--mixed", "--no-cache")
"""Options with and without a value that say where a result is made, what is kept for later runs, or
who is told of it."""


class AnalysisCommand(Command):
    """The command of one analysis: its options, those of selected plugins, the shared ones."""

    def __init__(self, name: str, analysis: Analysis) -> None:
        """Build the command from the plugin's record."""
        self.analysis = analysis
        self.title = name
        self.slots = plugin_options.slots(analysis)
        self.choices = [slot.option() for slot in self.slots]
        if analysis.aligner != "never":
            self.choices.append(plugin_options.apply_option())
        self.shared = shared(name, analysis)
        shared_options = [option for _, options in self.shared for option in options]
        # The number of checkpoints is checked after parsing, with a better message than click's.
        checkpoints = click.Argument(
            ["checkpoints"],
            nargs=-1,
            required=True,
            type=click.Path(path_type=Path),
            metavar=_metavar(analysis),
        )
        self.host_parameters = [checkpoints, *self.choices, *shared_options]
        super().__init__(
            name,
            params=[*self.host_parameters, *analysis.options],
            help=registry.summary(ANALYSES, name),
            page=help_page(analysis),
        )

    @property
    def bounds(self) -> tuple[int, int | None]:
        """The least and the greatest number of arguments; None for no greatest one."""
        return _bounds(self.analysis.arity)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Select the plugins that the words name, add their options, and parse."""
        ctx.meta[WORDS] = tuple(args)
        words, strays = plugin_options.join_names(args, self.slots)
        before = words[: words.index("--")] if "--" in words else words
        ctx.meta[SELECTED] = plugin_options.select(self.slots, words, show_all=ALL in before)
        self.check_clashes(ctx.meta[SELECTED])
        explicit = {slot.parameter: slot.flag for slot in self.slots if slot.explicit_name(words)}
        try:
            rest = super().parse_args(ctx, words)
        except click.NoSuchOption as error:
            raise self._with_owner(ctx, error) from None
        if not ctx.resilient_parsing:
            self._check_count(ctx, strays)
            if ctx.params.get("apply") and "aligner" in explicit:
                ctx.fail(f"--apply takes the place of {explicit['aligner']}; give one of them")
        return rest

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Add the options of the selected plugins to the command's own."""
        plugins = [option for choice in ctx.meta.get(SELECTED, ()) for option in choice.options]
        return [*super().get_params(ctx), *plugins]

    def sections(self, ctx: click.Context) -> Sections:
        """Return the options in sections: the analysis's, its plugins', the shared ones."""
        own = (self.title, [*self.analysis.options, *self.choices])
        return [own, *self.extra(ctx), *self.shared]

    def extra(self, ctx: click.Context) -> Sections:
        """Return the options of the plugins that are in use."""
        return [(f"{c.slot.flag} {c.name}", list(c.options)) for c in ctx.meta.get(SELECTED, ())]

    def invoke(self, ctx: click.Context) -> ExitCode:
        """Run the analysis; return the exit code of its gates."""
        with words_noted(ctx):
            return self._run(ctx)

    def _run(self, ctx: click.Context) -> ExitCode:
        with uncollected():
            from lmctool.cli.failure import report_failure
            from lmctool.cli.run_job import execute

        values = ctx.params
        try:
            job = self.job(ctx)
        except LmctoolError as error:
            if not (values["dry_run"] or values.get("share")):
                report_failure(self.title, error, values["junit"], force=values["force"])
            raise
        return execute(job, dry_run=values["dry_run"])

    def job(self, ctx: click.Context, given: Given = NOTHING) -> Job:
        """Return the job that the command line asks for.

        Args:
            ctx: the parsed command line.
            given: the objects that some of its words stand for.
        """
        from lmctool.cli.gates import gates_of_run
        from lmctool.cli.inputs import find_inputs
        from lmctool.cli.job import Job
        from lmctool.run.environment import command

        values = computation_options.spread(ctx.params)
        options = _values(ctx, self.analysis.options)
        gates, baseline = gates_of_run(self.title, self.analysis, values)
        arguments, names = values["checkpoints"], naming(values)
        inputs = find_inputs(self.analysis, arguments, options, names, given)
        choices = {
            choice.slot.parameter: Choice(choice.name, _values(ctx, choice.options))
            for choice in ctx.meta[SELECTED]
        }
        return Job(
            name=self.title,
            analysis=self.analysis,
            settings=settings(
                values,
                inputs,
                aligner=None if values.get("apply") else choices.get("aligner"),
                correction=choices.get("correction"),
                merge=choices.get("merge"),
                given=given,
            ),
            options=inputs.options,
            recorded_options=options,
            command=command([self.title, *_recorded(ctx.meta[WORDS])]),
            out=values["out"],
            document=values["document"],
            junit=values["junit"],
            force=values["force"],
            resume=values["resume"],
            quiet=values["quiet"],
            verbose=values["verbose"],
            gates=gates,
            baseline=baseline,
            observers=values["observers"],
            words=(self.title, *ctx.meta[WORDS]),
            executor=values.get("executor"),
            mixed=values.get("mixed", False),
            share=values.get("share"),
        )

    def _check_count(self, ctx: click.Context, strays: Sequence[plugin_options.Stray]) -> None:
        checkpoints = ctx.params["checkpoints"]
        least, most = bounds = self._bounds_of_method(ctx)
        plugin_options.check_strays(strays, checkpoints, most)
        if len(checkpoints) < least or (most is not None and len(checkpoints) > most):
            given = ", ".join(f"'{path}'" for path in checkpoints)
            count = len(checkpoints)
            by = f" --method {ctx.params[MERGES.word]}" if bounds != self.bounds else ""
            taken = _arguments(bounds, self.analysis.series)
            ctx.fail(f"{self.title}{by} takes {taken}; {count} given: {given}")

    def _bounds_of_method(self, ctx: click.Context) -> tuple[int, int | None]:
        """Return the least and the greatest number of arguments that the chosen method takes."""
        name = ctx.params.get(MERGES.word) if self.analysis.merge != "never" else None
        return self.bounds if name is None else registry.load(MERGES, name).networks

    def check_clashes(self, plugins: Sequence[Selected]) -> None:
        """Refuse options that the command and such plugins call the same.

        Raises:
            PluginError: there are some; the message names both sides.
        """
        sides: list[tuple[str, Sequence[click.Parameter]]] = [
            ("lmctool itself", self.host_parameters),
            (f"analysis {self.title!r}", self.analysis.options),
        ]
        sides += [
            (f"{choice.slot.parameter} {choice.name!r}", choice.options) for choice in plugins
        ]
        check_clashes(sides)

    def _with_owner(self, ctx: click.Context, error: click.NoSuchOption) -> click.UsageError:
        """Return an error that names the option's plugin, if it is one of a plugin not selected."""
        selected = {choice.slot: choice.name for choice in ctx.meta[SELECTED]}
        for slot in self.slots:
            # of a flag that always takes a name the option may be another plugin's
            others = registry.names(slot.kind) if slot.required else [slot.default]
            for name in others if slot.required or slot not in selected else ():
                if name != selected.get(slot) and error.option_name in _flags(slot, name):
                    whose = f"{slot.flag} {name}" if slot.required else slot.flag
                    message = f"option {error.option_name!r} belongs to {whose}; give that too"
                    return click.UsageError(message, ctx)
        return error


def _flags(slot: plugin_options.Slot, name: str) -> list[str]:
    """Return the flags of a plugin's options; none of one that cannot be used."""
    try:
        return [flag for option in plugin_options.options(slot, name) for flag in option.opts]
    except LmctoolError:
        return []


def _recorded(words: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command line but for those that change no result."""
    remaining = iter(words)
    for word in remaining:
        flag, equals, value = word.partition("=")
        if word == "--":
            yield from (word, *remaining)
        elif flag in UNRECORDED:
            if not equals:
                next(remaining, None)
        elif flag == "--device" and equals:
            yield f"{flag}={computation_options.first_device(value)}"
        elif flag == "--device":
            yield from (flag, *map(computation_options.first_device, islice(remaining, 1)))
        elif word not in UNRECORDED_FLAGS:
            yield word


def _bounds(arity: Arity) -> tuple[int, int | None]:
    """Return the least and the greatest number of arguments; None for no greatest one."""
    if isinstance(arity, tuple):
        return arity
    return (1, None) if arity == "n" else (arity, arity)


def _metavar(analysis: Analysis) -> str:
    """Return the names of the arguments in the usage line."""
    least, most = _bounds(analysis.arity)
    noun = {None: "CKPT", "steps": "RUN", "siblings": "FORK"}[analysis.series]
    stem = f"{noun}_" if analysis.series else ""
    letters = [f"{stem}{letter}" for letter in "ABC"[: most or least]]
    if least == 1 and most in {1, None}:
        letters = [noun]
    words = [name if n < least else f"[{name}]" for n, name in enumerate(letters)]
    return " ".join(words) + ("..." if most is None else "")


def _arguments(bounds: tuple[int, int | None], series: SeriesKind | None) -> str:
    """Return in words which arguments an analysis takes."""
    least, most = bounds
    noun = {None: "checkpoint", "steps": "run", "siblings": "fork"}[series]
    number = NUMBERS.get(least, least)
    words = f"{number} {noun}{'s' if least > 1 else ''}"
    if most is None:
        return f"{words} or more"
    if most > least:
        return f"{number} to {NUMBERS.get(most, most)} {noun}s"
    names = " and ".join("ABC"[:least])
    return f"{words}, {names}" if least > 1 else words


def _values(ctx: click.Context, options: Sequence[click.Option]) -> dict[str, Any]:
    names = [str(option.name) for option in options]
    return {name: ctx.params[name] for name in names if name in ctx.params}
