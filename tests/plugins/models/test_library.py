"""Models of timm and torchvision, with fakes in their place: neither need be installed."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lmctool.config import Config
from lmctool.errors import ExitCode, LmctoolError
from lmctool.model.resolve import resolve_model
from lmctool.plugin.library import OPERATORS, import_library
from lmctool.testing import invoke
from lmctool_plugins.models import timm, torchvision, transformers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def create(name: str, pretrained: bool, num_classes: int = 2, in_chans: int = 3) -> nn.Module:
    if name != "tiny.a1_in1k":
        raise RuntimeError(f"Unknown model ({name})")
    assert pretrained is False
    return nn.Linear(in_chans, num_classes)


def get_model(name: str, weights: None, num_classes: int = 2) -> nn.Module:
    return nn.Linear(3, num_classes)


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    models = SimpleNamespace(get_model=get_model)
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create))
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))


def test_a_folder_of_timm_names_its_model(saved: Callable[..., Any]) -> None:
    config = {"architecture": "tiny.a1_in1k", "num_classes": 5, "model_args": {"in_chans": 4}}
    checkpoint = saved("mlp", None, config)
    checkpoint.shapes = {"weight": (5, 4), "bias": (5,)}
    found = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    assert (found.spec, found.origin) == ("timm:tiny.a1_in1k", "config.json")
    assert found.arguments == {"num_classes": 5, "in_chans": 4}


def test_torchvision_is_asked_for_no_weights() -> None:
    assert isinstance(torchvision.build("torchvision:resnet18", num_classes=7), nn.Linear)


@pytest.mark.parametrize(
    "spec", ["timm", "timm:", "timm:hf-hub:x/y", "timm:a/b", "timm:../a", "timm:a:b"]
)
def test_a_name_that_could_be_a_file_or_a_hub_is_refused(spec: str) -> None:
    with pytest.raises(LmctoolError, match="must be timm:NAME"):
        timm.build(spec)


@pytest.mark.parametrize(
    "name", ["pretrained", "pretrained_cfg", "checkpoint_path", "cache_dir", "weights"]
)
def test_an_argument_that_could_load_a_file_is_refused(name: str) -> None:
    for build, spec in ((timm.build, "timm:tiny"), (torchvision.build, "torchvision:tiny")):
        with pytest.raises(LmctoolError, match=f"takes no argument {name!r}"):
            build(spec, **{name: "x"})


def test_an_unknown_model_is_told_in_the_librarys_words() -> None:
    with pytest.raises(LmctoolError, match=r"timm cannot build 'huge': Unknown model \(huge\)"):
        timm.build("timm:huge")


@pytest.mark.parametrize(
    ("family", "spec"),
    [
        (timm, "timm:resnet18"),
        (torchvision, "torchvision:resnet18"),
        (transformers, "transformers:gpt2"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    family: Any, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = spec.partition(":")[0]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LmctoolError) as raised:
        family.build(spec)
    assert str(raised.value) == (
        f"model {spec!r} needs the {name} library: pip install 'lmctool[{name}]'"
    )


@pytest.mark.parametrize("name", ["timm", "torchvision", "transformers"])
def test_a_missing_library_ends_the_command_with_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"weight": torch.zeros(2, 2)}, path)
    monkeypatch.setitem(sys.modules, name, None)
    done = invoke(
        "align", path, path, "--model", f"{name}:tiny", "--aligner", "identity", "--input", "2x2",
        "-o", tmp_path / "out.h5",
    )  # fmt: skip
    assert done.exit_code == ExitCode.USAGE
    assert done.stderr == (
        f"Error: model '{name}:tiny' needs the {name} library: pip install 'lmctool[{name}]'\n"
    )


def test_a_library_that_breaks_on_import_is_told_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "timm.py").write_text("import lmctool_no_such_module")
    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LmctoolError, match="cannot be imported: ModuleNotFoundError: No module"):
        timm.build("timm:tiny")


def test_a_torchvision_built_for_another_torch_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torchvision", OPERATORS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "from torchvision import _meta_registrations"
    )
    broken = "raise RuntimeError('operator torchvision::nms does not exist')"
    (tmp_path / "torchvision" / "_meta_registrations.py").write_text(broken)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert import_library("torchvision", "torchvision:tiny").__name__ == "torchvision"
    for name in ("torchvision", OPERATORS):
        monkeypatch.delitem(sys.modules, name)
