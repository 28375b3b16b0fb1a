"""Models of the transformers library: its folders, what a config.json may say, refusals."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from lmctool.checkpoint import open_checkpoint
from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.graph.outputs import outputs_of
from lmctool.model.resolve import Model, resolve_model
from lmctool.model.tied import once
from lmctool_plugins.models.transformers import build, from_config
from lmctool_plugins.models.transformers.config import vetted

if TYPE_CHECKING:
    from pathlib import Path

MARKS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
GPT2 = {"n_embd": 16, "n_head": 4, "n_layer": 3, "n_positions": 12, "vocab_size": 23, **MARKS}
LLAMA = {
    "hidden_size": 16,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "intermediate_size": 24,
    "vocab_size": 23,
    **MARKS,
}
VIT = {
    "hidden_size": 16,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "intermediate_size": 24,
    "image_size": 8,
    "patch_size": 4,
    "num_channels": 1,
    "num_labels": 3,
}
IDS = torch.randint(3, 23, (3, 11), generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
# the library warns of what its own next version will change
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def transformers() -> Any:
    """Return the library, or skip."""
    pytest.importorskip(
        "transformers", reason="transformers is not installed", exc_type=ImportError
    )
    from lmctool.plugin.library import import_library

    return import_library("transformers", "transformers:gpt2")


def scrambled(module: nn.Module) -> nn.Module:
    """Return the module with every parameter drawn anew, so that no part of it is idle."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module.eval()


def theirs(transformers: Any, name: str, config: dict[str, Any]) -> Any:
    """Return a network of the library, built by itself."""
    torch.manual_seed(0)
    kind = getattr(transformers, name)
    return scrambled(kind(kind.config_class(**config)))


def built(spec: str, **arguments: Any) -> nn.Module:
    return build(spec, **arguments)


def opened(folder: Path, spec: str | None = None, **arguments: Any) -> Model:
    return resolve_model(open_checkpoint(folder), spec=spec, arguments=arguments, config=Config())


def answers(model: Model, folder: Path, inputs: Tensor) -> Tensor:
    """Return the outputs of a resolved model with the tensors of a folder."""
    weights = once(dict(open_checkpoint(folder).weights()), model.module)
    with torch.no_grad():
        outputs: Tensor = torch.func.functional_call(model.module, weights, (inputs,))
    return outputs


@pytest.mark.parametrize(
    ("name", "config", "inputs"),
    [
        ("GPT2LMHeadModel", GPT2, IDS),
        ("GPT2LMHeadModel", {**GPT2, "tie_word_embeddings": False, "n_inner": 20}, IDS),
        ("LlamaForCausalLM", LLAMA, IDS),
        (
            "LlamaForCausalLM",
            {
                **LLAMA,
                "num_key_value_heads": 2,
                "tie_word_embeddings": True,
                "head_dim": 6,
                "rms_norm_eps": 1e-3,
                "rope_parameters": {
                    "rope_type": "llama3", "rope_theta": 500.0, "factor": 2.0,
                    "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 8,
                },
            },
            IDS,
        ),
        ("BertForSequenceClassification", {**LLAMA, "num_labels": 5}, IDS),
        ("ViTForImageClassification", VIT, IMAGES),
    ],
    ids=["gpt2", "gpt2, untied", "llama", "llama, scaled angles", "bert", "vit, renamed"],
)  # fmt: skip
def test_a_folder_gives_the_logits_of_the_library_that_wrote_it(
    transformers: Any, tmp_path: Path, name: str, config: dict[str, Any], inputs: Tensor
) -> None:
    network = theirs(transformers, name, config)
    network.save_pretrained(tmp_path / "net")
    model = opened(tmp_path / "net")
    assert (model.spec, model.origin) == (f"transformers:{name}", "config.json")
    with torch.no_grad():
        assert torch.equal(answers(model, tmp_path / "net", inputs), network(inputs).logits)
    names = {*open_checkpoint(tmp_path / "net").names}
    assert names <= {*model.module.state_dict()}


