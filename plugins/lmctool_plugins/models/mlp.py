"""Multilayer perceptron with ReLU, with BatchNorm, LayerNorm or no normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, flatten, nn

from lmctool.api import LmctoolError, ModelFamily, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Argument

NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": nn.Identity}


class MLP(nn.Module):
    """``depth`` hidden layers of ``width`` units and a linear classifier; inputs are flattened."""

    def __init__(self, inputs: int, width: int, depth: int, classes: int, norm: str) -> None:
        """Build it with torch's own initialisation."""
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(width if place else inputs, width) for place in range(depth)
        )
        self.norms = nn.ModuleList(NORMS[norm](width) for _ in range(depth))
        self.classifier = nn.Linear(width if depth else inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, ...) inputs."""
        x = flatten(x, 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = norm(layer(x)).relu()
        logits: Tensor = self.classifier(x)
        return logits


def build(
    spec: str,
    *,
    inputs: int = 784,
    width: int = 128,
    depth: int = 3,
    classes: int = 10,
    norm: str = "none",
) -> nn.Module:
    """Return an MLP of ``depth`` hidden layers in its initial state."""
    if norm not in NORMS:
        raise LmctoolError(f"model 'mlp' has norm {', '.join(sorted(NORMS))}, not {norm!r}")
    return MLP(inputs, width, depth, classes, norm)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read width, depth, classes and normalisation off the names and shapes."""
    first, head = shapes.get("layers.0.weight", ()), shapes.get("classifier.weight", ())
    if len(first) != 2 or len(head) != 2:
        return None
    norm = "none"
    if "norms.0.weight" in shapes:
        norm = "batch" if "norms.0.running_mean" in shapes else "layer"
    depth = sum(name.startswith("layers.") and name.endswith(".weight") for name in shapes)
    return {
        "inputs": first[1],
        "width": first[0],
        "depth": depth,
        "classes": head[0],
        "norm": norm,
    }


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model mlp``."""
    return ModelFamily(build, read, frozenset({"inputs", "width", "depth", "classes", "norm"}))
