"""What a model computes, as terms: each value by the operation and the operands it is made of.

Two computations of one term are the same operation on the same terms, down to the tensors and the
inputs of the model.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from lmctool.graph.dispatch_mode import DispatchMode
from lmctool.graph.module import fresh
from lmctool.graph.operations import aten
from lmctool.graph.recording import ASKS_DEVICE, run_functional

SAME = frozenset(
    {
        *(aten.alias.default, aten.detach.default),
        *(aten.lift_fresh.default, aten.lift_fresh_copy.default),
    }
)
"""Operations whose value is their operand."""
NORM = aten.native_batch_norm.default
NORM_BY_RUNNING = aten._native_batch_norm_legit_no_training.default
"""What the former is called where it does not normalise by the batch."""
WHOLE = 2**63 - 1
"""Where a slice ends that has no end."""
MOST = 4096
"""Elements of a tensor that a term is told by the content of; the models' own have names."""

Term = Hashable
Place = tuple[str, ...]
"""The paths of the modules that an operation is done in, each within the one before it."""


class UnlikeError(Exception):
    """A computation cannot be told by terms, or is another than what it is compared with."""


class Terms(DispatchMode):
    """Notes the term of every value that is computed meanwhile.

    Attributes:
        places: where each term was computed, once a model noted them.
        running: the module that is being computed, and those that it is in.
        closed: whether only those terms may be computed that are known by now; none is computed
            again then, but its value given.
    """

    def __init__(self) -> None:
        """Note nothing yet."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.places: dict[Term, set[Place]] = {}
        self.running: list[str] = []
        self.closed = False
        self._numbers: dict[Hashable, int] = {}
        self._values: dict[Term, Any] = {}
        self._terms: dict[int, Term] = {}
        self._alive: list[Tensor] = []  # so that identities last

    def note(self, tensor: Tensor, term: Term) -> None:
        """Take a tensor for a term."""
        self._terms[id(tensor)] = term
        self._alive.append(tensor)

    def of(self, tensor: Tensor) -> Term:
        """Return the term of a tensor; one that nobody noted is told by its content.

        Raises:
            UnlikeError: it has too much of it, or none.
        """
        if (known := self._terms.get(id(tensor))) is not None:
            return known
        if tensor.is_meta or tensor.numel() > MOST or tensor.is_quantized:
            raise UnlikeError("a tensor of which nothing is known")
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        content = bytes(plain.view(torch.uint8).numpy()) if plain.numel() else b""
        return ("constant", str(tensor.dtype), tuple(tensor.shape), content)

    def places_of(self, value: Any, operands: Sequence[Tensor]) -> set[Place]:
        """Return where the model computed a value; nowhere what is one of the operands."""
        leaf = next((each for each in tree_leaves(value) if isinstance(each, Tensor)), None)
        term = None if leaf is None else self.of(leaf)
        if not isinstance(term, tuple) or term in map(self.of, operands):
            return set()
        return self.places.get(term[0], set())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Note an operation."""
        kwargs = kwargs or {}
        if func is ASKS_DEVICE or func is aten.sym_size.int:
            return func(*args, **kwargs)
        if _keeps(func, args, kwargs):
            value = func(*args, **kwargs)
            self.note(value, self.of(args[0]))
            return value
        term = self._term(func, args, kwargs)
        if not self.closed:
            self._values[term] = func(*args, **kwargs)
            self.places.setdefault(term, set()).add(tuple(self.running))
        elif term not in self._values:
            raise UnlikeError(f"the model does no such {func}")
        if func._schema.is_mutable:
            return self._written(func, args, term)
        return self._noted(term)

    def _noted(self, term: Term) -> Any:
        """Return the value of a term as others may use it, its tensors noted."""
        value = tree_map(
            lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, self._values[term]
        )
        for place, leaf in enumerate(tree_leaves(value)):
            if isinstance(leaf, Tensor):
                self.note(leaf, (term, place))
        return value

    def _written(self, func: Any, args: tuple[Any, ...], term: Term) -> Tensor:
        """Return what an operation within a layer of torch writes, which is its first operand."""
        returns = func._schema.returns
        if len(returns) != 1 or returns[0].alias_info is None or not isinstance(args[0], Tensor):
            raise UnlikeError(f"{func} writes")
        written: Tensor = args[0]
        self.note(written, (term, 0))
        return written

    def _term(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Term:
        """Return the term of an operation: one for what has two names."""
        if func is NORM:
            *operands, trains, momentum, epsilon = args
            if trains is False and not kwargs:
                return self._term(NORM_BY_RUNNING, (*operands, momentum, epsilon), {})
        key = (str(func), self._told(args), self._told(kwargs))
        return self._numbers.setdefault(key, len(self._numbers))  # or terms would grow and grow

    def _told(self, value: Any) -> Hashable:
        """Return what tells an operand from others."""
        if isinstance(value, Tensor):
            return self.of(value)
        if isinstance(value, torch.device):
            return ("device", value.type)
        if isinstance(value, list | tuple):
            return tuple(map(self._told, value))
        if isinstance(value, Mapping):
            return tuple((name, self._told(value[name])) for name in sorted(value))
        return (type(value).__name__, repr(value))


def _keeps(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether the value of an operation is its operand."""
    copies = func is aten.clone.default and not kwargs  # a dropout that drops nothing, exported
    return func in SAME or copies or (func is aten.slice.Tensor and _is_whole(*args, **kwargs))


def _is_whole(
    _: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> bool:
    """Tell whether a slice leaves nothing out, which a running model does not even ask for."""
    return not start and end in (None, WHOLE) and step == 1


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a module, tied ones once, by the first name."""
    named = chain(module.named_parameters(), module.named_buffers())
    return {name: tensor.detach() for name, tensor in named}


def terms_of(
    module: nn.Module, state: Mapping[str, Tensor], inputs: tuple[Tensor, ...]
) -> tuple[Terms, tuple[Term, ...]]:
    """Return the terms that a model computes, and those that it returns.

    Args:
        module: the model, in evaluation mode.
        state: its tensors.
        inputs: a batch for each argument of ``forward``.

    Raises:
        UnlikeError: it does what no term tells.
        Exception: whatever the model's own code raises.
    """
    terms, own = Terms(), fresh(module)
    for path, part in own.named_modules():
        if not isinstance(part, torch.jit.ScriptModule):  # these take no hooks
            part.register_forward_pre_hook(partial(_enter, terms, path))
            part.register_forward_hook(partial(_leave, terms), always_call=True)
    for name, tensor in state.items():
        terms.note(tensor, ("tensor", name))
    for place, tensor in enumerate(inputs):
        terms.note(tensor, ("input", place))
    with torch.no_grad(), terms:
        outputs = run_functional(own, state, inputs)
    returned = tuple(map(terms.of, outputs))
    terms.closed = True
    return terms, returned


def _enter(terms: Terms, path: str, *_: object) -> None:
    terms.running.append(path)


def _leave(terms: Terms, *_: object) -> None:
    terms.running.pop()
