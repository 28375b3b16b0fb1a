"""Linear mode connectivity of saved checkpoints; written by ``python -m tools.stub``."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias

from torch.nn import Module

from lmctool.errors import GateError as GateError
from lmctool.errors import LmctoolError as LmctoolError
from lmctool.errors import PluginError as PluginError
from lmctool.errors import UnjudgedError as UnjudgedError
from lmctool.errors import UntrustedError as UntrustedError
from lmctool.notebook.aggregate import aggregate as aggregate
from lmctool.notebook.comparison import Comparison as Comparison
from lmctool.notebook.comparison import compare as compare
from lmctool.notebook.functions import analyses as analyses
from lmctool.notebook.networks import load_model as load_model
from lmctool.notebook.networks import permute as permute
from lmctool.notebook.result import Result as Result
from lmctool.notebook.stored import open as open
from lmctool.notebook.training.lightning_callback import LightningCallback as LightningCallback
from lmctool.notebook.training.trainer_callback import TrainerCallback as TrainerCallback

Network: TypeAlias = str | PathLike[str] | Mapping[str, Any] | Module
"""A path, a state dict or a module."""
Series: TypeAlias = str | PathLike[str] | Mapping[int, Network]
"""A training run: a folder or a pattern of its checkpoints, or its networks by step."""
Data: TypeAlias = Any
"""A word or a path, or data in memory."""

def align(
    a: Network,
    b: Network,
    /,
    *,
    aligner: str = "activation",
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    except_: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    model_b: str | None = None,
    model_arg_b: Mapping[str, Any] | None = None,
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    input: str | Sequence[str] | None = None,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Align the second checkpoint's hidden units with the first's, and write it.

    The written checkpoint is the same function as the second, proved on real examples; only the
    order of its hidden units is another, the one that the aligner matched with the first, or that
    an earlier result holds.  Without data the proof uses an example input, and there are no scores.
    The figure shows the filters of the first layer where they are images (Jordan et al. 2023, Fig. 9).
    What ``--except`` names, such as a head of other classes, is not compared, and permuted along: the
    proof is of all of B by its own model.  There are no scores then, as such networks have no midpoint.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        aligner: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        except_: Tensors or layers that are neither compared nor mixed, and need not fit each
            other, such as 'classifier.*' (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        model_b: Model of checkpoints that don't fit A's with what except_ leaves out; by
            default the same, built for their shapes.
        model_arg_b: Argument of that model in which it differs, such as classes=7 (one or
            several).
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        input: Shape of a random batch of inputs to use instead of data: 3x3x224x224 is 3
            images, 3 is one number for each of 3 examples, ids:3x11 is token ids,
            ids<50257:3x11 is token ids below 50257. Repeat the option for a model with several
            inputs; NAME=SHAPE is the argument NAME of its forward.
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def barrier(
    a: Network,
    b: Network,
    /,
    *,
    points: int = 25,
    alphas: str | float | Sequence[str | float] | None = None,
    refine: bool = False,
    definition: Literal["chord", "mean-ends", "max-end"] = "chord",
    bootstrap: int | None = None,
    by_split: Literal["class", "el2n"] | None = None,
    scores: str | PathLike[str] | Result | None = None,
    per_example: bool = False,
    baselines: bool = False,
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Barrier of loss and error on the straight line between two checkpoints.

    theta(alpha) = (1 - alpha) A + alpha B.  The barrier is the greatest rise over a reference, the
    chord between the ends (Entezari et al. 2022, arXiv:2110.06296; Jordan et al. 2023, equation 1)
    unless ``--definition`` says another.  On request also: intervals by bootstrap over examples, the
    barrier of each class or split by score, of each example, and the baselines of merging on split
    data.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        points: Number of points on the path, including both ends. [default: 25; x>=3]
        alphas: Evaluate at these alphas, and at 0 and 1, instead of at points.
        refine: Evaluate more points around each curve's peak.
        definition: Reference below the barrier: the chord between the ends' losses, their mean,
            or the greater one. [default: chord]
        bootstrap: Estimate 95 % intervals from N bootstrap samples of the examples. [x>=2]
        by_split: Also measure each class, or each equal split by EL2N score, separately.
        scores: Result of lmctool el2n that by_split el2n takes the scores of examples from;
            scores of networks are named with score.
        per_example: Store the barrier of each example's own loss.
        baselines: Compare with the ensemble of A and B, and with each rebalanced over the
            classes.
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def distance(
    a: Network,
    b: Network,
    /,
    *,
    over: Literal["parameters", "all"] = "parameters",
    to: Network | None = None,
    align: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    except_: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    model_b: str | None = None,
    model_arg_b: Mapping[str, Any] | None = None,
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    input: str | Sequence[str] | None = None,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """How far two checkpoints lie apart: whole, and per kind, block, layer and tensor.

    Of each part, with all its values as one vector (the Frobenius norm of its tensors together):

        l2          ||A - B||
        relative    ||A - B|| / ||A||                  the relative change from A to B
        symmetric   sqrt(||A - B||^2 / (||A|| ||B||))  the same from B to A
        cosine      <A, B> / (||A|| ||B||)
        growth      ||B|| / ||A|| - 1                  the relative change of the norm

    Vlaar and Frankle 2022 (arXiv:2106.16004, appendix E, equation 4) tell the distance travelled in
    training by a Frobenius norm after Liu et al. 2020 (arXiv:1906.02613).  Which of ``relative`` and
    ``symmetric`` it is could not be checked, so both are here.

    What counts are the parameters: floating tensors but the running statistics of BatchNorm, which are
    measured as a kind of their own, and everywhere with ``--over all``.  Whole numbers and masks never
    count; where they differ and are no counters, as in quantised networks, nothing is judged.

    With ``--align`` B is measured as it is and with its units in A's order; no other permutation that
    an aligner might find need be nearer.  ``--to O`` measures A - O and B - O too,
    the distance travelled from a common origin, and the cosine between the two.

    Tensors that have other shapes in B, or are on one side only, as a head of other classes, are left
    out and listed.  Unless ``--except`` names them no gate is judged, for half a distance says little.

    Files are mapped a stretch at a time, and every squared norm is within 1e-6 of itself.  Checkpoints
    may be larger than memory; with ``--align`` both networks are in memory.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        over: Tensors to count: parameters only, or also BatchNorm running statistics. [default:
            parameters]
        to: Also measure the distance of A and B from this checkpoint, such as their init.
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        except_: Tensors or layers that are neither compared nor mixed, and need not fit each
            other, such as 'classifier.*' (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        model_b: Model of checkpoints that don't fit A's with what except_ leaves out; by
            default the same, built for their shapes.
        model_arg_b: Argument of that model in which it differs, such as classes=7 (one or
            several).
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        input: Shape of a random batch of inputs to use instead of data: 3x3x224x224 is 3
            images, 3 is one number for each of 3 examples, ids:3x11 is token ids,
            ids<50257:3x11 is token ids below 50257. Repeat the option for a model with several
            inputs; NAME=SHAPE is the argument NAME of its forward.
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def el2n(
    *checkpoints: Network,
    splits: int = 4,
    pair: Sequence[Network] | None = None,
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("train",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """EL2N score of each example, and how networks do on splits by score.

        score(x, y) = || softmax(f(x)) - onehot(y) ||_2      Paul et al. 2021, arXiv:2107.07075

    averaged over the checkpoints, which are best several runs at one early step.  It is 0 where an
    example is answered rightly and with certainty, sqrt(2) where wrongly and with certainty.  The
    examples are divided into equal splits from the lowest scores to the highest (Iyer et al.,
    figure 4), on which a pair of networks and the network between them may be compared.

    Args:
        checkpoints: a path, a state dict or a torch.nn.Module, which stays as it is
        splits: Number of equal splits of the examples by score. [default: 4; x>=2]
        pair: Evaluate A, B and the network halfway between them on each split.
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: train]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def graft(
    checkpoint: Network,
    /,
    *,
    from_: Network | None = None,
    fresh: bool = False,
    layers: str | float | Sequence[str | float] | None = None,
    all_but: bool = False,
    by: str = "layer",
    evaluate: bool = False,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    except_: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    input: str | Sequence[str] | None = None,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
) -> Result:
    """Put layers of another checkpoint, or fresh ones, into a checkpoint, or try it with every layer.

        theta_l = OTHER_l of the layers that --layers names,  theta_l = CKPT_l of all others

    With OTHER the initial state of a trained CKPT this is the start of partial (pre-)training: "T-All
    but RI-k" of Vlaar and Frankle 2022 (arXiv:2106.16004, section 4, figure 4) is trained everywhere
    but in block k.  ``--evaluate`` puts OTHER's parts in one at a time: the rise of the error is the
    re-initialisation robustness of Zhang, Bengio and Singer 2019 (arXiv:1902.01996), and with
    ``--fresh`` parts their re-randomisation robustness.

    Tensors that don't fit OTHER's, as of a head of other classes, stay CKPT's; a part of ``--layers``
    that has such is refused unless ``--except`` names them.

    Args:
        checkpoint: a path, a state dict or a torch.nn.Module, which stays as it is
        from_: Checkpoint to take parts from.
        fresh: Take freshly initialised parts instead of a checkpoint's; seed sets the seed.
        layers: Parts to take (one or several): names of parts, or regular expressions that
            match whole names. Writes a checkpoint.
        all_but: Take every part except layers.
        by: Grouping of tensors into parts; for a regular expression, by its first group or the
            whole match in the tensors' names. [default: layer]
        evaluate: Evaluate the network with each part taken alone.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        except_: Tensors or layers that are neither compared nor mixed, and need not fit each
            other, such as 'classifier.*' (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        input: Shape of a random batch of inputs to use instead of data: 3x3x224x224 is 3
            images, 3 is one number for each of 3 examples, ids:3x11 is token ids,
            ids<50257:3x11 is token ids below 50257. Repeat the option for a model with several
            inputs; NAME=SHAPE is the argument NAME of its forward.
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def interpolate(
    a: Network,
    b: Network,
    /,
    *,
    points: int = 51,
    alphas: str | float | Sequence[str | float] | None = None,
    also: Network | Sequence[Network] | None = None,
    save_at: str | None = None,
    by_split: Literal["class", "el2n"] | None = None,
    scores: str | PathLike[str] | Result | None = None,
    rise: float = 0.05,
    least_loss: float = 0.01,
    least_error: float = 0.005,
    plateau_level: float = 0.1,
    plateau_until: float = 0.5,
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("train", "test"),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Loss and error along the straight path between two checkpoints, and the shape of each curve.

    theta(alpha) = (1 - alpha) A + alpha B, from an initial to a final state (Goodfellow et al. 2015;
    Vlaar and Frankle 2022, equation 1) or between any two states.  Each curve is monotone, a plateau
    or a barrier, with Delta, the largest rise from any point to a later one, as
    ``lmctool.curves.shape`` defines them.

    ``--save-at peak`` writes the network at which the train loss is greatest: the height-of-barrier
    initialisation (Vlaar and Frankle 2022, section 4); ``before`` and ``after`` (table A2) are one
    point of the grid beside it.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        points: Number of points on the path, including both ends. [default: 51; x>=3]
        alphas: Evaluate at these alphas, and at 0 and 1, instead of at points.
        also: Also follow the path from C to B, for example from another initialisation (one or
            several).
        save_at: Write a network of the last variant between A and B: at the peak of the train
            loss (or of the first split's), one point before or after it, or at ALPHA.
        by_split: Also measure each class, or each equal split by EL2N score, separately.
        scores: Result of lmctool el2n that by_split el2n takes the scores of examples from;
            scores of networks are named with score.
        rise: Least rise of a barrier, as a multiple of the lowest value before it. [default:
            0.05; x>=0]
        least_loss: Least rise of a barrier of loss in nats, beside rise. [default: 0.01; x>=0]
        least_error: Least rise of a barrier of error as a share of examples, beside rise.
            [default: 0.005; 0<=x<=1]
        plateau_level: Greatest fall along a plateau, as a share of the whole fall from it.
            [default: 0.1; 0<=x<=1]
        plateau_until: Least alpha that a plateau reaches. [default: 0.5; 0<=x<=1]
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: train, test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def layerwise(
    a: Network,
    b: Network,
    /,
    *,
    points: int = 11,
    alphas: str | float | Sequence[str | float] | None = None,
    by: str = "layer",
    rest: Literal["b", "a", "both"] = "b",
    cumulative: Literal["none", "forward", "backward"] = "none",
    definition: Literal["chord", "mean-ends", "max-end"] = "chord",
    rise: float = 0.05,
    least_loss: float = 0.01,
    least_error: float = 0.005,
    plateau_level: float = 0.1,
    plateau_until: float = 0.5,
    align: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Loss and error while one layer at a time goes from A to B, and the layers' share of the barrier.

    Layer-wise interpolation (Chatterji et al. 2020, arXiv:1912.00528; Vlaar and Frankle 2022,
    equation 2): the tensors of one part are (1 - alpha) A + alpha B, all others rest at B, their
    final state, or at A with ``--rest a``.  ``--cumulative`` moves a part together with all parts
    before it (``forward``) or behind it (``backward``), so that one of the curves is the full path.

    The running statistics of a BatchNorm belong to its layer's part and are interpolated with it.
    Integer buffers have no midpoint: a part takes A's, as the full path does, and B's at alpha 1.

    The barrier of a curve is how far it lies above the chord between its own ends, or what else
    ``--definition`` says; its rise, which its shape is judged by, is Delta, from an earlier point.  A
    curve that falls all the way and bulges above its chord has a barrier and no rise.

    The share of the full path's barrier that part P explains, of loss or error L:

        share(P) = [L(P at alpha*) - L(rest)] / [L(all at alpha*) - L(rest)]

    where alpha* is the place of the full path's barrier, L(P at alpha*) has P alone moved there and
    L(rest) is the value of the state that the others rest at.  Nothing moved gives 0, all 1; parts
    interact, so shares of single parts need not add up to 1.  Of cumulative parts it is the
    difference to the parts moved before, and these add up to 1 where every tensor is in a part.

    The denominator is the barrier where the ends are equal; else it holds their difference as well,
    (1 - alpha*) (L(A) - L(B)) with the rest at B.  So there is no share where it is another than the
    barrier by more than a tenth, none of a barrier that is not above ``--least-loss`` or
    ``--least-error``, and none of a part that rises, or falls, by more than the barrier: what the
    others take off again is no share of it.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        points: Number of points on the path, including both ends. [default: 11; x>=3]
        alphas: Evaluate at these alphas, and at 0 and 1, instead of at points.
        by: Grouping of tensors into parts; for a regular expression, by its first group or the
            whole match in the tensors' names. [default: layer]
        rest: Checkpoint that all other parts are taken from. [default: b]
        cumulative: Move each part together with all before it (forward) or after it (backward).
            [default: none]
        definition: Reference below the barrier: the chord between the ends' losses, their mean,
            or the greater one. [default: chord]
        rise: Least rise of a barrier, as a multiple of the lowest value before it. [default:
            0.05; x>=0]
        least_loss: Least rise of a barrier of loss in nats, beside rise. [default: 0.01; x>=0]
        least_error: Least rise of a barrier of error as a share of examples, beside rise.
            [default: 0.005; 0<=x<=1]
        plateau_level: Greatest fall along a plateau, as a share of the whole fall from it.
            [default: 0.1; 0<=x<=1]
        plateau_until: Least alpha that a plateau reaches. [default: 0.5; 0<=x<=1]
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def matrix(
    a: Network,
    b: Network,
    /,
    *others: Network,
    points: int = 5,
    alphas: str | float | Sequence[str | float] | None = None,
    definition: Literal["chord", "mean-ends", "max-end"] = "chord",
    connected: float = 0.02,
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Barriers and distances between every two of several checkpoints, and the clusters they form.

    Each pair is measured once, from the checkpoint that is named first to the other, so both matrices
    are symmetric, with 0 on the diagonal; an aligner brings the later checkpoint into the order of the
    earlier.  Barriers are those of ``lmctool barrier``, of loss and error, for every variant; distances
    are the L2 norm of A - B over the parameters, and sqrt(||A - B||^2 / (||A|| ||B||)).

    Clusters are those of hierarchical clustering with average linkage on the error barrier of the last
    variant on the first split, negative barriers taken as 0: two clusters become one as long as the
    mean barrier over the pairs between them is at most ``--connected``.  Frankle et al. 2020
    (arXiv:1912.05671) call two networks connected when the error rises by less than 2 % over the mean
    of the ends (``--definition mean-ends``, 30 points); 0.02 is that threshold.  So a cluster may hold
    a pair above it, and a pair below it may be in two clusters: both are counted.

    Args:
        a, b, others: each a path, a state dict or a torch.nn.Module, which stays as it is.
        points: Number of points on the path, including both ends. [default: 5; x>=3]
        alphas: Evaluate at these alphas, and at 0 and 1, instead of at points.
        definition: Reference below the barrier: the chord between the ends' losses, their mean,
            or the greater one. [default: chord]
        connected: Greatest error barrier of connected networks, as a share of examples.
            [default: 0.02; x>=0]
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def merge(
    a: Network,
    b: Network,
    /,
    *others: Network,
    weights: str | float | Sequence[str | float] | None = None,
    alphas: str | float | Sequence[str | float] | None = None,
    frame: Literal["first", "common"] = "first",
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    except_: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    model_b: str | None = None,
    model_arg_b: Mapping[str, Any] | None = None,
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    input: str | Sequence[str] | None = None,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Merge two or more checkpoints into one, aligned and repaired on request, and write it.

    The merged network is the weighted mean, tensor by tensor, with weights that are 1 if not given:

        theta = sum_i w_i P_i(theta_i) / sum_i w_i

    Wortsman et al. 2022 (arXiv:2203.05482) call it a uniform soup where all weights are the same and
    nothing is permuted.  P_i brings network i's hidden units into one order: that of the first
    network, or a common frame (Ainsworth et al. 2022, arXiv:2209.04836, Algorithm 3); either way going
    around any cycle of networks moves no unit, which is computed and stored.  Tensors that ``--except``
    names, such as heads of other classes, are the first network's.  LoRA adapters are merged by their
    updates: the mean of n of rank r has rank n r, and is written so.

    Args:
        a, b, others: each a path, a state dict or a torch.nn.Module, which stays as it is.
        weights: Weight of each network in the mean, one number each; equal by default.
        alphas: Interpolate two networks: 1 - A of the first and A of the second. Of several
            alphas the one with the lowest loss on the calibration set is written.
        frame: Order of the hidden units that align permutes to: the first network's, or one in
            which three or more networks are closest to their mean. [default: first]
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        except_: Tensors or layers that are neither compared nor mixed, and need not fit each
            other, such as 'classifier.*' (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        model_b: Model of checkpoints that don't fit A's with what except_ leaves out; by
            default the same, built for their shapes.
        model_arg_b: Argument of that model in which it differs, such as classes=7 (one or
            several).
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        input: Shape of a random batch of inputs to use instead of data: 3x3x224x224 is 3
            images, 3 is one number for each of 3 examples, ids:3x11 is token ids,
            ids<50257:3x11 is token ids below 50257. Repeat the option for a model with several
            inputs; NAME=SHAPE is the argument NAME of its forward.
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def repair(
    a: Network,
    b: Network,
    /,
    *,
    alpha: float = 0.5,
    align: bool | str = False,
    correction: str = "repair",
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Repair an interpolated network and write it as a checkpoint of the same architecture.

    REPAIR (Jordan et al. 2023, arXiv:2211.08403) sets the statistics of chosen channels of an
    interpolated network to the interpolation of the ends' (equations 3 and 4):

        mean(X_alpha) = (1 - alpha) mean(X_1) + alpha mean(X_2)
        std(X_alpha)  = (1 - alpha) std(X_1)  + alpha std(X_2)

    The exact variant (section 4.2) takes the interpolated network's own statistics in one pass in
    which every target is renormalised batch by batch, and then applies a scale and a shift to each
    channel, fused into the weights where the architecture can hold them.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        alpha: Position of the network between A (0) and B (1). [default: 0.5; 0<x<1]
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        correction: Correct activation statistics of the networks between A and B. NAME is one
            of: closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def trajectory(
    a: Series,
    b: Series,
    /,
    *others: Series,
    alpha: float | Sequence[float] = (0.5,),
    parent: Series | None = None,
    fork: int | None = None,
    then: Series | None = None,
    then_at: int | None = None,
    by_split: Literal["class", "el2n"] | None = None,
    scores: str | PathLike[str] | Result | None = None,
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    score: str | float | Sequence[str | float] | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """What the interpolant of two training runs gains over them, step by step.

    At each step t that all runs have, with A_t and B_t their checkpoints,

        theta_t = (1 - alpha) A_t + alpha B_t
        gain_t  = [L(A_t) + L(B_t)] / 2 - L(theta_t)   over the mean of the children
        gain_t  = min(L(A_t), L(B_t)) - L(theta_t)     over the better child

    for loss and for error, where a gain in error is a gain in accuracy.  Of more than two runs the
    interpolant is the mean of all.  Figures 2 to 4 of Iyer, Dziugaite and Rolnick 2023, "Linear Weight
    Interpolation Leads to Transient Performance Gains", where the runs are children of one parent
    trained on different SGD noise.

    Args:
        a, b, others: each the folder or the pattern of a training run's checkpoints, or its
            networks by step.
        alpha: Position of the interpolant between two runs (one or several). [default: 0.5;
            0<x<1]
        parent: Run that the children were forked from.
        fork: Step of the parent at which the children start; 0 if their steps continue the
            parent's. By default the step of a checkpoint that they share, or else the parent's
            last. [x>=0]
        then: Run that was trained further from an interpolant.
        then_at: Step of the children at which that run starts; by default the last common one.
            [x>=0]
        by_split: Also measure each class, or each equal split by EL2N score, separately.
        scores: Result of lmctool el2n that by_split el2n takes the scores of examples from;
            scores of networks are named with score.
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        score: Also measure networks by these scores, beside loss and error: auc,
            balanced_error, ece, miou, top5. one or several.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...

def variance(
    a: Network,
    b: Network,
    /,
    *,
    alphas: str | float | Sequence[str | float] = "0.5",
    at: Literal["layers", "blocks", "both"] = "layers",
    layer: str | None = None,
    align: bool | str = False,
    repair: bool | str = False,
    apply: str | PathLike[str] | Result | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    observer: str | Sequence[str] | None = None,
    quiet: bool = False,
    trust_config: bool = False,
    key: str | None = None,
    strip: str | Sequence[str] | None = None,
    rename: Mapping[str, Any] | None = None,
    ignore: str | Sequence[str] | None = None,
    model: str | Module | Callable[..., Module] | None = None,
    model_arg: Mapping[str, Any] | None = None,
    output: str | None = None,
    allow_stochastic: bool = False,
    batchnorm: Literal["interpolate", "reset", "a", "b"] = "interpolate",
    spec: str | PathLike[str] | None = None,
    data: Data | None = None,
    split: str | Sequence[str] = ("test",),
    limit: int | None = None,
    subset_seed: int = 0,
    mean: str | float | Sequence[str | float] | None = None,
    std: str | float | Sequence[str | float] | None = None,
    task: str | None = None,
    allow_chance: bool = False,
    calib: Data | None = None,
    calib_split: str | None = None,
    calib_size: int = 5000,
    calib_batch: int = 500,
    device: str = "auto",
    dtype: Literal["auto", "float32", "float64"] = "auto",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    batch_size: int | str = "auto",
    strategy: Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"] = "auto",
    seed: int = 0,
    **plugin_options: Any,
) -> Result:
    """Variance of the networks between two checkpoints, layer by layer, over that of the ends.

    The variance ratio of a layer (Jordan et al. 2023, arXiv:2211.08403, section 3.1): with v the sum
    over its units of their variances across examples, in the network at alpha and in both ends,

        ratio = v_alpha / ((v_1 + v_2) / 2)

    Variance collapse is a ratio that falls with depth.  In the first layer it follows from the
    correlation of matched units (equation 5): 0.5 + 0.5 corr at alpha 0.5 where their standard
    deviations are equal, so 0.7 at a correlation of 0.4.  What the ends' units predict so for each
    layer is given beside the ratio, and so is REPAIR's goal, ((1 - alpha) s_1 + alpha s_2)^2 summed.

    Variances are those REPAIR takes: of preactivations over examples and positions, unbiased in each
    batch of ``--calib-batch``, averaged over the calibration examples.

    Args:
        a, b: each a path, a state dict or a torch.nn.Module, which stays as it is.
        alphas: Positions of the networks between A (0) and B (1). [default: 0.5]
        at: Measure preactivations of layers, outputs of residual blocks, or both. [default:
            layers]
        layer: Also store and draw each channel of this layer or block.
        align: Permute B's hidden units to match A's before the analysis. NAME is one of:
            activation (the default), identity, midpoint, random, weight.
        repair: Correct activation statistics of the networks between A and B. NAME is one of:
            closed-form, repair (the default), rescale, reset, shift.
        apply: Apply the permutation stored in an earlier result to B, instead of an aligner. Or
            a result that was saved or opened.
        out: Write the result to this path, with its figure and a new checkpoint beside it, as
            the command does. Without it nothing is written.
        force: Replace existing outputs.
        resume: Continue an interrupted run of the same command from its work in FILE.work.
        observer: Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT
            or mlflow:EXPERIMENT (one or several). It changes no number and is not recorded.
        quiet: Print no progress and no notes.
        trust_config: Run Python code that lmctool.toml of this folder names as model or data.
        key: Which state dict of a file that holds several: its key ('.' is the top level), or
            what the names of its tensors begin with, such as ema_model.
        strip: Take a prefix that ends at a dot off names of tensors (one or several).
        rename: Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot
            (one or several).
        ignore: Leave tensors of these names out, as if no file had them, such as 'criterion.*'
            (one or several).
        model: Model architecture: a registered model, transformers:NAME, timm:NAME,
            torchvision:NAME, package.module:factory or ./file.py:factory. Without it the
            architecture is recognised from the checkpoint. Or a torch.nn.Module, or a function
            that returns one; without it the module of the first network that is one.
        model_arg: Argument of the model (one or several).
        output: Output that is scored, if the model returns several: its key, attribute or
            place, dotted if it lies deeper (heads.pi, 1). Without it the one called logits,
            else the first.
        allow_stochastic: Continue even if the model answers differently each time; what it
            draws is seeded by seed.
        batchnorm: BatchNorm running statistics of the networks between A and B: interpolated,
            recomputed (reset), A's or B's. [default: interpolate]
        spec: A permutation spec that extends or replaces the derived one; lmctool inspect
            --symmetry -o writes one to edit.
        data: Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or
            ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair (x,
            y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the
            dataset that the checkpoints' metadata names is used. Or data in memory: a pair (x,
            y) of arrays or tensors, a torch Dataset or DataLoader, a datasets.Dataset, or
            {'train': ..., 'test': ...} of these.
        split: Split to evaluate on (one or several). [default: test]
        limit: Use at most N examples of each split. [x>=1]
        subset_seed: Seed that chooses the examples of limit and of the calibration set.
            [default: 0; x>=0]
        mean: Mean of each channel, in place of the dataset's.
        std: Standard deviation of each channel, in place of the dataset's.
        task: Task, which defines loss and error: a registered task, package.module:function or
            ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets
            and returns the loss and the error of each example. Without it the dataset's, or the
            one that its targets and the model's outputs tell.
        allow_chance: Continue even if no checkpoint is better than chance.
        calib: Dataset of the calibration set, on which activation statistics are computed; by
            default that of data. Or data in memory, as for data.
        calib_split: Split of the calibration set. [default: train, or the only one]
        calib_size: Use at most N examples of the calibration split. [default: 5000; x>=1]
        calib_batch: Batch size for BatchNorm statistics on the calibration set. [default: 500;
            x>=2]
        device: Device to compute on. [default: auto]
        dtype: Data type of weights and arithmetic; auto is float64 where a checkpoint is
            written and one that is read stores float64, else float32. [default: auto]
        precision: Precision of matrix products and convolutions. [default: float32]
        batch_size: Examples evaluated at once; auto halves the number when memory runs out.
            [default: auto]
        strategy: Way to evaluate networks; measure times several ways and takes the fastest.
            [default: auto]
        seed: Seed of every random choice but that of examples. [default: 0; x>=0]
        plugin_options: Options of the aligner and the correction in use:
            tap (aligner activation): Compare activations before or after the nonlinearity.
                [default: post]
            start (aligner midpoint): Aligner whose permutation the search starts from.
                [default: activation]
            steps (aligner midpoint): Number of steps of the search. [default: 150; x>=1]
            lr (aligner midpoint): Learning rate of the first step. [default: 0.1; x>0]
            batch (aligner midpoint): Calibration examples in each step. [default: 500; x>=2]
            start (aligner weight): Permutation that the descent starts from. [default:
                anchored]
            restarts (aligner weight): Number of descents, each with another order of the
                groups; the best one is used. [default: 3; x>=1]
            targets (correction closed-form): Places to correct: preactivations of layers,
                outputs of residual blocks, or both. A written checkpoint takes what its
                architecture can hold. [default: layers]
            targets (correction repair): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]
            targets (correction rescale): Places to correct: preactivations of layers, outputs
                of residual blocks, or both. A written checkpoint takes what its architecture
                can hold. [default: both]
            targets (correction shift): Places to correct: preactivations of layers, outputs of
                residual blocks, or both. A written checkpoint takes what its architecture can
                hold. [default: both]

    Returns:
        What it found: metrics, arrays, table and figure.

    Raises:
        LmctoolError: something cannot be read, found or used, or doesn't fit together.
        UnjudgedError: the numbers would mean nothing.
    """
    ...
