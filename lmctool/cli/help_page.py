"""The text of help: examples, the main options or all of them, under their headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from lmctool.plugin.help_page import COMMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ALL = "--help-all"
"""The option that shows every option of a command."""
MOST = 10
"""Of a command with more options than these ``--help`` shows the main ones alone."""
WHOLE = "lmctool.help-all"
"""Key of a context's meta: whether the whole help is asked for."""
WORD = r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+"
UNBROKEN = re.compile(rf"-{WORD}(?: (?!-){WORD})?|{WORD}")
"""A word of a command line, or an option with its value."""
Sections = list[tuple[str, list[click.Option]]]


def all_option() -> click.Option:
    """Return the option ``--help-all``."""
    return click.Option(
        [ALL],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        hidden=True,
        callback=_show,
        help="Show every option and exit.",
    )


def write_examples(formatter: click.HelpFormatter, name: str, examples: Sequence[str]) -> None:
    """Write the examples of a command, which can be copied into a shell as they stand."""
    texts = []
    for example in examples:
        words, _, comment = example.partition(COMMENT)
        lines = [f"  # {comment.strip()}"] if comment else []
        lines += [f"  {each}" for each in _broken(f"lmctool {name} {words}", formatter.width - 2)]
        texts.append("\n".join(lines))
    if texts:
        apart = "\n\n" if any("\n" in text for text in texts) else "\n"
        with formatter.section("Examples"):
            formatter.write(apart.join(texts) + "\n")


def write_sections(ctx: click.Context, formatter: click.HelpFormatter, sections: Sections) -> None:
    """Write options under their headings; hidden ones, and headings of none, are left out."""
    for title, options in sections:
        records = [option.get_help_record(ctx) for option in options]
        if shown := [record for record in records if record]:
            with formatter.section(title):
                formatter.write_dl(shown)


def main_options(sections: Sections, flags: Iterable[str]) -> list[click.Option]:
    """Return the options of these flags, in their order, without flags that none has."""
    by_flag = {flag: each for _, options in sections for each in options for flag in each.opts}
    return [by_flag[flag] for flag in flags if flag in by_flag]


def _show(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        ctx.meta[WHOLE] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()


def _broken(line: str, width: int) -> Iterator[str]:
    """Yield the lines of a command line that is broken as a shell lets one, before its options."""
    first, *words = UNBROKEN.findall(line)
    start = ""
    for word in words:
        if len(start) + len(first) + 1 + len(word) > width - 2:
            yield f"{start}{first} \\"
            start, first = "    ", word
        else:
            first = f"{first} {word}"
    yield f"{start}{first}"
