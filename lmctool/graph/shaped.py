"""The values of a graph for batches of any size, told by the model itself.

The model is followed on batches of two sizes, and the graph beside it: operation
for operation the graph must do what the model does, on the same tensors, in the same modules.  So
a graph that was read from anywhere is one of this model, or is refused.  What the model does has
sizes that are a multiple of the examples and a rest; the graph's own are proved to be such.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from lmctool.graph.batch_sizes import batch_sizes
from lmctool.graph.document import buffer_of
from lmctool.graph.operations import BATCH_NORM, operation
from lmctool.graph.settings import plain_layers
from lmctool.graph.sizes import BATCH, at_batch
from lmctool.graph.terms import Terms, UnlikeError, state_of, terms_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from lmctool.graph.graph import Graph
    from lmctool.graph.terms import Place

SIZES = (2, 3)
"""How many examples there are in a batch that varies: a size is a line through two points."""
CHECKS = frozenset({torch.ops.aten._assert_tensor_metadata.default})
"""Operations that compute nothing, and refuse."""


def shape_values(graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Give each node of a graph its value without content, for a batch of ``sizes.BATCH``.

    Args:
        graph: a graph whose nodes have no values yet.
        module: the model that it is to be of.
        inputs: (example, ...) a batch for each argument of ``forward``; one of 1 stays that.

    Raises:
        UnlikeError: it does anything else than the model, or a size is no multiple of the examples
            and a rest.
        Exception: whatever the model's own code raises.
    """
    counts = {len(each) for each in inputs if len(each) > 1}
    if len(counts) > 1:
        raise UnlikeError("batches of several sizes")
    followed = [_followed(graph, module, inputs, count) for count in (SIZES if counts else (1,))]
    for node in graph.nodes:
        if node.op != "output":
            node.meta["val"] = _of_any_batch([values[node] for values in followed])


def agrees(known: Graph, graph: Graph) -> bool:
    """Tell whether the values of a graph are those that torch.export found, symbols for sizes."""
    for node, other in zip(known.nodes, graph.nodes, strict=True):
        if node.op == "output":
            continue
        found, spec = tree_flatten(node.meta.get("val"))
        given, other_spec = tree_flatten(other.meta.get("val"))
        if operation(node) in BATCH_NORM:  # besides its value each device has what it likes
            found, given = found[:1], given[:1]
        if spec != other_spec and node.target not in CHECKS:
            return False
        if not all(map(_is_same, found, given)):
            return False
    return True


def _is_same(known: Any, value: Any) -> bool:
    if isinstance(known, Tensor) != isinstance(value, Tensor):
        return False
    if not isinstance(known, Tensor):
        return not isinstance(known, int | torch.SymInt) or _is_same_size(known, value)
    same = known.dtype == value.dtype and len(known.shape) == len(value.shape)
    return same and all(map(_is_same_size, known.shape, value.shape))


def _is_same_size(known: int | torch.SymInt, size: int) -> bool:
    """Tell whether a size with one symbol is the same at every batch as one that is a number."""
    if isinstance(known, int):
        return known == size
    expression: Any = known.node.expr
    symbols = expression.free_symbols
    return all(
        int(expression.subs(dict.fromkeys(symbols, batch))) == at_batch(size, batch)
        for batch in (*SIZES, BATCH)
    )


def _followed(
    graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...], count: int
) -> dict[fx.Node, Any]:
    """Return the value of each node for a batch of so many examples."""
    batch = tuple(
        each.detach()[[place % len(each) for place in range(count)]] if len(each) > 1 else each
        for each in inputs
    )
    state = state_of(module)
    own = {node: state[name] for node, name in graph.tensors.items()}
    own |= {node: state[buffer_of(each, module)] for node, each in graph.constants.items()}
    own |= dict(zip(graph.inputs, batch, strict=True))
    paths = {path for path, _ in module.named_modules()}
    varying = {name for name, each in zip(graph.inputs, inputs, strict=True) if len(each) > 1}
    sizes = batch_sizes(graph, varying)
    values: dict[fx.Node, Any] = {node: size.at(count) for node, size in sizes.items()}
    with plain_layers(module):
        terms, returned = terms_of(module, state, batch)
        for node in graph.nodes:
            if node.op == "placeholder":
                values[node] = own[node.name]
            elif node in sizes:
                _check_place(node, paths, ())
            elif node.op == "call_function":
                values[node] = _called(node, values, terms)
                _check_place(node, paths, terms.places_of(values[node], _operands(node, values)))
    outputs: Any = graph.nodes[-1].args[0]
    if tuple(terms.of(values[node]) for node in outputs) != returned:
        raise UnlikeError("other outputs")
    return values


def _called(node: fx.Node, values: Mapping[fx.Node, Any], terms: Terms) -> Any:
    """Return the value of an operation, which the model did before."""
    function: Any = node.target
    if function in CHECKS:
        return None
    given: Any = fx.map_arg((node.args, node.kwargs), values.__getitem__)
    args, kwargs = given
    if function is operator.getitem:
        several, place = args
        if not isinstance(several, tuple | list) or isinstance(node.args[1], fx.Node) or kwargs:
            raise UnlikeError(f"{node.name} picks no value")
        return _no_number(several[place])
    with torch.no_grad(), terms:
        return _no_number(function(*args, **kwargs))


def _no_number(value: Any) -> Any:
    """Return a value; a number would be one of this batch alone."""
    if isinstance(value, int | float | complex):
        raise UnlikeError("a number that follows from no size")
    return value


def _operands(node: fx.Node, values: Mapping[fx.Node, Any]) -> list[Tensor]:
    return [v for each in node.all_input_nodes if isinstance(v := values[each], Tensor)]


def _check_place(node: fx.Node, paths: Container[str], places: Iterable[Place]) -> None:
    """Check that the model has the modules that a node is said to be in, and did it there."""
    said = tuple(str(path).partition("@")[0] for path in node.meta["nn_module_stack"])
    if not all(path in paths for path in said):
        raise UnlikeError(f"{node.name} is in no module of this model")
    if places and said not in places:
        raise UnlikeError(f"{node.name} is in another module")


def _of_any_batch(values: Sequence[Any]) -> Any:
    """Return a value for a batch of ``BATCH``, by those for batches of ``SIZES``."""
    flat, specs = zip(*map(tree_flatten, values), strict=True)
    if any(spec != specs[0] for spec in specs):
        raise UnlikeError("other values in a larger batch")
    leaves: list[Any] = []
    for each in zip(*flat, strict=True):
        if isinstance(each[0], Tensor):
            shape = [_size(*sizes) for sizes in zip(*(leaf.shape for leaf in each), strict=True)]
            leaves.append(torch.empty(shape, dtype=each[0].dtype, device="meta"))
        else:
            leaves.append(_size(*each) if isinstance(each[0], int) else each[0])
    return tree_unflatten(leaves, specs[0])


def _size(first: int, second: int | None = None) -> int:
    """Return the size at ``BATCH`` of one that is these at ``SIZES``."""
    rise = 0 if second is None else second - first
    rest = first - rise * SIZES[0]
    if rise < 0 or rest < 0:
        raise UnlikeError("a size that is no multiple of the examples and a rest")
    return rest + rise * BATCH if rise else first
