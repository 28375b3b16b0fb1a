"""Models of timm and transformers: random elements of the groups derived from their graphs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.graph.capture import capture
from lmctool.plugin import kinds, registry
from lmctool.statistics import cross
from lmctool.symmetry.derive import derive
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.linear.transform import LinearTransform
from lmctool_plugins.aligners.procrustes.descent import Descent
from lmctool_plugins.aligners.procrustes.families import families
from tests.libraries import needs

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.linear.spec import LinearSpec

TEXT: dict[str, Any] = {
    "vocab_size": 50,
    "max_position_embeddings": 16,
    "tie_word_embeddings": False,
}
MODELS: dict[str, dict[str, Any]] = {
    "timm:vit_tiny_patch16_224": {
        "img_size": 16,
        "patch_size": 4,
        "embed_dim": 32,
        "depth": 2,
        "num_heads": 4,
        "num_classes": 5,
    },
    "transformers:GPT2LMHeadModel": {**TEXT, "n_embd": 32, "n_layer": 2, "n_head": 4},
    "transformers:LlamaForCausalLM": {
        **TEXT,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}
# the libraries warn of what their own next versions will change
pytestmark = [
    pytest.mark.slow,
    needs("timm", "transformers"),
    pytest.mark.filterwarnings("default"),
]


@cache
def known(word: str) -> tuple[nn.Module, Graph, LinearSpec, Tensor]:
    """Return a model in float64, its graph, what keeps its function, and inputs."""
    build = registry.load(kinds.MODELS, word.partition(":")[0]).build
    module = build(word, **MODELS[word]).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(50, (8, 16), generator=generator)
    if word.startswith("timm"):
        inputs = torch.randn(8, 3, 16, 16, generator=generator, dtype=torch.float64)
    graph = capture(module, inputs)
    return module, graph, derive_linear(graph, derive(graph)), inputs


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("word", MODELS)
def test_a_random_element_of_every_group_is_found_again(word: str, seed: int) -> None:
    module, graph, spec, inputs = known(word)
    generator = torch.Generator().manual_seed(seed)
    a = canonical(spec, noisy(module, generator))
    b = LinearTransform.random(spec, generator).apply(a)
    streams = [group for group in spec.groups.values() if group.kind == "orthogonal"]
    taps = [tap for group in streams for tap in group.taps]
    taps += [
        tap
        for family in families(spec)
        for name in family.permuted
        for tap in spec.permutations.taps.get(name, ())
    ]
    shown = cross((graph, graph), a, b, dict.fromkeys(taps), [inputs])
    for moments in ({}, shown):
        descent = Descent(spec, a, b, moments, rigid=False)
        descent.go()
        found = descent.transform().apply(b)
        for name, tensor in a.items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-6)


def noisy(module: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the weights of a model, none of whose parameters is as it was begun."""
    weights = dict(module.state_dict())
    for name, tensor in module.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
        weights[name] = tensor + 0.3 * noise
    return weights
