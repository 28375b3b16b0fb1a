"""What must hold of a correction, on networks of four kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import CORRECTIONS
from lmctool.plugin.settings import Choice
from lmctool.testing.claim import claim, working
from lmctool.testing.clashes import refuse_clashes
from lmctool.testing.refusals import refusals
from lmctool.testing.small_networks import EVERY
from lmctool.testing.subject import found, values
from lmctool.testing.untouched import other_seeds, untouched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lmctool.plugin.records import Correction
    from lmctool.run.run import Run
    from lmctool.testing.small_networks import SmallNetwork

    Weights = Mapping[str, Tensor]

ALPHAS = (0.5, 0.25)


def check_correction(
    plugin: str | Correction, *, networks: Sequence[str] = EVERY, **options: Any
) -> dict[str, str]:
    """Check a correction on an MLP, a BatchNorm ResNet, a ViT and a causal LM.

    At each alpha it returns the model's tensors, finite and of their shapes and dtypes, and beside
    them at most ``@TAP.scale`` and ``@TAP.shift`` of taps that there are; storable, the tensors
    alone; the same each time, with and without an alignment.  It writes to none of its inputs and
    leaves the state of the process alone.

    Args:
        plugin: the word of an installed one, or the record that its hook returns.
        networks: on which of ``mlp``, ``resnet``, ``vit``, ``causal_lm``.
        options: values of its own options, by the names that ``prepare`` gets them by.

    Returns:
        By the key of each network that it refused by an ``LmctoolError``, the sentence.

    Raises:
        AssertionError: something does not hold, or it refuses all networks; says what to do.
    """
    with found(CORRECTIONS, plugin) as (name, correction):
        refuse_clashes(CORRECTIONS, name, correction)
        who = f"correction {name!r}"
        choice = Choice(name, values(correction.options, options, who))

        def check(network: SmallNetwork) -> None:
            with network.run(correction=choice, aligner="weight") as run:
                _check(run, f"{who} on {network.noun}")

        return refusals(who, networks, check)


def _check(run: Run, who: str) -> None:
    """Check it between the networks as they are and aligned, and for a file."""
    a, b = run.weights(0), run.weights(1)
    aligned = run.align(a, b).apply(b)
    for end, what, storable in (
        (b, "", False),
        (aligned, " aligned", False),
        (b, " storable", True),
    ):
        here = f"{who}{what and ','}{what}"
        points = _points(run, here, a, end, storable=storable)
        with other_seeds():
            again = _points(run, here, a, end, storable=storable, alphas=ALPHAS[::-1])
        for alpha, weights in points.items():
            claim(
                _equal(weights, again[alpha]),
                f"{here} gives other weights at alpha {alpha} each time; draw what is random from"
                " run.generator(NAME), and let no alpha depend on those asked for before",
            )


def _points(
    run: Run,
    who: str,
    a: Weights,
    b: Weights,
    *,
    storable: bool,
    alphas: Sequence[float] = ALPHAS,
) -> dict[float, Weights]:
    """Return the network at each alpha, asked for while they are evaluated, as commands do."""
    from lmctool.evaluate.arithmetic import arithmetic
    from lmctool.run.correction import chosen_correction
    from lmctool.weights.lazy_networks import LazyNetworks

    chosen = chosen_correction(run, storable=storable)
    assert chosen is not None
    points: dict[float, Weights] = {}

    def at(alpha: float) -> Weights:
        with working(who):
            points[alpha] = dict(between(alpha))
        _check_weights(run, f"{who} at alpha {alpha}", points[alpha], storable=storable)
        return points[alpha]

    with untouched(who, a, b):
        with working(who), arithmetic(run.settings.precision, run.device):
            between = chosen.prepare(a, b)
        with working(f"{who}, evaluated,"):
            losses = run.evaluate(LazyNetworks(at, alphas)).loss.sum(0)
    for alpha, loss in zip(alphas, losses, strict=True):
        claim(loss == loss, f"{who} at alpha {alpha} is a network whose loss is not a number")
    return points


def _check_weights(run: Run, who: str, weights: Weights, *, storable: bool) -> None:
    """Check corrected weights: their names, shapes and values."""
    own = run.weights(0)
    missing = [name for name in own if name not in weights]
    claim(not missing, f"{who} leaves out tensor {missing[:1]}; return all of the model's tensors")
    _check_entries(run, who, [name for name in weights if name not in own], weights, storable)
    for name, tensor in weights.items():
        if name in own:
            due, is_ = (f"{t.dtype} {tuple(t.shape)}" for t in (own[name], tensor))
            claim(is_ == due, f"{who} returns tensor {name!r} as {is_}; it is {due} in the model")
        finite = bool(tensor.isfinite().all())
        claim(finite, f"{who} returns NaN or infinity in {name!r}; of 0 / 0, say, give what stays")
        claim(not tensor.requires_grad, f"{who} returns {name!r} with a gradient; detach it")


def _check_entries(
    run: Run, who: str, names: Sequence[str], weights: Weights, storable: bool
) -> None:
    """Check what weights hold beside the model's tensors: corrections of taps, in pairs."""
    from lmctool.graph.tap_affine import correctable_taps, corrections

    claim(
        not (storable and names),
        f"{who} returns {next(iter(names), '')!r}, which no file of the model has a place for;"
        " where prepare is called with storable=True, correct by the model's tensors alone",
    )
    for name in names:
        claim(
            name.startswith("@"),
            f"{who} returns {name!r}, which is neither a tensor of the model nor the '@TAP.scale'"
            " or '@TAP.shift' of a tap",
        )
    with working(who):
        corrections(weights, correctable_taps(run.graph) if names else {})


def _equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(
        tensor.equal(other[name]) for name, tensor in one.items()
    )
