"""The records that plugins return: what each kind of plugin can add."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lmctool.errors import did_you_mean
from lmctool.plugin.help_page import HelpPage
from lmctool.results.score_metric import (
    ERROR,
    LOSS,
    Declaration,
    DeclaredScores,
    ScoreMetric,
    declared_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from concurrent.futures import Executor

    import click
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from lmctool.plugin.data_records import Preprocessing
    from lmctool.plugin.settings import SeriesKind, Settings
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.result import Group, Result
    from lmctool.results.table import Table

Need = Literal["model", "data"]
Use = Literal["never", "optional", "always"]
Arity = Literal[1, 2, "n"] | tuple[int, int | None]
Partial = Literal["never", "excepted", "fitting"]
Argument = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """One command: what it takes, what it computes, how its result is shown.

    Attributes:
        compute: called as ``compute(run, **options)`` with the options declared here.
        arity: how many checkpoints it takes; ``"n"`` is one or more, ``(2, None)`` two or more,
            ``(1, 3)`` one to three.
        series: what each argument is, where it is a folder or a glob of checkpoints: ``"steps"``,
            those of a training run over its steps, or ``"siblings"``, networks that were forked
            from one at a step; then ``arity`` counts these.
        needs: what the host must resolve; an empty set means weights alone.
        optional: what the analysis can do without: data is resolved where it is named or the
            chosen aligner needs it, a model only where B is to be aligned.
        bare: whether weights alone do for a run of these settings where neither a model nor data
            is named by the user, by a standing choice or by a stamp; without it they never do for
            one that needs a model.
        partial: what becomes of checkpoints that have tensors of different shapes, or on one side
            only: they are refused (``"never"``), the user names those tensors with ``--except``
            (``"excepted"``), or what doesn't fit is left out (``"fitting"``); of the last two the
            analysis leaves ``run.left_out`` alone.
        splits: the splits that it evaluates on unless the user names others.
        options: the click options it adds to the shared ones.
        aligner: ``"optional"`` adds ``--align [NAME]``, ``"always"`` adds ``--aligner NAME``.
        correction: ``"optional"`` adds ``--repair [NAME]``, ``"always"`` adds
            ``--correction NAME``.
        merge: ``"always"`` adds ``--method NAME``, the way to merge networks.
        calibrates: whether it looks at the calibration examples by itself, whatever aligner and
            correction are chosen; the names of some of its options, or of one, for an analysis that
            does so only where one of them is given.
        writes: whether the result holds a checkpoint, written beside the result; the name of
            one of its options for an analysis that makes one only where that is given.
        beside: called as ``beside(**options)`` before the work, returns what stands behind the
            names of further checkpoints, as ``NewCheckpoint.beside`` has them.
        table: the result as one table; without it the metrics are listed.
        figure: draws the result; without it every curve is drawn.
        metrics: every metric that a result of it can have: gates on others, or on values that no
            metric can have, are refused before the run.  None leaves that open.
        networks: called as ``networks(run, **options)`` before the work, returns how many networks
            it will measure on each split, the checkpoints among them; None where that is not known
            before.  It tells ``--dry-run`` and the progress of the whole run, and computes nothing.
        derived: called as ``derived(result)``, returns by path the groups that follow from the
            other groups of a stored result, wholly or in part: summaries of stored curves.  A
            result in which they are not what is stored is refused.  Must not import torch.
        help: examples, main options and the page of its documentation.

    Raises:
        ValueError: a main option is none of ``options``.
    """

    compute: Callable[..., Result]
    arity: Arity = 2
    series: SeriesKind | None = None
    needs: frozenset[Need] = frozenset({"model", "data"})
    optional: frozenset[Need] = frozenset()
    bare: Callable[[Settings], bool] | None = None
    partial: Partial = "never"
    splits: tuple[str, ...] = ("test",)
    options: tuple[click.Option, ...] = ()
    aligner: Use = "never"
    correction: Use = "never"
    merge: Literal["never", "always"] = "never"
    calibrates: bool | str | tuple[str, ...] = False
    writes: bool | str = False
    beside: Callable[..., Sequence[str]] | None = None
    table: Callable[[Result], Table] | None = None
    figure: Callable[[Result, Figure], None] | None = None
    metrics: tuple[Declaration, ...] | None = None
    networks: Callable[..., int | None] | None = None
    derived: Callable[[Result], Mapping[str, Group]] | None = None
    help: HelpPage = field(default_factory=HelpPage)

    def __post_init__(self) -> None:
        """Check that the main options are there."""
        flags = [flag for option in self.options for flag in option.opts]
        for flag in self.help.main:
            if flag not in flags:
                near = did_you_mean(flag, flags) or f"there are: {', '.join(flags) or 'none'}"
                raise ValueError(
                    f"main of its HelpPage has {flag!r}, which is none of its own options;"
                    f" {near.strip()}"
                )

    @property
    def scored(self) -> bool:
        """Whether what it gives of a network's loss and error it gives of other scores too."""
        return self.metrics is None or any(
            isinstance(each, DeclaredScores) and each.every for each in self.metrics
        )

    def declared(self, metrics: Sequence[ScoreMetric]) -> dict[str, DeclaredMetric]:
        """Return the declared metrics by name; none where that is left open.

        Args:
            metrics: what networks are measured by: loss, error, and others behind them.
        """
        return declared_by(self.metrics or (), metrics)


