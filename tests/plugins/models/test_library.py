"""Models of timm and torchvision, with fakes in their place: neither need be installed."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from torch import nn

from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.model.resolve import resolve_model
from lmctool_plugins.models import timm, torchvision

if TYPE_CHECKING:
    from collections.abc import Callable


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


@pytest.mark.parametrize("library", [timm, torchvision])
def test_a_library_that_is_not_installed_is_named(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = library.__name__.rpartition(".")[2]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LmctoolError, match=f"needs the {name} library: pip install {name}"):
        library.build(f"{name}:resnet18")
