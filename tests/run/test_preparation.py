"""Who says how images become inputs: the data, the files beside the checkpoints, the model."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lmctool.checkpoint.checkpoint import open_checkpoint
from lmctool.data.resolve import Data
from lmctool.errors import LmctoolError
from lmctool.model.resolve import Model
from lmctool.plugin.data_records import Dataset, Preprocessing
from lmctool.plugin.settings import Settings
from lmctool.run.preparation import preparation
from lmctool.run.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

TIMM = {"input_size": [3, 8, 8], "crop_pct": 0.8, "mean": [0.5] * 3, "std": [0.2] * 3}
PROCESSOR = {"size": {"height": 9, "width": 10}, "image_mean": [0.4] * 3, "image_std": [0.3] * 3}
OWN = Preprocessing(resize=(6, 6), interpolation="lanczos", origin="the data's spec")


def folder(place: Path, config: dict[str, Any], processor: dict[str, Any] | None = None) -> Path:
    place.mkdir()
    save_file({"weight": torch.zeros(1)}, place / "model.safetensors")
    (place / "config.json").write_text(json.dumps(config))
    if processor is not None:
        (place / "preprocessor_config.json").write_text(json.dumps(processor))
    return place


def found(
    *places: Path,
    own: Preprocessing | None = None,
    module: nn.Module | None = None,
    spec: str = "it",
    said: list[str] | None = None,
    **settings: Any,
) -> Preprocessing:
    """Return how images become inputs of a run of such checkpoints, data and model."""
    data = Data(Dataset({}, "", 3, preprocessing=own), "data", "--data")
    network = module or nn.Identity()
    model = Model(network, spec, {}, "--model", lambda _: network)
    sources = Sources(tuple(map(open_checkpoint, places)), model, data)
    notes = [] if said is None else said
    return preparation(sources, Settings(checkpoints=places, **settings), notes.append)


def test_the_files_beside_the_checkpoints_say_size_filter_and_constants(tmp_path: Path) -> None:
    said: list[str] = []
    how = found(folder(tmp_path / "a", {"pretrained_cfg": TIMM}, PROCESSOR), said=said)
    assert (how.resize, how.crop, how.interpolation) == ((10,), (8, 8), "bicubic")
    assert (how.mean, how.std, how.channels) == ((0.5,) * 3, (0.2,) * 3, 3)
    assert said == [
        "images are taken in RGB, resized to a shorter side of 10 (bicubic), cropped to 8x8,"
        " normalised by mean 0.5,0.5,0.5 and standard deviation 0.2,0.2,0.2, as said by"
        f" config.json of '{tmp_path / 'a'}'"
    ]
    how = found(folder(tmp_path / "b", {}, PROCESSOR))
    assert (how.resize, how.crop, how.interpolation) == ((9, 10), (), "bilinear")
    assert how.mean == (0.4,) * 3


def test_what_the_data_says_goes_before_and_the_rest_is_still_asked(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {"pretrained_cfg": TIMM})
    how = found(place, own=OWN)
    assert (how.resize, how.crop, how.interpolation) == ((6, 6), (), "lanczos")
    assert how.mean == (0.5,) * 3
    filtered = found(place, own=Preprocessing(interpolation="nearest"))
    assert (filtered.resize, filtered.crop, filtered.interpolation) == ((10,), (8, 8), "nearest")
    said: list[str] = []
    named = found(place, own=OWN, mean=(0.1,) * 3, said=said)
    assert (named.mean, named.std) == ((), ())
    assert said[0].endswith("resized to 6x6 (lanczos), as said by the data's spec")
    left = found(place, own=Preprocessing(resize=()))
    assert (left.resize, left.crop) == ((), ())


def test_a_configuration_that_is_not_needed_may_say_anything(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {"pretrained_cfg": {**TIMM, "crop_mode": "border"}})
    assert found(place, own=OWN, mean=(0.0,), std=(1.0,)).resize == (6, 6)
    with pytest.raises(LmctoolError, match=r"crop_mode 'border'.*pass \?resize="):
        found(place)


def test_configurations_that_differ_are_refused(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", {"pretrained_cfg": TIMM})
    b = folder(tmp_path / "b", {"pretrained_cfg": {**TIMM, "crop_pct": 1.0}})
    same = folder(tmp_path / "c", {"pretrained_cfg": TIMM})
    assert found(a, same).crop == (8, 8)
    with pytest.raises(LmctoolError, match="prepare images in different ways"):
        found(a, b)


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
def test_a_model_of_a_library_is_asked_at_last(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {})
    how = found(place, spec="torchvision:efficientnet_b0")
    assert (how.resize, how.crop, how.interpolation) == ((256,), (224, 224), "bicubic")
    assert "torchvision for its weights IMAGENET1K_V1 of efficientnet_b0" in how.origin
    assert found(place, spec="mlp").resize == ()


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (3, 3), (5, 3)])
def test_where_nobody_says_so_the_first_convolution_tells_grey(
    tmp_path: Path, channels: int, expected: int
) -> None:
    place = folder(tmp_path / "a", {})
    module = nn.Sequential(nn.Conv2d(channels, 2, 3), nn.Conv2d(2, 1, 1))
    said: list[str] = []
    assert found(place, module=module, said=said).channels == expected
    assert found(place, module=module, own=Preprocessing(channels=3)).channels == 3
    assert said[0].endswith("nobody says more of it")
