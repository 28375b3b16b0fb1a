"""Linear layers that a recording shows in pieces, put together as torch.export shows them.

Below autograd ``linear(x, w, b)`` is a product with ``w.t()``: of examples that are flattened
before it and unflattened after, or with the weight repeated for each, the bias within or added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import VIEWS, aten, operation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from torch import fx

WRAPPINGS = VIEWS | {aten.expand.default, aten.clone.default}
PIECES = WRAPPINGS | {aten.t.default, aten.mm.default, aten.bmm.default, aten.addmm.default}
SUMS = frozenset({aten.add.Tensor, aten.add_.Tensor})


def recompose(graph: fx.Graph) -> None:
    """Write each linear layer of a recorded graph as one operation.

    It takes the place and the name of the layer's last piece, whose value is the layer's.
    """
    for product in list(graph.nodes):
        found = _linear(product) if operation(product) in ("mm", "bmm", "addmm") else None
        if found is None:
            continue
        last, operands = found
        pieces = {product, *last.all_input_nodes}
        pieces.update(each for operand in product.all_input_nodes for each in _wrapped(operand))
        last.target, last.args, last.kwargs = aten.linear.default, operands, {}
        for piece in reversed(list(graph.nodes)):
            if piece in pieces and piece.target in PIECES and not piece.users:
                graph.erase_node(piece)


def _linear(product: fx.Node) -> tuple[fx.Node, tuple[fx.Node, ...]] | None:
    """Return the last piece of the layer that a product is of, and the layer's operands."""
    operands: tuple[Any, ...] = product.args
    *bias, x, weight = operands
    turned = next((each for each in _wrapped(weight) if each.target is aten.t.default), None)
    if turned is None or product.kwargs or any(len(_shape(each)) != 1 for each in bias):
        return None
    last, inputs = _restored(product, x)
    if last is product and operation(product) == "bmm":
        return None
    added = None if bias else _only_user(last, SUMS)
    if added and _is_bias(added, product):
        last, bias = added, [added.args[1]]
    return last, (inputs, turned.args[0], *bias)


def _restored(product: fx.Node, x: Any) -> tuple[fx.Node, fx.Node]:
    """Return the product as it is unflattened, and what it is of, before that was flattened."""
    last = _only_user(product, VIEWS)
    for each in _wrapped(x) if last else ():
        if _shape(each) == (*_shape(last)[:-1], _shape(x)[-1]):
            return last or product, each
    return product, x


def _is_bias(added: fx.Node, product: fx.Node) -> bool:
    """Tell whether a sum adds a vector to a product, within one module."""
    modules = [node.meta.get("nn_module_stack") for node in (added, product)]
    return len(_shape(added.args[1])) == 1 and not added.kwargs and modules[0] == modules[1]


def _wrapped(value: Any) -> Iterator[fx.Node]:
    """Give a value, and step by step what it is another form of."""
    yield value
    while value.target in WRAPPINGS:
        value = value.args[0]
        yield value


def _only_user(node: fx.Node, targets: Collection[Any]) -> fx.Node | None:
    users = list(node.users)
    return users[0] if len(users) == 1 and users[0].target in targets else None


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an operand; a number has none."""
    return tuple(value.meta["val"].shape) if hasattr(value, "meta") else ()
