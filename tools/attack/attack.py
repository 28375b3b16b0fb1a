"""One attack: what is tried, and the rule that says whether it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tools.attack.command import Done, nothing, run
from tools.attack.traces import traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SENTENCE = r"(?m)^(Error|Usage): .{10}"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        area: what it belongs to in the table.
        name: its name within the area; the two together are told apart from all others.
        attempt: makes it in the current folder, a copy of the sound inputs; returns what does not
            hold, or nothing.
    """

    area: str
    name: str
    attempt: Callable[[], str]

    @property
    def title(self) -> str:
        """The name by which it can be run alone."""
        return f"{self.area}/{self.name}"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is right.

    Attributes:
        codes: the exit codes that are.
        says: an expression that the messages fulfil.
        never: an expression that no output fulfils.
        makes: how the names of files that may appear begin, where the command comes to an end.
        whole: whether they may appear in a refusal too: it comes after they were written.
        check: told what was done, returns what else is wrong.
    """

    codes: frozenset[int]
    says: str = ""
    never: str = ""
    makes: tuple[str, ...] = ("out",)
    whole: bool = False
    check: Callable[[Done], str] | None = field(default=None)

    def broken(self, done: Done, before: Mapping[str, str]) -> str:
        """Return what does not hold, given the files that were there before."""
        from re import search

        found = []
        if done.code not in self.codes:
            right = " or ".join(map(str, sorted(self.codes)))
            found.append(f"exit code {done.code} in place of {right}: {done.last()}")
        if "Traceback (most recent call last)" in done.err:
            found.append(f"a traceback: {done.last()}")
        elif done.code == 2 and not search(SENTENCE, done.err):
            found.append(f"no sentence but {done.err[-200:]!r}")
        if self.says and not search(self.says, done.out + done.err):
            found.append(f"nothing says {self.says!r}: {done.last()}")
        if self.never and (match := search(self.never, done.out + done.err)):
            found.append(f"printed {match[0]!r}")
        found += traces(before, self.makes if self.whole or done.code in (0, 3, 4) else ())
        if not found and self.check and (wrong := self.check(done)):
            found.append(wrong)
        return "; ".join(found)


def refused(says: str = "", *more: int, never: str = "") -> Rule:
    """Return the rule of what is refused by one sentence, with nothing written."""
    return Rule(frozenset({2, *more}), says, never, ())


def attempt(
    words: tuple[str, ...],
    rule: Rule,
    prepare: Callable[[], object] = nothing,
    inside: Callable[[], object] = nothing,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Prepare the folder, run one command in it, and judge.

    Args:
        words: the command.
        rule: what is right.
        prepare: changes the folder.
        inside: run in the command's own process before it.
        environment: variables of the command.
    """
    prepare()
    from tools.attack.traces import digests

    before = digests()
    return rule.broken(run(*words, inside=inside, environment=environment), before)


def one(
    area: str,
    name: str,
    words: tuple[str, ...],
    rule: Rule,
    prepare: Callable[[], object] = nothing,
    inside: Callable[[], object] = nothing,
    environment: Mapping[str, str] | None = None,
) -> Attack:
    """Return the attack that is one command."""
    return Attack(area, name, partial(attempt, words, rule, prepare, inside, environment))
