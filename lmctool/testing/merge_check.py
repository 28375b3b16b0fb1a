"""What must hold of a way to merge networks, on networks of four kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import MERGES
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

    from lmctool.plugin.merge_records import Merge
    from lmctool.run.merge_method import MergeMethod
    from lmctool.run.run import Run
    from lmctool.testing.small_networks import SmallNetwork

    Weights = Mapping[str, Tensor]


def check_merge(
    plugin: str | Merge,
    *,
    harmless: bool = True,
    networks: Sequence[str] = EVERY,
    **options: Any,
) -> dict[str, str]:
    """Check a way to merge on an MLP, a BatchNorm ResNet, a ViT and a causal LM.

    What networks become holds the model's tensors, finite and of their shapes and dtypes; it is the
    same each time, whatever the global random state is.  Networks that are equal to each other and
    to the base become themselves.  Of an elementwise method each part of a tensor is merged as in
    the whole.  It writes to none of its inputs and leaves the state of the process alone.

    Args:
        plugin: the word of an installed one, or the record that its hook returns.
        harmless: whether equal networks are to become themselves.
        networks: on which of ``mlp``, ``resnet``, ``vit``, ``causal_lm``.
        options: values of its own options, by the names that its function gets them by.

    Returns:
        By the key of each network that it refused by an ``LmctoolError``, the sentence.

    Raises:
        AssertionError: something does not hold, or it refuses all networks; says what to do.
    """
    with found(MERGES, plugin) as (name, merge):
        refuse_clashes(MERGES, name, merge)
        who = f"merge {name!r}"
        choice = Choice(name, values(merge.options, options, who))

        def check(network: SmallNetwork) -> None:
            with network.run("merge", merge=choice) as run:
                _check(run, f"{who} on {network.noun}", harmless=harmless)

        return refusals(who, networks, check)


def _check(run: Run, who: str, *, harmless: bool) -> None:
    from lmctool.weights.arithmetic import lerp

    method = run.merge_method
    record = method.record
    most = 2 if record.networks[1] is None else min(2, record.networks[1])
    own = [run.weights(index) for index in range(2)][:most]
    base = None if record.base == "never" else lerp(run.weights(0), run.weights(1), 0.25)
    counts = [1.0, 0.5][:most]
    with untouched(who, *own, *([] if base is None else [base])):
        weights = _merged(method, who, own, counts, base)
    _check_weights(run, who, weights)
    with other_seeds():
        again = _merged(run.merge_method, who, own, counts, base)
    claim(
        _equal(weights, again),
        f"{who} gives other weights each time; draw what is random from the generator that it is"
        " given, or from run.generator(NAME)",
    )
    if harmless:
        same = [own[0]] * most
        equal = _merged(method, who, same, counts, None if base is None else own[0])
        claim(
            _equal(equal, own[0]),
            f"{who} makes something else of equal networks; if that is meant, pass harmless=False",
        )
    if record.elementwise:
        _check_parts(run, who, own, counts, base)


def _merged(
    method: MergeMethod,
    who: str,
    networks: Sequence[Weights],
    counts: Sequence[float],
    base: Weights | None,
) -> Weights:
    with working(who):
        return dict(method.merged(networks, counts, base).weights)


def _check_weights(run: Run, who: str, weights: Weights) -> None:
    """Check merged weights: their names, shapes and values."""
    own = run.weights(0)
    other = sorted(own.keys() ^ weights.keys())
    claim(not other, f"{who} leaves out or adds tensor {other[:1]}; return the model's tensors")
    for name, tensor in weights.items():
        due, is_ = (f"{t.dtype} {tuple(t.shape)}" for t in (own[name], tensor))
        claim(is_ == due, f"{who} returns tensor {name!r} as {is_}; it is {due} in the model")
        finite = bool(tensor.isfinite().all())
        claim(finite, f"{who} returns NaN or infinity in {name!r}; of 0 / 0, say, give what stays")
        claim(not tensor.requires_grad, f"{who} returns {name!r} with a gradient; detach it")


def _check_parts(
    run: Run,
    who: str,
    networks: Sequence[Weights],
    counts: Sequence[float],
    base: Weights | None,
) -> None:
    """Check that a block of a tensor is merged as it is in the whole."""
    method = run.merge_method
    for name, first in networks[0].items():
        if not first.is_floating_point() or first.numel() < 2:
            continue
        flat = [own[name].flatten() for own in networks]
        of_base = None if base is None else base[name].flatten()
        indices = range(len(flat))
        with working(who):
            whole = method.tensor(name, flat, counts, of_base, indices=indices, averaged=False)
            half = len(flat[0]) // 2
            part = method.tensor(
                name,
                [own[half:] for own in flat],
                counts,
                None if of_base is None else of_base[half:],
                indices=indices,
                averaged=False,
            )
        claim(
            part.equal(whole[half:]),
            f"{who} is declared as elementwise, but merges a part of {name!r} otherwise than in"
            " the whole; leave elementwise=True out",
        )


def _equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(
        tensor.equal(other[name]) for name, tensor in one.items()
    )
