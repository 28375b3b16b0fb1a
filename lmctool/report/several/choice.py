"""Which lines and bars of results are drawn: by metric, variant and split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, did_you_mean
from lmctool.report.curve_panels import SPLIT, VARIANT
from lmctool.report.several.series import FILE, curves_of, metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lmctool.report.several.series import Quantity, Series
    from lmctool.results.result import Result

MOST = 12
"""Quantities that a figure has panels for; of more the user has to choose."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the user asks for; no words are for all that is there.

    Attributes:
        metrics: names of curves or of metrics.
        variants: names of variants.
        splits: names of splits.
    """

    metrics: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is drawn.

    Attributes:
        series: lines of curves, or values of metrics: each quantity is in every file.
        left_out: what only some files have, in words, and so isn't drawn.
    """

    series: tuple[Series, ...]
    left_out: tuple[str, ...] = ()


def chosen(results: Mapping[str, Result], words: Words) -> Chosen:
    """Return what of results is drawn together.

    It is their curves, or where no result has any their metrics, or where ``words`` name metrics
    these.

    Args:
        results: the results by what their files are called.
        words: what is asked for.

    Raises:
        LmctoolError: something is asked for that isn't there, there is nothing that all results
            have, or there are more metrics than a figure has room for.
    """
    curves = [each for name, result in results.items() for each in curves_of(name, result)]
    values = [each for name, result in results.items() for each in metrics_of(name, result)]
    known = quantities(curves)
    named = words.metrics and all(any(q.is_called(word) for q in known) for word in words.metrics)
    found = curves if named or (curves and not words.metrics) else values
    if words.metrics:
        found = _of_metrics(found, words.metrics, curves + values)
    for dim, asked in ((VARIANT, words.variants), (SPLIT, words.splits)):
        found = _of_dim(found, dim, asked)
    together, left_out = _in_common(found, [*results])
    if not together:
        raise LmctoolError(_nothing_common(found, [*results]))
    if not quantities(together)[0].dim and len(quantities(together)) > MOST:
        raise LmctoolError(
            f"{len(quantities(together))} metrics are more than a figure has room for; choose up to"
            f" {MOST} by --metric: {_names(quantities(together))}"
        )
    return Chosen(tuple(together), tuple(left_out) if not words.metrics else ())


def quantities(series: Iterable[Series]) -> list[Quantity]:
    """Return what lines or bars are of, each once."""
    return list(dict.fromkeys(each.quantity for each in series))


def _of_metrics(
    found: Sequence[Series], words: Sequence[str], everything: Sequence[Series]
) -> list[Series]:
    """Return what is of some metrics: of the names that a word may mean, the exact one."""
    own = quantities(found)
    meant: list[Quantity] = []
    for word in words:
        exact = [each for each in own if word == each.name]
        means = exact or [each for each in own if each.is_called(word)]
        if not means:
            names = list(dict.fromkeys(each.name for each in quantities(everything)))
            raise LmctoolError(
                f"nothing here is called {word!r}; {did_you_mean(word, names)}there are"
                f" {', '.join(names) or 'neither curves nor metrics'}"
            )
        meant += means
    return [each for each in found if each.quantity in meant]


def _of_dim(found: Sequence[Series], dim: str, words: Sequence[str]) -> list[Series]:
    """Return what is of some variants or splits."""
    there = list(dict.fromkeys(each.where[dim] for each in found if dim in each.where))
    for word in words:
        if word not in there:
            near = did_you_mean(word, there)
            has = f"there are {', '.join(there)}" if there else f"nothing drawn has a {dim}"
            raise LmctoolError(f"no {dim} is called {word!r}; {near}{has}")
    return [each for each in found if not words or each.where.get(dim) in words]


def _in_common(found: Sequence[Series], files: Sequence[str]) -> tuple[list[Series], list[str]]:
    """Return what all files have, and in words what only some have."""
    holders = {
        each: {s.where[FILE] for s in found if s.quantity == each} for each in quantities(found)
    }
    left_out = [
        f"'{each.title}' is not in {', '.join(name for name in files if name not in own)}, so it is"
        " not drawn"
        for each, own in holders.items()
        if len(own) < len(files)
    ]
    return [each for each in found if len(holders[each.quantity]) == len(files)], left_out


def _nothing_common(found: Sequence[Series], files: Sequence[str]) -> str:
    """Return in a sentence what each file has, of which nothing is in all of them."""
    if len(files) == 1:
        return "the result has neither curves nor metrics to draw"
    told = []
    for name in files:
        own = quantities(each for each in found if each.where[FILE] == name)
        has = [f"{each.title} over {each.dim}" if each.dim else each.name for each in own]
        told.append(f"'{name}' has {', '.join(has[:MOST]) or 'no curves'}")
    return f"the results have nothing in common that can be drawn: {'; '.join(told)}"


def _names(own: Sequence[Quantity]) -> str:
    return ", ".join(dict.fromkeys(each.name for each in own))
