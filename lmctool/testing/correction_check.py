"""What must hold of a correction, on networks of four kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import CORRECTIONS
from lmctool.plugin.settings import Choice
from lmctool.testing.claim import Refused, claim, working
from lmctool.testing.small_networks import EVERY, named
from lmctool.testing.subject import found, values
from lmctool.testing.untouched import other_seeds, untouched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lmctool.plugin.records import Correction
    from lmctool.run.run import Run

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
    refused: dict[str, str] = {}
    with found(CORRECTIONS, plugin) as (name, correction):
        choice = Choice(name, values(correction.options, options, f"correction {name!r}"))
        for network in named(networks):
            who = f"correction {name!r} on {network.noun}"
            try:
                with network.run(correction=choice, aligner="weight") as run:
                    _check(run, who)
            except Refused as refusal:
                refused[network.key] = str(refusal)
        claim(len(refused) < len(networks), f"correction {name!r} refused every network: {refused}")
    return refused


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
        for alpha, weights in points.items():
            _check_weights(run, f"{here} at alpha {alpha}", weights, storable=storable)
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
    from lmctool.evaluate.arithmetic import arithmetic
    from lmctool.run.correction import chosen_correction

    chosen = chosen_correction(run, storable=storable)
    assert chosen is not None
    with working(who), untouched(who, a, b), arithmetic(run.settings.precision, run.device):
        between = chosen.prepare(a, b)
        return {alpha: dict(between(alpha)) for alpha in alphas}


def _check_weights(run: Run, who: str, weights: Weights, *, storable: bool) -> None:
    """Check corrected weights: their names, shapes and values, and that a network has them."""
    own = run.weights(0)
    missing = [name for name in own if name not in weights]
    claim(not missing, f"{who} leaves out tensor {missing[:1]}; return all of the model's tensors")
    entries = {name: tensor for name, tensor in weights.items() if name not in own}
    claim(
        not (storable and entries),
        f"{who} returns {next(iter(entries), '')!r}, which no file of the model has a place for;"
        " where prepare is called with storable=True, correct by the model's tensors alone",
    )
    _check_entries(run, who, entries)
    for name, tensor in weights.items():
        if name in own:
            due, is_ = (f"{t.dtype} {tuple(t.shape)}" for t in (own[name], tensor))
            claim(is_ == due, f"{who} returns tensor {name!r} as {is_}; it is {due} in the model")
        finite = bool(tensor.isfinite().all())
        claim(finite, f"{who} returns NaN or infinity in {name!r}; of 0 / 0, say, give what stays")
        claim(not tensor.requires_grad, f"{who} returns {name!r} with a gradient; detach it")
    with working(f"{who}, evaluated,"):
        loss = float(run.evaluate([weights]).loss.sum())
        claim(loss == loss, f"{who} is a network whose loss is not a number")


def _check_entries(run: Run, who: str, entries: Weights) -> None:
    """Check what weights hold beside the model's tensors: corrections of taps, in pairs."""
    from lmctool.graph.tap_affine import channel_axes

    axes = channel_axes(run.graph) if entries else {}
    nodes = {node.name: node for node in run.graph.nodes}
    for name, tensor in entries.items():
        tap, _, part = name.removeprefix("@").rpartition(".")
        claim(
            name.startswith("@") and part in {"scale", "shift"},
            f"{who} returns {name!r}, which is neither a tensor of the model nor the '@TAP.scale'"
            " or '@TAP.shift' of a tap",
        )
        claim(
            tap in axes,
            f"{who} returns {name!r}, but no correction can stand at {tap!r}; name the tap of one"
            " of run.resources.targets('both')",
        )
        other = f"@{tap}.{'shift' if part == 'scale' else 'scale'}"
        claim(other in entries, f"{who} returns {name!r} without {other!r}; return both")
        channels = (nodes[tap].meta["val"].shape[axes[tap]],)
        claim(
            tuple(tensor.shape) == channels,
            f"{who} returns {name!r} of shape {tuple(tensor.shape)}, but the tap has the channels"
            f" {channels}",
        )


def _equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(
        tensor.equal(other[name]) for name, tensor in one.items()
    )