def test_a_network_whose_parts_files_name_otherwise_is_traced_by_the_names_of_files(
    transformers: Any, tmp_path: Path
) -> None:
    theirs(transformers, "ViTForImageClassification", VIT).save_pretrained(tmp_path / "net")
    graph = capture(opened(tmp_path / "net").module, IMAGES)
    assert graph.tracer == "export"
    assert {*graph.tensors.values()} == {*open_checkpoint(tmp_path / "net").names}


SMALL = {
    "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "intermediate_size": 24, "max_position_embeddings": 16,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SWIN = {
    "image_size": 8, "patch_size": 1, "num_channels": 1, "embed_dim": 8, "depths": [2],
    "num_heads": [2], "window_size": 4,
}  # fmt: skip
MIXTURE = {"num_local_experts": 3, "num_experts_per_tok": 2}


@pytest.mark.parametrize(
    ("name", "config", "inputs", "place"),
    [
        ("SwinForImageClassification", SWIN, IMAGES,
         "swin.encoder.layers.0.blocks.0.attention.self.query.bias"),
        ("MixtralForCausalLM", SMALL | MIXTURE, IDS,
         "model.layers.1.block_sparse_moe.experts.2.w3.weight"),
        ("VideoMAEForVideoClassification",
         VIT | {"num_frames": 2, "tubelet_size": 2}, IMAGES[:, None].repeat(1, 2, 1, 1, 1),
         "videomae.encoder.layer.0.attention.attention.q_bias"),
        ("ModernBertForSequenceClassification", SMALL | {"cls_token_id": 1, "sep_token_id": 2}, IDS,
         "model.layers.0.attn.Wqkv.weight"),
    ],
    ids=["swin", "mixtral", "videomae", "modernbert"],
)  # fmt: skip
def test_files_may_name_and_cut_tensors_otherwise_than_the_librarys_code(
    transformers: Any,
    tmp_path: Path,
    name: str,
    config: dict[str, Any],
    inputs: Tensor,
    place: str,
) -> None:
    network = theirs(transformers, name, config)
    network.save_pretrained(tmp_path / "net")
    model = opened(tmp_path / "net")
    assert place in open_checkpoint(tmp_path / "net").names
    assert {*open_checkpoint(tmp_path / "net").names} == {*model.module.state_dict()}
    with torch.no_grad():
        torch.testing.assert_close(
            answers(model, tmp_path / "net", inputs), network(inputs).logits, rtol=1e-5, atol=1e-6
        )


def test_what_the_library_computes_itself_is_in_no_file(transformers: Any, tmp_path: Path) -> None:
    sizes = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 23}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "pad_token_id": 0}
    kind = transformers.MarianMTModel
    kind(kind.config_class(**sizes, **heads, decoder_start_token_id=0)).save_pretrained(tmp_path)
    network = kind.from_pretrained(tmp_path).eval()
    model = opened(tmp_path)
    model.module.load_state_dict(open_checkpoint(tmp_path).weights(), strict=False)
    with torch.no_grad():
        expected = network(input_ids=IDS, decoder_input_ids=IDS).logits
        assert torch.equal(model.module(IDS, IDS), expected)


def test_a_setting_that_is_infinite_is_read_as_the_library_writes_it() -> None:
    assert vetted({"limits": [0.0, {"__float__": "Infinity"}]}) == {"limits": [0.0, math.inf]}


def test_a_network_whose_parts_files_name_otherwise_is_evaluated_without_dropout(
    transformers: Any,
) -> None:
    config = {**VIT, "hidden_dropout_prob": 0.5}
    module = built("transformers:ViTForImageClassification", config=json.dumps(config)).eval()
    assert not any(part.training for part in module.modules())
    with torch.no_grad():
        assert torch.equal(module(IMAGES), module(IMAGES))


def test_the_user_may_name_the_folder_and_change_its_settings(
    transformers: Any, tmp_path: Path
) -> None:
    network = theirs(transformers, "LlamaForCausalLM", LLAMA)
    network.save_pretrained(tmp_path / "net")
    (tmp_path / "net" / "config.json").rename(tmp_path / "config.json")
    model = opened(tmp_path / "net", f"transformers:{tmp_path}", num_key_value_heads="4")
    assert (model.spec, model.origin) == ("transformers:LlamaForCausalLM", "--model")
    assert model.arguments["num_key_value_heads"] == 4
    before = answers(model, tmp_path / "net", IDS)
    other = opened(tmp_path / "net", f"transformers:{tmp_path}", rms_norm_eps="0.5")
    assert not torch.equal(answers(other, tmp_path / "net", IDS), before)


