"""Networks in canonical form: what a norm scales and shifts lies in the layers that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.errors import PluginError

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.symmetry.linear.canonical_spec import CanonicalSpec, Norm, Reader
    from lmctool.symmetry.linear.spec import LinearSpec
    from lmctool.symmetry.unit_index import UnitIndex
    from lmctool.weights.arithmetic import Weights


def canonical(spec: LinearSpec, weights: Weights) -> dict[str, Tensor]:
    """Return a network in canonical form, the same function as before, made in float64.

    The order matters where several steps change one tensor.  A shift goes through its reader's
    weight before the gain multiplies it.  Shifts reach the biases of keys and values, so these are
    moved after.  Gains come before centring, which doesn't commute with them, and so does whatever
    adds to a bias that writes a centred stream.  A network in canonical form stays as it is.

    Args:
        spec: what keeps the model's function.
        weights: the network; tensors that stay are passed on, not copied.
    """
    form = spec.canonical
    own = {name: weights[name].double() for name in _changed(spec)}
    for norm in form.norms:
        _fold(own, norm)
    for place in form.key_biases:
        own[place.tensor] = _zeroed(own[place.tensor], place.index)
    for each in form.value_biases:
        bias, index = own[each.bias.tensor], each.bias.index
        own[each.into] = _through(
            own[each.reader.tensor], each.reader.index, index.units(bias).flatten(), own[each.into]
        )
        own[each.bias.tensor] = _zeroed(bias, index)
    constant = {reader.weight.tensor for norm in form.norms for reader in _constant(norm)}
    for group in form.centred:
        for place in spec.groups[group].places:
            if place.power == 1 or place.tensor not in constant:
                own[place.tensor] = _centred(own[place.tensor], place.index)
    return dict(weights) | {name: value.to(weights[name].dtype) for name, value in own.items()}


def refuse_unfolded(form: CanonicalSpec, weights: Weights) -> None:
    """Refuse a network some norm of which still scales or shifts what is read.

    Raises:
        PluginError: it does; maps would change the network's function.
    """
    for norm in form.norms:
        for name, value in _folded(norm).items():
            if (weights[name] != value).any():
                raise PluginError(
                    f"linear maps act on networks in canonical form, and {name!r} is not folded"
                    " into what reads it; give them what run.frame returns of a network"
                )


def _changed(spec: LinearSpec) -> set[str]:
    """Return the names of the tensors that a canonical form changes or reads."""
    form: CanonicalSpec = spec.canonical
    names = {place.tensor for group in form.centred for place in spec.groups[group].places}
    for norm in form.norms:
        names |= {norm.gain, norm.shift}
        names |= {name for each in norm.readers for name in (each.weight.tensor, each.bias)}
    names |= {place.tensor for place in form.key_biases}
    for each in form.value_biases:
        names |= {each.bias.tensor, each.reader.tensor, each.into}
    return names - {""}


def _folded(norm: Norm) -> dict[str, float]:
    """Return what each unit of a norm's gain and shift is in canonical form, by their names."""
    values = {norm.gain: 1 - norm.offset, norm.shift: float(bool(_constant(norm)))}
    return {name: value for name, value in values.items() if name}


def _constant(norm: Norm) -> tuple[Reader, ...]:
    """Return the readers that a constant output comes to through the direction of ones."""
    return tuple(each for each in norm.readers if norm.last and norm.shift and not each.bias)


def _fold(own: dict[str, Tensor], norm: Norm) -> None:
    """Move the gain and shift of a norm into what reads it.

    Where a reader has no bias to take the constant ``W shift``, LayerNorm's output, which sums to
    0, is shifted by 1 along ones: centred weights don't see it, and ``(W shift) 1'/d`` is added to
    that reader's.
    """
    constant = _constant(norm)
    for reader in norm.readers:
        name, index = reader.weight.tensor, reader.weight.index
        weight = own[name]
        if norm.shift and reader.bias:
            own[reader.bias] = _through(weight, index, own[norm.shift], own[reader.bias])
        if norm.gain:
            own[name] = _scaled(weight, index, own[norm.gain] + norm.offset)
        if constant:
            own[name] = _centred(own[name], index)
        if reader in constant:
            along_ones = (index.units(weight) * own[norm.shift][:, None]).mean(0)
            own[name] = index.replaced(own[name], index.units(own[name]) + along_ones)
    for name, value in _folded(norm).items():
        own[name] = torch.full_like(own[name], value)


def _through(weight: Tensor, index: UnitIndex, units: Tensor, bias: Tensor) -> Tensor:
    """Return the bias of a layer to which constant units are added through its weight.

    Args:
        weight: of the layer.
        index: where it reads the units.
        units: (unit,) the constants.
        bias: of the layer, along the axes of the weight that are left.
    """
    terms = index.replaced(torch.zeros_like(weight), index.units(weight) * units[:, None])
    sums = terms.sum(index.axes[bias.ndim - weight.ndim :])
    return bias + sums.reshape(*bias.shape, -1).sum(-1)


def _scaled(value: Tensor, index: UnitIndex, factors: Tensor) -> Tensor:
    """Return a tensor each of whose units is multiplied by its factor, (unit,)."""
    return index.replaced(value, index.units(value) * factors[:, None])


def _zeroed(value: Tensor, index: UnitIndex) -> Tensor:
    """Return a tensor whose units are 0."""
    return index.replaced(value, torch.zeros_like(index.units(value)))


def _centred(value: Tensor, index: UnitIndex) -> Tensor:
    """Return a tensor whose units have mean 0: ``C = I - 11'/d`` acts on them."""
    units = index.units(value)
    return index.replaced(value, units - units.mean(0))