@dataclass(frozen=True, slots=True)
class Aligner:
    """A way to find the permutation that brings B's units into A's order.

    Attributes:
        align: ``align(run, a, b, **options)`` returns a ``Transform`` of B, or an ``Alignment``
            of one with groups for the result: a ``Permutation`` of ``run.permutation_spec``, or
            where ``canonical`` is true a ``LinearTransform`` of ``run.linear_spec``.  The host
            applies it to B and proves it.
        options: click options, added to a command when this aligner is named.
        needs: what it asks the run for, or a function of its options that tells it; without
            ``"data"`` it works where no data is named.
        metrics: every metric that its groups can have; None leaves that open.
        partial: whether it takes networks with tensors of different shapes: it compares no tensor
            of ``run.left_out``, and runs no network that is made of both.
        canonical: whether it is given networks in canonical form (no tied tensors, norms folded
            into their readers), or a function of its options that tells it.
    """

    align: Callable[..., Any]
    options: tuple[click.Option, ...] = ()
    needs: frozenset[Need] | Callable[..., frozenset[Need]] = frozenset({"model", "data"})
    metrics: tuple[Declaration, ...] | None = None
    partial: bool = False
    canonical: bool | Callable[..., bool] = False

    def looks_at_data(self, options: Mapping[str, Any]) -> bool:
        """Tell whether it needs data, with values of its options."""
        return "data" in (self.needs(**options) if callable(self.needs) else self.needs)

    def is_canonical(self, options: Mapping[str, Any]) -> bool:
        """Tell whether it is given networks in canonical form, with values of its options."""
        return self.canonical(**options) if callable(self.canonical) else self.canonical


@dataclass(frozen=True, slots=True)
class Correction:
    """A way to correct the networks on the straight path between two others.

    Attributes:
        prepare: ``prepare(run, a, b, storable=..., **options)`` returns a function from
            ``alpha`` (strictly between 0 and 1) to corrected weights.  Under ``storable`` they
            must fit the model's own tensors; else they may also hold entries named
            ``@TAP.scale`` and ``@TAP.shift``, applied to the value of that tap.
        options: click options, added to a command when this correction is named.
        prepare_merge: ``prepare_merge(run, networks, storable=..., **options)`` returns a function
            from the weights of a network that was made of these, on no path between two of them,
            and the share of each, 1 together, to corrected weights; None for a correction of paths
            alone.
        prepare_outputs: ``prepare_outputs(run, a, b, **options)`` returns what ``prepare`` does
            where outputs alone are looked at, and neither tensors nor values inside: other weights
            of the same outputs, up to rounding, that take fewer passes to find; None where
            ``prepare`` does for all.
    """

    prepare: Callable[..., Callable[[float], Mapping[str, Tensor]]]
    options: tuple[click.Option, ...] = ()
    prepare_merge: (
        Callable[..., Callable[[Mapping[str, Tensor], Sequence[float]], Mapping[str, Tensor]]]
        | None
    ) = None
    prepare_outputs: Callable[..., Callable[[float], Mapping[str, Tensor]]] | None = None


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """A family of architectures, under one or more registered words.

    Attributes:
        build: ``build(spec, **arguments)`` returns the module in its initial state; ``spec`` is
            the word, or ``WORD:NAME`` where the family takes a name.
        read: ``read(word, shapes)`` returns the arguments that ``word`` would need to produce
            tensors of these names and shapes, or None when it cannot; the host builds the model
            from them and compares every name and shape, so it need not be certain.
        metadata_arguments: the arguments that an untrusted file may set.
        from_config: ``from_config(config)`` returns the spec and the arguments of the model that a
            folder's config.json describes, or None where it is none of the family's.  The file is
            untrusted: neither may name code or a path.  Asked of every installed family, so it
            must not import a large library.
        preprocessing: ``preprocessing(spec, **arguments)`` returns how the images are prepared
            that the model's published weights are evaluated on, or None where there are none;
            nothing is downloaded.
        untied: the arguments under which a model of the family ties no tensors, where others do.
    """

    build: Callable[..., nn.Module]
    read: Callable[[str, Mapping[str, tuple[int, ...]]], Mapping[str, Argument] | None] | None = (
        None
    )
    metadata_arguments: Container[str] = frozenset()
    from_config: Callable[[Mapping[str, Any]], tuple[str, Mapping[str, Argument]] | None] | None = (
        None
    )
    preprocessing: Callable[..., Preprocessing | None] | None = None
    untied: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """What loss and error mean.

    Attributes:
        score: ``score(outputs, targets)`` returns the loss and the error (0 or 1, or a share) of
            each example, both (example,); of an example of several parts, their means.
        chance: ``chance(targets)`` returns the error of the best constant answer.
        weight: ``weight(targets)`` returns how much each example counts in a mean, (example,),
            such as how many tokens it has; without it all count the same.
        chance_loss: ``chance_loss(targets)`` returns the loss of the best constant answer; without
            it the error alone tells whether a network answers at chance.
        check: ``check(outputs, targets)`` raises ``LmctoolError`` where a model with such outputs,
            those of some batch, cannot be scored by the targets, all those of a split.  An
            evaluation calls it once for each split, before ``score``, which then need not look at
            the targets' values: on a GPU that is a wait for each batch.
        answers: ``answers(outputs, targets)`` returns what other scores judge of a batch, item by
            item: an example, or a part of one that counts, such as a token or a pixel.  Of classes
            that is the logits (item, class) and the right class (item,); of one logit (item,) and
            0 or 1; of labels the logits (item, label) and 0, 1, or -100 for a label that doesn't
            count.  Items that count for nothing are left out.  None for a task without classes.
        of_split: ``of_split(targets)`` returns the task of a split that has these targets, where
            the scores of an example depend on the others'; ``score`` itself then takes its batch
            for a whole split.  None where they follow from the example alone.
        loss: its name, unit and range.
        error: likewise.
    """

    score: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    chance: Callable[[NDArray[Any]], float]
    weight: Callable[[Tensor], Tensor] | None = None
    chance_loss: Callable[[NDArray[Any]], float] | None = None
    check: Callable[[Tensor, Tensor], None] | None = None
    answers: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    of_split: Callable[[Tensor], Task] | None = None
    loss: ScoreMetric = LOSS
    error: ScoreMetric = ERROR

    def on(self, targets: Tensor) -> Task:
        """Return what this task is on a split that has these targets, all of them."""
        return self if self.of_split is None else self.of_split(targets)


