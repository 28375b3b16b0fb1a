"""The scores that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.errors import PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import SCORES
from lmctool.results.score_metric import STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmctool.plugin.records import Score


def named_scores(words: Iterable[str]) -> tuple[Score, ...]:
    """Return the scores of registered words, in their order.

    Raises:
        PluginError: one is not installed, or its metric has another name than its word, or that of
            loss or error.
    """
    scores = {word: registry.load(SCORES, word) for word in words}
    for word, score in scores.items():
        if score.metric.name != word or word in {metric.name for metric in STANDARD}:
            raise PluginError(
                f"score {word!r} gives a metric called {score.metric.name!r}; it must have the"
                " word's own name, and neither that of loss nor of error"
            )
    return tuple(scores.values())
