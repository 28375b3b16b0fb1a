"""What help says of a command beside its summary and its options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

COMMENT = " # "


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What the help of a command shows, beside what follows from its options.

    Attributes:
        examples: command lines without ``lmctool NAME``, such as ``"a.pt b.pt --align"``; behind
            `` # `` one may say what it does.
        main: flags of those of its own options that most need, which ``--help`` shows; empty for
            all of them.  ``--help-all`` shows every option.
        docs: where the command is described: a path in the repository, or an address.

    Raises:
        ValueError: one is of another form.
    """

    examples: tuple[str, ...] = ()
    main: tuple[str, ...] = ()
    docs: str = ""

    def __post_init__(self) -> None:
        """Check the texts."""
        for name in ("examples", "main"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"{name} of a HelpPage is a tuple of texts, such as ('...',)")
        for example in self.examples:
            try:
                words(example)
            except ValueError as cause:
                raise ValueError(f"example {example!r} is no command line: {cause}") from cause


def words(example: str) -> list[str]:
    """Return the words of an example.

    >>> words("a.pt b.pt --require 'barrier.loss < 1'  # a gate")
    ['a.pt', 'b.pt', '--require', 'barrier.loss < 1']

    Raises:
        ValueError: a quotation has no end.
    """
    return shlex.split(example.partition(COMMENT)[0])
