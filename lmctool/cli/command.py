"""A command: its help, and which of its words name outputs, and which name inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lmctool.cli import github, help_page
from lmctool.cli.host_pages import PAGES
from lmctool.files.home import expanded
from lmctool.files.input_files import inputs_noted, note_input
from lmctool.plugin.help_page import HelpPage


class OutputFile(click.Path):
    """The type of a parameter that names a file to write; with a dash, of one or of stdout."""

    def __init__(self, *, dash: bool = False) -> None:
        """Take a path, or a text that may be ``-``; whether it can be written is seen later."""
        super().__init__(allow_dash=dash, path_type=str if dash else Path)


class Command(click.Command):
    """A command that notes the files that its words name, before it reads and writes any."""

    def __init__(self, *arguments: Any, page: HelpPage | None = None, **more: Any) -> None:
        """Take what click takes, and what help shows beside, of the host's what is in its table."""
        super().__init__(*arguments, **more)
        self.page = page or PAGES.get(str(self.name), HelpPage())
        self._help_all = help_page.all_option()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Add ``--help-all`` where there is ``--help``."""
        return [*super().get_params(ctx), *([self._help_all] if ctx.help_option_names else [])]

    def sections(self, ctx: click.Context) -> help_page.Sections:
        """Return all options, under their headings."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        return [("Options", options)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples and the main options, or every option where all are asked for."""
        sections = self.sections(ctx)
        if not ctx.meta.get(help_page.WHOLE):
            help_page.write_examples(formatter, str(self.name), self.page.examples)
        if self.shortened(ctx):
            main = help_page.main_options(sections, self.page.main)
            sections = [("Main options", main), *self.extra(ctx)]
        help_page.write_sections(ctx, formatter, sections)

    def shortened(self, ctx: click.Context) -> bool:
        """Tell whether help shows the main options alone: there are many, and not all are asked."""
        many = sum(isinstance(each, click.Option) for each in self.params) > help_page.MOST
        return many and bool(self.page.main) and not ctx.meta.get(help_page.WHOLE)

    def extra(self, ctx: click.Context) -> help_page.Sections:
        """Return the options beside the main ones that the words of this command line ask for."""
        return []

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name what shows the other options, and the page of the documentation."""
        super().format_epilog(ctx, formatter)
        all_line = (f"lmctool {self.name} {help_page.ALL}", "every option")
        more = [all_line] if self.shortened(ctx) else []
        more += [(self.page.docs, "the documentation")] if self.page.docs else []
        if more:
            with formatter.section("More"):
                formatter.write_dl(more)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, and refuse NaN and infinities, which click's ranges let pass."""
        rest = super().parse_args(ctx, args)
        for parameter in self.get_params(ctx):
            value = ctx.params.get(str(parameter.name))
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, float) and not math.isfinite(each):
                    raise click.BadParameter(f"{each} is not a finite number", ctx, parameter)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with words_noted(ctx):
            return super().invoke(ctx)


@contextmanager
def words_noted(ctx: click.Context) -> Iterator[None]:
    """Note the inputs of a command while it runs, first those that its parameters name.

    Raises:
        LmctoolError: the job's summary, to which the command appends, is one of them.
    """
    with inputs_noted():
        for parameter in ctx.command.get_params(ctx):
            if not isinstance(parameter.type, OutputFile):
                for path in _paths(ctx.params.get(str(parameter.name))):
                    note_input(path)
        github.check_summary()
        yield


def _paths(value: object) -> Iterator[Path]:
    """Yield every path that a value can mean, such as each part of ``WORD:PATH?NAME=VALUE``."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, str):
        for text in (value, value.partition("?")[0], value.partition("=")[2]):
            colons = [place for place, character in enumerate(text) if character == ":"]
            parts = [text, *(text[:place] for place in colons)]
            for part in (*parts, *(text[place + 1 :] for place in colons)):
                yield expanded(part)
    elif isinstance(value, Mapping):
        yield from _paths(tuple(value.values()))
    elif isinstance(value, Sequence):
        for each in value:
            yield from _paths(each)
