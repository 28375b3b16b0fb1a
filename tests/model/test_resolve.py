"""From a spec, or none, to the module of a checkpoint."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from lmctool.config import Config
from lmctool.errors import LmctoolError, PluginError
from lmctool.model.resolve import Model, resolve_model
from lmctool.plugin.records import ModelFamily
from lmctool_plugins.models import mlp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = {"inputs": 4, "width": 3, "depth": 2, "classes": 5}
CODE = """
from torch import nn

def tied():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    return model

def sized(width, scale=1.0):
    return nn.Linear(width, width)

def number():
    return 3
"""


def resolved(
    checkpoint: Any, spec: str | None = None, config: Config | None = None, **arguments: Any
) -> Model:
    """Resolve a checkpoint's model with few words."""
    return resolve_model(checkpoint, spec=spec, arguments=arguments, config=config or Config())


def stamp(word: str, **arguments: Any) -> dict[str, str]:
    """Return the metadata that names a model."""
    return {"lmctool.model": word, "lmctool.model_arguments": json.dumps(arguments)}


def test_a_word_alone_has_its_arguments_read_off_the_shapes(saved: Callable[..., Any]) -> None:
    found = resolved(saved("resnet20", classes=7, width=2, norm="layer"), "resnet20")
    assert (found.spec, found.origin) == ("resnet20", "--model")
    assert found.arguments == {
        "channels": 3,
        "classes": 7,
        "width": 2,
        "norm": "layer",
        "shortcut": "B",
    }


def test_the_module_is_built_for_reading_only(saved: Callable[..., Any]) -> None:
    module = resolved(saved("mlp", norm="batch")).module
    assert not any(part.training for part in module.modules())
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}


def test_resolving_leaves_torchs_generator_alone(saved: Callable[..., Any]) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    resolved(saved("mlp", **SMALL))
    assert torch.equal(torch.rand(1), wanted)


def test_sources_are_asked_in_their_order(saved: Callable[..., Any]) -> None:
    checkpoint = saved("mlp", stamp("mlp"), **SMALL)
    toml = Config(model="mlp")
    environment = Config(model="mlp", environment_model="mlp")
    assert resolved(checkpoint, "mlp", environment).origin == "--model"
    assert resolved(checkpoint, None, environment).origin == "$LMCTOOL_MODEL"
    assert resolved(checkpoint, None, toml).origin == "lmctool.toml"
    assert resolved(checkpoint).origin == "metadata"
    assert resolved(saved("mlp", **SMALL)).origin == "names and shapes"


def test_config_json_comes_before_metadata(saved: Callable[..., Any]) -> None:
    config = {"architecture": "hub:other", "num_classes": 5}
    with pytest.raises(LmctoolError, match="timm:hub:other"):
        resolved(saved("mlp", stamp("mlp"), config))


def test_arguments_are_typed_and_override_what_a_source_says(saved: Callable[..., Any]) -> None:
    checkpoint = saved("lenet", stamp("lenet", channels=3, size=28), channels=3, size=32)
    assert resolved(checkpoint, size="32").arguments["size"] == 32


def test_arguments_of_lmctool_toml_go_with_its_model_only(saved: Callable[..., Any]) -> None:
    checkpoint = saved("lenet", channels=3, size=32)
    toml = Config(model="lenet", model_arguments={"size": 28})
    assert resolved(checkpoint, None, toml).arguments["size"] == 28
    assert resolved(checkpoint, "lenet", toml).arguments["size"] == 32
    with pytest.raises(LmctoolError, match=r"\[model.arguments\] but no spec"):
        resolved(checkpoint, None, Config(model_arguments={"size": 28}))


def test_an_unknown_argument_is_named_with_those_there_are(saved: Callable[..., Any]) -> None:
    with pytest.raises(LmctoolError, match="no argument 'widht'; it has channels, classes, size"):
        resolved(saved("lenet"), "lenet", widht="2")


def test_a_value_of_the_wrong_kind_is_one_sentence(saved: Callable[..., Any]) -> None:
    with pytest.raises(LmctoolError, match=r"model resnet20\(.*width=wide.*\) cannot be built"):
        resolved(saved("resnet20"), "resnet20", width="wide")


def test_an_unknown_word_is_answered_with_a_near_one(saved: Callable[..., Any]) -> None:
    with pytest.raises(PluginError, match="did you mean 'vgg16_bn'"):
        resolved(saved("resnet20"), "vgg16bn")


def test_a_word_that_takes_no_name_says_so(saved: Callable[..., Any]) -> None:
    with pytest.raises(LmctoolError, match="'resnet20' takes no name, as 'resnet20:b' has"):
        resolved(saved("resnet20"), "resnet20:b")


