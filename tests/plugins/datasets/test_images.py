"""Folders of images are read as torchvision reads them, and measured through the real command."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lmctool.config import Config
from lmctool.data.opening import open_split
from lmctool.data.resolve import open_spec
from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.data_records import Preprocessing
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.library import import_library
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke

if TYPE_CHECKING:
    from lmctool.data.split import Split

COMMAND = ("interpolate", "a.safetensors", "b.safetensors", "--split", "test", "--points", "3")
MEASURED = (*COMMAND, "--allow-chance", "-o", "o.h5")
SIZES = ((11, 14), (13, 12), (12, 12))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path: Path, size: tuple[int, int], seed: int, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(values).convert(mode)
    if path.suffix == ".JPG":
        exif = image.getexif()
        exif[0x0112] = 6  # turned by a quarter, which torchvision does not look at
        image.save(path, exif=exif)
    else:
        image.save(path)


def classes(root: str = "data/test", names: str = "dog cat Emu", mode: str = "RGB") -> None:
    """Write three images of other sizes into a folder for each class."""
    for number, name in enumerate(names.split()):
        for place, size in enumerate(SIZES):
            end = ("png", "JPG", "bmp")[place]
            picture(Path(root, name, f"{place}.{end}"), size, 10 * number + place, mode)


def nets(channels: int = 3) -> None:
    """Write two LeNets, which are recognised: for 32 pixels in colours, for 28 in grey."""
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        size = 32 if channels == 3 else 28
        build = registry.load(MODELS, "lenet").build
        module = build("lenet", channels=channels, classes=3, size=size)
        save_file(module.state_dict(), f"{name}.safetensors")


def whole(split: Split) -> torch.Tensor:
    """Return all stored inputs of a split, which lie in memory or in a file."""
    return split.inputs[: len(split)]


def split(spec: str, name: str = "test", how: Preprocessing | None = None, **more: Any) -> Split:
    dataset = open_spec(spec, Config()).dataset
    how = how or dataset.preprocessing or Preprocessing()
    full = Preprocessing(
        how.resize or (), how.crop, how.interpolation or "bilinear", how.channels or 3
    )
    options = {"limit": None, "seed": 0, "device": torch.device("cpu"), **more}
    return open_split(dataset, name, preparation=lambda: full, **options)


def test_classes_images_and_pixels_are_those_of_torchvision_s_folder() -> None:
    classes()
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    vision = import_library("torchvision", "test")
    transforms = vision.transforms
    steps = [transforms.Resize(9), transforms.CenterCrop(8), transforms.PILToTensor()]
    theirs = vision.datasets.ImageFolder("data/test", transforms.Compose(steps))
    ours = split("images:data?resize=9&crop=8")
    assert (
        open_spec("data", Config()).dataset.class_names
        == tuple(theirs.classes)
        == ("Emu", "cat", "dog")
    )
    assert ours.targets.tolist() == theirs.targets
    assert torch.equal(whole(ours), torch.stack([image for image, _ in theirs]))


def test_the_same_folder_by_a_factory_is_the_same_examples() -> None:
    classes()
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    import_library("torchvision", "test")
    Path("pictures.py").write_text(
        "from torchvision.datasets import ImageFolder\n"
        "def make():\n    return {'test': ImageFolder('data/test')}\n"
    )
    how = Preprocessing(resize=(9,), crop=(8, 8))
    found = [split(spec, how=how) for spec in ("./pictures.py:make", "data")]
    assert found[0].digest == found[1].digest
    assert found[0].scale == found[1].scale == 1 / 255


def test_a_folder_of_classes_alone_is_the_split_test() -> None:
    classes("alone")
    assert list(open_spec("alone", Config()).dataset.splits) == ["test"]
    classes("both/Training")
    classes("both/val")
    assert list(open_spec("both", Config()).dataset.splits) == ["train", "val"]
    Path("both/train").mkdir()
    with pytest.raises(LmctoolError, match="both mean split 'train'"):
        open_spec("images:both", Config())


def test_another_order_of_classes_is_read_from_a_file() -> None:
    classes()
    Path("order.txt").write_text("cat\n\ndog\nfox\nEmu\n")
    dataset = open_spec("images:data?classes=order.txt", Config()).dataset
    assert (dataset.class_names, dataset.classes) == (("cat", "dog", "fox", "Emu"), 4)
    found = split("images:data?classes=order.txt&resize=8x8").targets.tolist()
    assert found == [3, 3, 3, 0, 0, 0, 1, 1, 1]


def test_classes_have_one_number_in_all_splits() -> None:
    classes("data/train")
    classes("data/test", "dog")
    dataset = open_spec("data", Config()).dataset
    assert split("images:data?resize=8x8").targets.tolist() == [2, 2, 2]
    assert "split 'test' has folders for 1 of the classes" in dataset.read_as


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("images:empty", "has no images"),
        ("images:data/test/dog/0.png", "needs a folder"),
        ("images:data?classes=short.txt", "lacks 'Emu'"),
        ("images:data?classes=none.txt", "does not exist"),
        ("images:data?ignore=255", r"\?ignore= says nothing"),
        ("images:data?size=3", "has no argument 'size'"),
        ("images:data?crop=big", "images have no crop=big"),
    ],
)
def test_what_cannot_be_opened_is_told(spec: str, told: str) -> None:
    classes()
    Path("empty/a").mkdir(parents=True)
    Path("short.txt").write_text("cat\ndog\n")
    with pytest.raises(LmctoolError, match=told):
        open_spec(spec, Config())


def test_a_broken_image_is_named_by_its_file() -> None:
    classes()
    Path("data/test/cat/0.png").write_bytes(Path("data/test/cat/0.png").read_bytes()[:70])
    with pytest.raises(LmctoolError, match=r"image 'data/test/cat/0\.png' cannot be read"):
        split("images:data?resize=8x8")


def test_masks_are_resized_and_cropped_with_their_images() -> None:
    for number, size in enumerate(SIZES):
        width, height = size
        mask = np.arange(width * height, dtype=np.uint8).reshape(height, width) % 5
        mask[0] = 255
        Path("data/test/images").mkdir(parents=True, exist_ok=True)
        Path("data/test/masks").mkdir(parents=True, exist_ok=True)
        painted = Image.fromarray(mask).convert("RGB")
        painted.save(f"data/test/images/{number}.png")
        palette = Image.fromarray(mask, "P")
        palette.putpalette(list(range(256)) * 3)
        palette.save(f"data/test/masks/{number}.png")
    found = split("images:data?resize=9x9&crop=9x11&interpolation=nearest&ignore=255")
    pixels = whole(found)[:, 0].long()
    inside = torch.zeros_like(pixels, dtype=torch.bool)
    inside[..., 1:10] = True  # a column is added on each side
    assert torch.equal(found.targets[inside], torch.where(pixels == 255, -100, pixels)[inside])
    assert (found.targets[~inside] == -100).all()
    assert (found.targets[:, 0] == -100).all()
    assert open_spec("data", Config()).dataset.task == "segmentation"
    few = split("images:data?resize=9x9&crop=9x11&interpolation=nearest&ignore=255", limit=2)
    assert torch.equal(few.targets, found.targets[torch.from_numpy(few.index)])
    with pytest.raises(LmctoolError, match="is no class; it takes a whole number"):
        open_spec("images:data?ignore=void", Config())
    Path("data/test/masks/1.png").unlink()
    with pytest.raises(LmctoolError, match=r"image 'data/test/images/1' has no mask"):
        split("images:data?resize=9x9")


def test_a_run_prepares_images_as_the_data_s_spec_says_and_records_it() -> None:
    classes()
    nets()
    done = invoke(*MEASURED, "--data", "images:data?resize=35&crop=32")
    assert done.exit_code == 0, done.output
    told = "images are taken in RGB, resized to a shorter side of 35 (bilinear), cropped to 32x32"
    assert done.stderr.count(told) == 1
    provenance = Provenance.of(read(Path("o.h5")))
    assert provenance.data is not None and (provenance.data.images or "").startswith(told)
    assert json.loads(str(provenance.settings["preprocessing"]))["images"] == {
        "resize": [35],
        "crop": [32, 32],
        "channels": 3,
        "interpolation": "bilinear",
    }
    assert provenance.data is not None and provenance.data.class_names == ["Emu", "cat", "dog"]
    again = invoke(*MEASURED, "--resume", "--data", "images:data?resize=35&crop=32")
    assert again.exit_code == 0
    other = invoke(*MEASURED, "--resume", "--data", "images:data?resize=33&crop=32")
    assert other.exit_code == 2
    assert "preprocessing was {" in other.stderr
    rerun = invoke("rerun", "o.h5")
    assert rerun.exit_code == 0, rerun.output


def test_images_of_several_sizes_need_somebody_who_says_the_size() -> None:
    classes()
    nets()
    done = invoke(*COMMAND, "--data", "data")
    assert done.exit_code == 2
    assert "14x11 pixels and of 12x13 pixels" in done.stderr
    assert "pass ?resize=256&crop=224" in done.stderr


def test_a_model_of_one_channel_sees_images_in_grey() -> None:
    classes(mode="L")
    nets(channels=1)
    done = invoke(*MEASURED, "--data", "images:data?resize=28x28")
    assert done.exit_code == 0, done.output
    assert "images are made grey" in done.stderr
    stored = json.loads(str(Provenance.of(read(Path("o.h5"))).settings["preprocessing"]))
    assert stored["images"]["channels"] == 1
