"""The built-in transformers against those of the libraries whose tensors they have."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.config import Config
from lmctool.model.resolve import resolve_model
from lmctool.plugin import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

GPT2 = {"n_embd": 16, "n_head": 4, "n_layer": 3, "n_positions": 12, "vocab_size": 23}
LLAMA = {
    "hidden_size": 16,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "intermediate_size": 24,
    "vocab_size": 23,
}
IDS = torch.randint(23, (3, 11), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", autouse=True)
def libraries() -> Iterator[None]:
    """Let both libraries be imported beside a torch that torchvision was not built for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        if "torchvision" not in sys.modules:
            stub = ModuleType("torchvision._meta_registrations")
            patch.setitem(sys.modules, stub.__name__, stub)
        yield


@pytest.fixture
def transformers() -> Any:
    """Return the library, or skip."""
    return pytest.importorskip("transformers", reason="transformers is not installed")


def scrambled(module: nn.Module) -> nn.Module:
    """Return the module with every parameter drawn anew, so that no part of it is idle."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module.eval()


def check_folder(theirs: Any, folder: Path, word: str) -> None:
    """Show that a folder opens without any flag and gives the logits of who wrote it."""
    theirs.save_pretrained(folder)
    checkpoint = open_checkpoint(folder)
    model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    assert (model.spec, model.origin) == (word, "config.json")
    with torch.no_grad():
        ours = torch.func.functional_call(model.module, dict(checkpoint.weights()), (IDS,))
        # float32 logits of size 10, reached through other kernels
        torch.testing.assert_close(ours, theirs(IDS).logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": False}, {"n_inner": 20}], ids=str)
def test_a_folder_of_gpt2_gives_the_logits_of_transformers(
    transformers: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2, **changes))
    check_folder(scrambled(theirs), tmp_path / "net", "gpt2")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_key_value_heads": 2, "tie_word_embeddings": True},
        {"num_key_value_heads": 1, "head_dim": 6, "rope_theta": 500.0, "rms_norm_eps": 1e-3},
        {"attention_bias": True, "mlp_bias": True},
    ],
    ids=str,
)
def test_a_folder_of_llama_gives_the_logits_of_transformers(
    transformers: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    theirs = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA, **changes))
    check_folder(scrambled(theirs), tmp_path / "net", "llama")


def test_a_vit_gives_the_logits_of_timm() -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    theirs = timm.models.VisionTransformer(
        img_size=12, patch_size=4, in_chans=2, num_classes=5, embed_dim=16, depth=3, num_heads=4
    )
    ours = registry.load("lmctool.models", "vit").build(
        "vit", size=12, patch=4, channels=2, classes=5, width=16, depth=3, heads=4
    )
    ours.load_state_dict(scrambled(theirs).state_dict())
    images = torch.randn(3, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), theirs(images), rtol=1e-5, atol=1e-5)
