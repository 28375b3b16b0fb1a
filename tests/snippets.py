"""The blocks of code in every page of Markdown, and the commands in them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    {*ROOT.glob("*.md"), *(path for top in ("docs", "examples", "plugins")
                           for path in (ROOT / top).rglob("*.md"))}
)  # fmt: skip
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4}[^\n]*\n|\n)+)")
OURS = [["lmctool"], ["make"], ["python"], ["pip"]]
"""What indented lines of commands begin with."""
PATTERN = re.compile(r"""'[^']*'|"[^"]*"|[^\s'"]*[*?][^\s'"]*""")
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
KEYWORDS = {"do", "done"}


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: the page's path in the repository.
        line: its first line in the page, from 1.
        language: what stands behind the fence; ``indented`` where there is none.
        text: its lines.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Say where the block stands."""
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    name, text = page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")
    found = [
        Block(name, text.count("\n", 0, fence.start()) + 2, fence[2], fence[3])
        for fence in FENCE.finditer(text)
    ]
    # what is fenced is no text any more, and keeps its lines
    rest = FENCE.sub(lambda fence: "x" + "\n" * fence[0].count("\n"), text)
    found += [
        Block(name, rest.count("\n", 0, each.start(1)) + 1, "indented", each[1])
        for each in INDENTED.finditer(rest)
        if each[1].strip()
    ]
    return sorted(found, key=lambda block: block.line)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def lines_of(block: Block) -> list[str]:
    """Return the command lines of a block: those with a prompt, or all of a script's."""
    text = block.text.replace("\\\n", " ")
    if block.language == "console":
        return re.findall(r"^\$ (.*(?:\n> .*)*)", text, re.MULTILINE)
    if block.language == "indented":  # formulas and listings are indented, too
        return [line.strip() for line in text.splitlines() if line.split()[:1] in OURS]
    return text.splitlines()


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each command of a block, with the block's own variables filled in.

    Of a loop this is the first round.
    """
    variables: dict[str, str] = {}
    pending: list[str] = []
    for line in lines_of(block):
        pending.append(line)
        text = VARIABLE.sub(lambda use: variables.get(use[1], use[0]), "\n".join(pending))
        try:
            tokens = _tokens(text)
        except ValueError:  # a quote that ends on a later line
            continue
        pending = []
        for words in _simple(tokens):
            name, equals, value = words[0].partition("=")
            if words[0] == "for":
                variables[words[1]] = words[3]
            elif equals and name.isidentifier():
                variables[name] = value
            else:
                yield words
    assert not pending, f"{block}: a quote does not end"


def spoken(page: Path) -> list[list[str]]:
    """Return the words of each command of lmctool that stands in a sentence or a table."""
    text = FENCE.sub("", page.read_text(encoding="utf-8")).replace(r"\|", "|")
    found = re.findall(r"`(lmctool [^`]+)`", text)
    return [words for line in found for words in _simple(_tokens(line.replace("\n", " ")))]


def _tokens(text: str) -> list[str]:
    """Return the words and operators of a line of a shell; a bare pattern stands for two files."""

    def filled(found: re.Match[str]) -> str:
        if found[0][0] in "'\"":
            return found[0]
        return " ".join(re.sub(r"[*?]", number, found[0]) for number in "01")

    lexer = shlex.shlex(PATTERN.sub(filled, text), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    return list(lexer)


def _simple(tokens: list[str]) -> Iterator[list[str]]:
    """Yield the simple commands of a line, without the words of loops around them."""
    words: list[str] = []
    for token in [*tokens, ";"]:
        if set(token) <= set(";&|"):
            if words:
                yield words
            words = []
        elif words or token not in KEYWORDS:
            words.append(token)