@dataclass(frozen=True, slots=True)
class Score:
    """Another number by which a network is judged on a split, beside loss and error.

    Attributes:
        metric: its name, which is the registered word, its unit, range and which way it is better.
        of_batch: ``of_batch(answers, right)`` returns a float64 tensor of what the items of a batch
            add to the score, of ``Task.answers``; of many items no more than they sum up to, such
            as counts.  Raises ``LmctoolError`` for answers that the score cannot be taken of.
        of_split: ``of_split(kept)`` returns the score, one float64 number, of what the batches of a
            split gave.
        joined: how these are put together: added up, or one after the other along their first
            dim, which is then that of the items.  The order of items means nothing.
    """

    metric: ScoreMetric
    of_batch: Callable[[Tensor, Tensor], Tensor]
    of_split: Callable[[Tensor], Tensor]
    joined: Literal["summed", "listed"] = "summed"


def _ignore(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Someone who is told how a run goes; an observer that fails is warned about and dropped.

    Attributes:
        started: ``started(provenance)`` before the work.
        progressed: ``progressed(description, done, total)`` during it.
        finished: ``finished(result, error)`` after it; one of the two is None.
        open: for an observer that hears only of runs for which ``--observer NAME:PLACE`` asks:
            ``open(place)`` returns the one who is told of that run, where ``place`` is the text
            behind the colon, or an empty one.  It writes nothing yet, and raises ``LmctoolError``
            where the user can put right that it cannot.  None for one that hears of every run.
    """

    started: Callable[[Mapping[str, Any]], None] = field(default=_ignore)
    progressed: Callable[[str, int, int], None] = field(default=_ignore)
    finished: Callable[[Result | None, BaseException | None], None] = field(default=_ignore)
    open: Callable[[str], Observer] | None = None


@dataclass(frozen=True, slots=True)
class ExecutorFactory:
    """A way to run independent pieces of work somewhere else than in this process.

    What is run takes and returns plain text and numbers: the job as JSON, the numbers of items,
    and a report.  Workers open checkpoints and data by the paths that the user named, and write
    what they find into ``OUT.h5.work``, which all of them must be able to reach.

    Attributes:
        open: ``open(arguments)`` returns the executor; ``arguments`` is the text behind the colon
            of ``NAME:ARGUMENTS``, or an empty one.  A piece of work whose worker dies must end
            with an exception.  ``shutdown(wait=False, cancel_futures=True)`` ends its workers.
        workers: ``workers(executor)`` returns how many pieces of work are done at once; None where
            the executor is one of the standard library, or like one.
        threads: ``threads(executor)`` returns how many threads each worker has for itself; None
            where each has as many as this process.
        device: ``device(executor)`` returns the word for the device of each worker, such as
            ``cuda``; None where it is that of this process.
        prepare: ``prepare(executor, device)`` is called once, before any work, with the word for
            the device of the run, so that each worker may get a GPU of its own.
    """

    open: Callable[[str], Executor]
    workers: Callable[[Executor], int] | None = None
    threads: Callable[[Executor], int | None] | None = None
    device: Callable[[Executor], str | None] | None = None
    prepare: Callable[[Executor, str], None] | None = None