def test_the_first_tensor_that_does_not_fit_is_named_with_both_shapes(
    saved: Callable[..., Any],
) -> None:
    with pytest.raises(LmctoolError) as caught:
        resolved(saved("mlp", **SMALL), "mlp", width="6")
    assert str(caught.value) == (
        "'a.safetensors' does not fit model mlp(inputs=4, width=6, depth=2, classes=5, norm=none):"
        " tensor 'layers.0.weight' has shape (3, 4) in the checkpoint, the model needs (6, 4)"
    )


@pytest.mark.parametrize("spec", ["os:system", "os.path:join", "./evil.py:make", "evil:make"])
def test_metadata_that_names_code_is_refused_and_nothing_imported(
    saved: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spec: str,
) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LmctoolError, match=f"metadata of 'a.safetensors' names {spec!r}"):
        resolved(saved("mlp", stamp(spec)))
    assert "evil" not in sys.modules


@pytest.mark.parametrize("text", ["{", "[]", "3", "[" * 100_000, '{"width": [1]}', "{'a': 1}"])
def test_malformed_metadata_is_refused(saved: Callable[..., Any], text: str) -> None:
    metadata = {"lmctool.model": "mlp", "lmctool.model_arguments": text}
    with pytest.raises(LmctoolError, match=r"metadata 'lmctool.model_arguments' of 'a"):
        resolved(saved("mlp", metadata))


@pytest.mark.parametrize("name", ["checkpoint_path", "pretrained", "pretrained_cfg", "spec"])
def test_metadata_may_set_few_arguments_of_other_libraries(
    saved: Callable[..., Any], name: str
) -> None:
    with pytest.raises(LmctoolError, match=f"metadata of .* sets '{name}' of model 'timm'"):
        resolved(saved("mlp", stamp("timm:resnet18", **{name: "x"})))


@pytest.mark.parametrize(
    "arguments", [{"width": 10**12}, {"depth": 10**12}, {"classes": 10**30}, {"inputs": -1}]
)
def test_sizes_in_metadata_are_compared_before_memory_is_taken(
    saved: Callable[..., Any], arguments: dict[str, int]
) -> None:
    with pytest.raises(LmctoolError, match=r"mlp\("):
        resolved(saved("mlp", stamp("mlp", **arguments), **SMALL))


def test_a_hugging_face_folder_says_that_none_is_its_model(saved: Callable[..., Any]) -> None:
    checkpoint = saved("mlp", None, {"model_type": "bert"})
    assert resolved(checkpoint).spec == "mlp"
    checkpoint.shapes = {"encoder.weight": (2, 2)}
    with pytest.raises(LmctoolError, match="of a Hugging Face model 'bert'"):
        resolved(checkpoint)


def test_batch_counters_may_be_missing(saved: Callable[..., Any]) -> None:
    checkpoint = saved("resnet20")
    checkpoint.shapes = {
        name: shape for name, shape in checkpoint.shapes.items() if "num_batches" not in name
    }
    assert resolved(checkpoint, "resnet20").spec == "resnet20"


@pytest.mark.parametrize("present", ["0.weight", "1.weight"])
def test_one_name_of_a_tied_tensor_stands_for_all(
    saved: Callable[..., Any], tmp_path: Path, present: str
) -> None:
    (tmp_path / "lmc_tied.py").write_text(CODE)
    checkpoint = saved("mlp")
    checkpoint.shapes = {present: (3, 3)}
    spec = f"{tmp_path}/lmc_tied.py:tied"
    found = resolved(checkpoint, spec)
    assert isinstance(found.module, nn.Sequential)
    assert found.spec == spec


def test_a_factory_takes_arguments_from_a_file_or_a_module(
    saved: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lmc_made.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    checkpoint = saved("mlp")
    checkpoint.shapes = {"weight": (2, 2), "bias": (2,)}
    for spec in (f"{tmp_path}/lmc_made.py:sized", "lmc_made:sized"):
        found = resolved(checkpoint, spec, width="2", scale="0.5")
        assert found.arguments == {"width": 2, "scale": 0.5}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("number", "returned 'int', not a torch.nn.Module"),
        ("missing", "no function 'missing'"),
        ("empty", "returned a model on the meta device, without numbers"),
    ],
)
def test_a_factory_of_something_else_is_refused(
    saved: Callable[..., Any], tmp_path: Path, name: str, said: str
) -> None:
    empty = "def empty():\n    return nn.Linear(2, 2, device='meta')\n"
    (tmp_path / "lmc_other.py").write_text(CODE + empty)
    with pytest.raises(LmctoolError, match=re.escape(said)):
        resolved(saved("mlp"), f"{tmp_path}/lmc_other.py:{name}")


def test_a_family_that_cannot_read_is_named(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    def read(word: str, shapes: object) -> None:
        raise ZeroDivisionError("oh")

    install("broken", ModelFamily(mlp.build, read))
    with pytest.raises(PluginError, match="model 'broken' cannot read the checkpoint"):
        resolved(saved("mlp"), "broken")
