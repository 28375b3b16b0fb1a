"""The scores that a user names."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, PluginError, machine_failure
from lmctool.plugin import registry
from lmctool.plugin.exits import no_exit
from lmctool.plugin.kinds import SCORES
from lmctool.plugin.source_code import OWN
from lmctool.results.score_metric import STANDARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lmctool.plugin.records import Score


def named_scores(words: Iterable[str]) -> tuple[Score, ...]:
    """Return the scores of registered words, in their order.

    Raises:
        PluginError: one is not installed, or its metric has another name than its word, or that of
            loss or error.
    """
    return tuple(map(_named, words))


def _named(word: str) -> Score:
    score = registry.load(SCORES, word)
    if score.metric.name != word or word in {metric.name for metric in STANDARD}:
        raise PluginError(
            f"score {word!r} gives a metric called {score.metric.name!r}; it must have the word's"
            " own name, and neither that of loss nor of error"
        )
    if registry.owner(registry.find(SCORES, word)) == OWN:
        return score
    of_batch, of_split = (
        partial(_of_others, f"score {word!r}", each) for each in (score.of_batch, score.of_split)
    )
    return replace(score, of_batch=of_batch, of_split=of_split)


def _of_others(who: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of somebody else's code; what it raises names it."""
    try:
        with no_exit(who):
            return function(*arguments)
    except LmctoolError:
        raise
    except Exception as cause:
        if machine_failure(cause):
            raise
        raise PluginError(f"{who} failed: {type(cause).__name__}: {cause}") from cause
