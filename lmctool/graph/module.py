"""A module and its tensors: which of them are tied, and copies that share them."""

from __future__ import annotations

import copy
from collections import OrderedDict
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


COPYING = ("__setstate__", "__getstate__", "__reduce__", "__reduce_ex__")
"""Methods by which a class says how it is to be copied."""
ATOMS = frozenset((bool, int, float, str, type(None)))
CONTAINERS = frozenset((dict, OrderedDict, list, set))


def aliases(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Give each tied name with the first name that shares its tensor."""
    first: dict[int, str] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        original = first.setdefault(id(tensor), name)
        if original != name:
            yield name, original


def masks(module: nn.Module) -> Iterator[str]:
    """Give the name of each buffer of several axes that has two different values and no more."""
    for name, buffer in module.named_buffers():
        axes = sum(size > 1 for size in buffer.shape)
        if axes > 1 and buffer.numel() and buffer.is_floating_point():
            values = buffer.float()  # the smallest types have no least value
            least, greatest = values.aminmax()
            if least < greatest and ((values == least) | (values == greatest)).all():
                yield name


def adopt(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Let a module share these tensors in place of its own, which take no memory from then on."""
    for name, tensor in module.state_dict(keep_vars=True).items():
        if name in weights:
            tensor.data = weights[name]


def empty(module: nn.Module, dtype: torch.dtype, device: torch.device) -> None:
    """Take the values out of all that a module stores as floats, and with them their memory.

    Each is of a dtype then, on a device, and NaN throughout, so that no number comes of what is
    forgotten to be put in.
    """
    for tensor in module.state_dict(keep_vars=True).values():
        if isinstance(tensor, Tensor) and tensor.is_floating_point():
            nothing = torch.full((1,), torch.nan, dtype=dtype, device=device)
            tensor.data = nothing.expand(tensor.shape)


def shell(module: nn.Module, buffers: Mapping[str, Tensor]) -> nn.Module:
    """Return a copy whose parameters have no values, and take no memory until somebody looks.

    Args:
        module: the module, which may be empty.
        buffers: the values of what it stores beside parameters.
    """
    hollow, made = fresh(module), dict[int, nn.Parameter]()
    for part in hollow.modules():
        for key, own in [*part._parameters.items()]:
            if own is not None:
                if id(own) not in made:  # where tensors are tied, they stay so
                    space = torch.empty(own.shape, dtype=own.dtype, device=own.device)
                    made[id(own)] = nn.Parameter(space, requires_grad=False)
                setattr(part, key, made[id(own)])
    for name, tensor in buffers.items():
        path, _, key = name.rpartition(".")
        setattr(hollow.get_submodule(path), key, tensor)
    return hollow


def fresh(module: nn.Module) -> nn.Module:
    """Return a copy that shares the module's tensors and nothing else.

    Some models keep what they compute from their weights for the next call (an attention bias,
    say).  One copy for each set of weights keeps one network's from reaching another.
    """
    tensors = chain(module.parameters(), module.buffers())
    return _copied(module, {id(tensor): tensor for tensor in tensors})


def copy_with_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module | None:
    """Return a fresh copy that shares these weights; None if it doesn't use them all as given."""
    carrier = fresh(module)
    tied = {name: weights[first] for name, first in aliases(module) if first in weights}
    state = module.state_dict()  # with the versions of classes, which some ask for
    own = [name for name in state if name not in tied and name not in weights]
    state |= {**tied, **weights}
    for name in own:
        del state[name]
    carrier.load_state_dict(state, strict=False, assign=True)
    tensors = dict(chain(carrier.named_parameters(), carrier.named_buffers()))
    shared = all(
        name in tensors and tensors[name].data_ptr() == tensor.data_ptr()
        for name, tensor in weights.items()
    )
    return carrier if shared else None


def _copied(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Do what copy.deepcopy does, several times as fast for what most modules are made of."""
    kind = type(module)
    has_hooks = hasattr(kind, "__deepcopy__") or any(
        getattr(kind, word) is not getattr(nn.Module, word) for word in COPYING
    )
    if has_hooks or id(module) in memo:
        for part in module.modules():
            detach(vars(part), memo)
        return copy.deepcopy(module, memo)
    new = memo[id(module)] = kind.__new__(kind)
    for name, value in vars(module).items():
        if name == "_modules":
            new.__dict__[name] = {
                key: None if child is None else _copied(child, memo) for key, child in value.items()
            }
        elif name in {"_parameters", "_buffers"}:
            new.__dict__[name] = dict(value)  # shared, all of them
        elif _is_atom(value):
            new.__dict__[name] = value
        elif type(value) in CONTAINERS and not value:
            new.__dict__[name] = type(value)()
        else:
            detach(value, memo)
            new.__dict__[name] = copy.deepcopy(value, memo)
    return new


def detach(value: Any, memo: dict[int, Any]) -> None:
    """Note copies of tensors that were computed with gradients, of which there are no deep ones.

    A deep copy with these notes has them.  Such are weights that hooks compute
    from others before each call: torch.nn.utils.weight_norm, prune.
    """
    for leaf in tree_leaves(value):
        if isinstance(leaf, Tensor) and not leaf.is_leaf and id(leaf) not in memo:
            memo[id(leaf)] = leaf.detach().clone()


def _is_atom(value: Any) -> bool:
    return type(value) in ATOMS or (type(value) is tuple and all(map(_is_atom, value)))