def test_a_type_stands_for_its_language_model_or_its_classifier(transformers: Any) -> None:
    assert type(built("transformers:gpt2", **GPT2)).__name__ == "GPT2LMHeadModel"
    vit = built("transformers:resnet", embedding_size=4, hidden_sizes="[4, 8]", depths="[1, 1]")
    assert type(vit).__name__ == "ResNetForImageClassification"


def test_an_encoder_and_a_decoder_take_an_input_each(transformers: Any) -> None:
    sizes = {"vocab_size": 23, "d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 1}
    model = built("transformers:T5ForConditionalGeneration", **sizes, num_heads=4).eval()
    assert model(IDS, IDS[:, :5]).shape == (3, 5, 23)


@pytest.mark.parametrize(
    ("spec", "config", "shapes"),
    [
        ("BertModel", LLAMA, {"last_hidden_state": (3, 11, 16), "pooler_output": (3, 16)}),
        ("BertForQuestionAnswering", LLAMA, {"start_logits": (3, 11), "end_logits": (3, 11)}),
        ("BertForSequenceClassification", {**LLAMA, "num_labels": 5}, {"": (3, 5)}),
        ("GPT2DoubleHeadsModel", GPT2, {"logits": (3, 11, 23), "mc_logits": (3,)}),
    ],
)
def test_a_network_gives_what_each_of_its_heads_does(
    transformers: Any, spec: str, config: dict[str, Any], shapes: dict[str, tuple[int, ...]]
) -> None:
    answer = built(f"transformers:{spec}", **config).eval()(IDS)
    assert {name: tuple(each.shape) for name, _, each in outputs_of(answer)} == shapes


def test_a_tied_head_is_one_tensor_of_two_names(transformers: Any) -> None:
    model = built("transformers:GPT2LMHeadModel", **GPT2)
    names = "lm_head.weight", "transformer.wte.weight"
    assert model.get_parameter(names[0]) is model.get_parameter(names[1])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([[3, 23]]), "token 23 but the model knows 23 tokens"),
        (torch.tensor([[3, -1]]), "token -1 but the model knows 23 tokens"),
        (torch.zeros(1, 3), "needs token ids, not inputs of torch.float32"),
        (torch.zeros(1, 13, dtype=torch.int64), "knows 12 positions, but the sequences have 13"),
    ],
    ids=["high", "negative", "floats", "long"],
)
def test_what_a_language_model_does_not_know_is_one_sentence(
    transformers: Any, ids: Tensor, message: str
) -> None:
    with pytest.raises(LmctoolError, match=message):
        built("transformers:GPT2LMHeadModel", **GPT2)(ids)


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        ("transformers:GPT3LMHeadModel", {}, "no model 'GPT3LMHeadModel'; did you mean 'GPT2LMHe"),
        ("transformers:", {}, "has no model ''"),
        ("transformers:os", {}, "has no model 'os'"),
        ("transformers:GPT2Config", {}, "has no model 'GPT2Config'"),
        ("transformers:a/b", {}, "no folder with a config.json and not in the local cache"),
        ("transformers:../a//b", {}, "no folder with a config.json and not in the local cache"),
        ("transformers:gpt2", {"n_heads": 2}, "no setting 'n_heads'; did you mean 'n_head'"),
        ("transformers:gpt2", {"to_dict": 2}, "no setting 'to_dict'"),
        ("transformers:gpt2", {"_name_or_path": "x"}, "no setting '_name_or_path'"),
        ("transformers:gpt2", {"attn_implementation": "a/b"}, "no setting 'attn_implementation'"),
        ("transformers:gpt2", {"n_head": 3, "n_embd": 16}, "cannot build 'gpt2': .*divisible"),
        ("transformers:gpt2", {"n_head": "many"}, "cannot configure 'gpt2': .*'n_head'"),
        ("transformers:gpt2", {"n_layer": 10**9}, "cannot have n_layer = 1000000000"),
        ("transformers:gpt2", {"config": "[]"}, "config.json of transformers is a JSON object"),
        ("transformers:resnet", {"depths": "[1"}, r"'\[1' is not valid JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_one_sentence(
    transformers: Any, spec: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(LmctoolError, match=message) as raised:
        built(spec, **arguments)
    assert "\n" not in str(raised.value)


def test_many_values_beside_the_weights_are_refused_before_memory_is_taken(
    transformers: Any,
) -> None:
    config = {**GPT2, "n_positions": 10**5}
    with torch.device("meta"), pytest.raises(LmctoolError, match="values beside its weights"):
        built("transformers:OpenAIGPTLMHeadModel", config=json.dumps(config))


def test_nothing_is_asked_of_a_hub(transformers: Any) -> None:
    config = json.dumps({"backbone": "resnet50", "use_timm_backbone": False})
    with pytest.raises(LmctoolError, match="offline mode is enabled"):
        build("transformers:DetrForObjectDetection", config=config)


def test_a_config_of_parts_keeps_the_type_of_each(transformers: Any, tmp_path: Path) -> None:
    part = {"hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 1}
    config = {
        "text_config": {"model_type": "qwen2", **LLAMA, **part, "num_key_value_heads": 2},
        "vision_config": {**VIT, **part, "model_type": "clip_vision_model"},
    }  # fmt: skip
    model = built("transformers:LlavaForConditionalGeneration", config=json.dumps(config))
    assert any("Qwen2" in type(module).__name__ for module in model.modules())


def test_a_file_can_name_neither_code_nor_a_place() -> None:
    config = {
        "model_type": "detr",
        "auto_map": {"AutoModel": "evil--code.Net"},
        "_name_or_path": "/etc/passwd",
        "_attn_implementation": "someone/kernel",
        "attn_implementation": "someone/kernel",
        "use_pretrained_backbone": True,
        "pretrained_cfg": "x",
        "backbone": "someone/backbone",
        "backbone_config": {
            "model_type": "swin", "checkpoint_path": "x", "kind": "hf-hub:x", "depths": ["a/b", 2],
        },
        "id2label": {"0": "a/b", "1": "c"},
        "d_model": 8,
    }  # fmt: skip
    assert vetted(config) == {
        "backbone_config": {"model_type": "swin", "depths": [2]}, "num_labels": 2, "d_model": 8,
    }  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "bert"},
        {"model_type": ["bert"], "architectures": ["BertModel"]},
        {"architecture": "resnet18", "model_type": "timm_wrapper", "transformers_version": "5"},
    ],
)
def test_a_config_of_others_is_left_to_them(config: dict[str, Any]) -> None:
    assert from_config(config) is None


