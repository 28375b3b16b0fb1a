"""Linear groups and canonical forms of language models as transformers builds them.

The stream is 16 wide with 2 heads of 8, and an MLP of 24.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.outputs import outputs_of
from lmctool.model.untied import untie
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.symmetry import derive
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.linear.transform import LinearTransform

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL: dict[str, Any] = {
    **MARKS,
    "vocab_size": 23,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
GPT2 = {"n_embd": 16, "n_head": 2, "n_layer": 1, "n_positions": 12, "vocab_size": 23, **MARKS}
OPT = SMALL | {"ffn_dim": 24, "word_embed_proj_dim": 16}
NEO = SMALL | {"num_layers": 1, "num_heads": 2, "attention_types": [[["global"], 1]]}
# the stream; queries against keys, and values
PLAIN = Counter({("orthogonal", 16, 1): 1, ("invertible", 8, 2): 2})
# the library warns of what its own next version will change
pytestmark = pytest.mark.filterwarnings("default")


def built(name: str, config: dict[str, Any]) -> nn.Module:
    """Return a network without ties in float64, no gain of which is 1 and no bias 0."""
    family = registry.load(MODELS, "transformers")
    module: nn.Module = family.build(f"transformers:{name}", config=json.dumps(config))
    generator = torch.Generator().manual_seed(1)
    for parameter in module.double().eval().requires_grad_(False).parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.add_(noise * 0.3)
    untie(module)
    return module


def outputs(module: nn.Module, weights: Mapping[str, Tensor], ids: Tensor) -> Tensor:
    """Return all outputs of a network, as one vector."""
    with torch.no_grad():
        found = outputs_of(torch.func.functional_call(module, dict(weights), (ids,)))
    return torch.cat([each.tensor.flatten().double() for each in found])


@pytest.mark.parametrize(
    ("name", "config", "rounding"),
    [
        ("GPT2LMHeadModel", GPT2, 1e-10),
        ("OPTForCausalLM", OPT, 1e-10),
        ("GPTNeoForCausalLM", NEO, 1e-4),  # its attention is in float32
    ],
)
def test_a_random_element_of_every_group_keeps_the_function(
    name: str, config: dict[str, Any], rounding: float
) -> None:
    module, ids = built(name, config), torch.arange(27).view(3, 9) % 23
    graph = capture(module, ids)
    spec = derive_linear(graph, derive(graph))
    assert (
        Counter((g.kind, g.size, g.count) for g in spec.groups.values() if g.kind != "scale")
        == PLAIN
    )
    weights = module.state_dict()
    before = outputs(module, weights, ids)
    form = canonical(spec, weights)
    moved = LinearTransform.random(spec, torch.Generator().manual_seed(3)).apply(form)

    def change(after: Mapping[str, Tensor]) -> float:
        return float((outputs(module, after, ids) - before).abs().max() / before.abs().max())

    assert change(form) < rounding
    assert change(moved) < rounding
    for group in spec.groups.values():
        left_out = group.places[0].tensor
        assert change(moved | {left_out: form[left_out]}) > 10 * rounding
