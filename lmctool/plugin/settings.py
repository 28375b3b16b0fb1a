"""What the user asked of one run, before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lmctool.plugin.given import NOTHING, Given

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.files.cache import Cache


@dataclass(frozen=True, slots=True)
class Choice:
    """A plugin that was chosen.

    Attributes:
        name: its word.
        options: values of its own options, by the names that its function gets them by.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


SeriesKind = Literal["steps", "siblings"]
"""What the checkpoints of a folder are: those of one training run, or siblings of a fork."""


@dataclass(frozen=True, slots=True)
class Series:
    """Checkpoints that belong together: of one training run over its steps, or of one fork.

    Attributes:
        path: the folder or the pattern, as the user gave it.
        steps: the step of each checkpoint, rising; of siblings that of their fork, for each.
        indices: where each of them is in ``run.checkpoints``.
        kind: ``"steps"`` of one training run, or ``"siblings"``: networks that were forked from
            one at a step, and each trained to the end.
        passed_over: what else lies there that is a checkpoint, and why it is no sibling, in a
            sentence each.
    """

    path: Path
    steps: tuple[int, ...]
    indices: tuple[int, ...]
    kind: SeriesKind = "steps"
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputShape:
    """One input of a batch of examples, as the user describes it.

    Attributes:
        shape: (example, ...).
        ids: whether it holds token ids; else it holds normally distributed floats.
        below: the ids are drawn below it; None means the model's vocabulary.
        name: the argument of the model's ``forward`` that it is; empty for the next one in order.
    """

    shape: tuple[int, ...]
    ids: bool = False
    below: int | None = None
    name: str = ""

    def __str__(self) -> str:
        """Return the text that describes it."""
        name = f"{self.name}=" if self.name else ""
        bound = "" if self.below is None else f"<{self.below}"
        return name + (f"ids{bound}:" if self.ids else "") + "x".join(map(str, self.shape))


@dataclass(frozen=True, slots=True)
class Naming:
    """Which tensors of a checkpoint's files count, and what they are called.

    Attributes:
        key: where in a PyTorch file its state dict is, dotted when it lies deeper; None where
            there is only one.
        strip: prefixes that are taken off names.
        rename: pairs of a name, or the start of names, and what stands in its place.
        ignore: patterns of names, as a shell's, of tensors that are left out.
    """

    key: str | None = None
    strip: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    ignore: tuple[str, ...] = ()


AS_STORED = Naming()
"""Every tensor under its own name, save what training wrappers put around it."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """How an earlier run evaluated networks, for one that is to give the same numbers.

    Attributes:
        device: the kind of its device, ``cpu`` or ``cuda``.
        strategy: its strategy in the words of the record, such as ``module, contiguous``.
        batch_size: how many examples at once, in the end.
        before_halving: how many at first, where memory ran out meanwhile; else None.
    """

    device: str
    strategy: str
    batch_size: int
    before_halving: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The shared options of every analysis.

    Attributes:
        checkpoints: the files or folders, in the user's order.
        others: checkpoints that options name; their indices follow.
        series: which of them are the steps of one training run, or siblings of one fork, where
            arguments are such.
        results: results of earlier runs that options name.
        naming: which tensors of the checkpoints count, and what they are called.
        excepted: patterns of tensors and layers that are not compared, and need not fit.
        model: the model spec, or None to find it out.
        model_arguments: arguments of the model, as text or typed values.
        model_b: the model spec of checkpoints that don't fit the first one's model, or None for
            the same one.
        model_arguments_b: arguments that it has beside the others, or in place of them.
        spec: a file that extends or replaces the derived permutation spec, or None.
        data: the data spec, or None to find it out.
        inputs: the inputs of an example where no data is meant, in the order of the model's
            arguments; empty for the data's or the model's own.
        mean: per-channel mean that overrides the dataset's; empty keeps it.
        std: per-channel standard deviation that overrides the dataset's; empty keeps it.
        task: the task, or None for the dataset's own.
        score: the registered words of other scores than loss and error.
        splits: the splits to evaluate on.
        calib: the spec of the dataset that statistics are taken on, or None for ``data``.
        calib_split: the split that statistics are taken on; None for ``train``, or the only one.
        calib_size: how many of its examples at most.
        calib_batch: examples whose batch statistics REPAIR takes together.
        limit: at most so many examples of each evaluated split; None for all.
        subset_seed: the seed that chooses which, and which the calibration set has.
        draws: how often the calibration examples are drawn, for an average over all of it.
        draw: the number of this one draw; 0 is that of a run which draws them once.
        allow_chance: go on when both ends answer at chance.
        allow_stochastic: go on when the model answers differently each time.
        output: which of several outputs of the model is scored, by its key or place; None for
            ``logits``, else the first.
        aligner: the aligner, or None for no alignment by one.
        apply: the result whose stored permutation takes the place of an aligner, or None.
        correction: the correction, or None for no correction.
        merge: the way to merge networks, or None where none are merged.
        batchnorm: what happens to running statistics on a path.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: the dtype of weights and arithmetic; ``auto`` is float64 where a checkpoint is
            written and one that is read stores float64, else float32.
        precision: the precision of matrix products and convolutions.
        batch_size: examples evaluated at once; None to find it out.
        strategy: how networks are evaluated; see ``lmctool.evaluate.strategy``.
        repeats: how an earlier run evaluated them, which is done again; None for a run of its own.
        seed: the seed of every random choice but that of examples.
        trust: whether the command may name code; not one that was read from a file.
        trust_config: whether lmctool.toml of the current folder may.
        no_cache: whether nothing in the user's cache folder is used, and nothing kept there.
        no_hash: whether the record has no SHA-256 of the checkpoints' files.
        given: objects of Python code in the place of what words name.
    """

    checkpoints: tuple[Path, ...]
    others: tuple[Path, ...] = ()
    series: tuple[Series, ...] = ()
    results: tuple[Path, ...] = ()
    naming: Naming = AS_STORED
    excepted: tuple[str, ...] = ()
    model: str | None = None
    model_arguments: Mapping[str, Any] = field(default_factory=dict)
    model_b: str | None = None
    model_arguments_b: Mapping[str, Any] = field(default_factory=dict)
    spec: Path | None = None
    data: str | None = None
    inputs: tuple[InputShape, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    task: str | None = None
    score: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("test",)
    calib: str | None = None
    calib_split: str | None = None
    calib_size: int = 5000
    calib_batch: int = 500
    limit: int | None = None
    subset_seed: int = 0
    draws: int = 1
    draw: int = 0
    allow_chance: bool = False
    allow_stochastic: bool = False
    output: str | None = None
    aligner: Choice | None = None
    apply: Path | None = None
    correction: Choice | None = None
    merge: Choice | None = None
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate"
    device: str = "auto"
    dtype: Literal["auto", "float32", "float64"] = "auto"
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    batch_size: int | None = None
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto"
    repeats: Repetition | None = None
    seed: int = 0
    trust: bool = True
    trust_config: bool = False
    no_cache: bool = False
    no_hash: bool = False
    given: Given = NOTHING

    @property
    def aligns(self) -> bool:
        """Whether B's units are brought into A's order, by an aligner or a stored permutation."""
        return self.aligner is not None or self.apply is not None

    @property
    def cache(self) -> Cache:
        """What the run keeps for later ones and finds of earlier ones; it changes no number."""
        from lmctool.files.cache import NO_CACHE, user_cache

        return NO_CACHE if self.no_cache else user_cache()