def test_recognising_a_config_imports_no_library() -> None:
    code = """
import sys
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_head": 2}
found = registry.load(MODELS, "transformers").from_config(config)
assert found == ("transformers:GPT2LMHeadModel", {"config": '{"n_head": 2}'}), found
assert not {"torch", "transformers", "timm", "torchvision"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_that_only_its_own_code_has_is_not_run(transformers: Any, tmp_path: Path) -> None:
    network = theirs(transformers, "GPT2LMHeadModel", GPT2)
    network.save_pretrained(tmp_path / "net")
    config = {
        "model_type": "mine",
        "architectures": ["Mine"],
        "auto_map": {"AutoModelForCausalLM": "mine.Mine"},
    }
    (tmp_path / "net" / "config.json").write_text(json.dumps(config))
    (tmp_path / "net" / "mine.py").write_text("raise SystemExit('run')")
    with pytest.raises(LmctoolError, match="has no model 'Mine'"):
        opened(tmp_path / "net")


def test_a_model_of_the_local_cache_is_found_there_and_nowhere_else(
    transformers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    place = tmp_path / "config.json"
    place.write_text(
        json.dumps({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **GPT2})
    )
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda name, file: str(place))
    assert built("transformers:someone/net").state_dict()["transformer.wpe.weight"].shape == (
        12,
        16,
    )
