"""Images are prepared bit for bit as torchvision and timm prepare them to evaluate a model."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from lmctool.data.images.config import processor_preprocessing, timm_preprocessing
from lmctool.data.images.pixels import mask_classes, pixels
from lmctool.data.images.prepared import PreparedImages, decoded_image, prepared
from lmctool.data.images.spec import preprocessing_of
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples, Preprocessing
from lmctool.plugin.library import import_library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

WHOLE = Preprocessing(resize=(), interpolation="bilinear", channels=3)
SIZES = [(37, 52), (52, 37), (40, 40), (61, 23), (33, 34), (16, 90)]
"""Widths and heights whose resized sides and crops round up and down."""


def noise(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    width, height = size
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(values, "RGBA").convert(mode)


@pytest.fixture(scope="module")
def torchvision() -> Any:
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    return import_library("torchvision", "test")


@pytest.fixture(scope="module")
def timm(torchvision: Any) -> Any:  # which makes torchvision importable
    return pytest.importorskip("timm")


def of_transforms(image: Image.Image, *steps: Any) -> NDArray[np.uint8]:
    """Return (channel, height, width) of an image after steps of torchvision."""
    for step in steps:
        image = step(image)
    return np.asarray(image).transpose(2, 0, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box"])
def test_the_shorter_side_and_the_centre_are_torchvision_s(
    torchvision: Any, size: tuple[int, int], interpolation: str
) -> None:
    filters = torchvision.transforms.InterpolationMode(interpolation)
    for resize, crop in (
        ((29,), (24, 24)),
        ((30, 41), (25, 38)),
        ((20,), (33, 18)),
        ((), (21, 19)),
    ):
        steps = [torchvision.transforms.CenterCrop(crop)]
        if resize:
            short = resize[0] if len(resize) == 1 else resize
            steps.insert(0, torchvision.transforms.Resize(short, filters))
        how = replace(WHOLE, resize=resize, crop=crop, interpolation=interpolation)
        assert np.array_equal(pixels(noise(size), how), of_transforms(noise(size), *steps))


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1", "LA"])
def test_any_mode_becomes_the_colours_and_the_grey_of_pil(torchvision: Any, mode: str) -> None:
    image = noise((9, 7), mode)
    assert np.array_equal(pixels(image, WHOLE), of_transforms(image.convert("RGB")))
    grey = torchvision.transforms.functional.to_grayscale(image.convert("RGB"))
    if mode in {"RGBA", "CMYK"}:
        found = pixels(image, replace(WHOLE, channels=1))
        assert np.array_equal(found[0], np.asarray(grey))


def test_what_pil_prepares_is_what_the_presets_of_torchvision_prepare(torchvision: Any) -> None:
    weights = torchvision.models.get_model_weights("resnet18").DEFAULT
    preset = weights.transforms()
    family = published("torchvision", "resnet18")
    for size in SIZES:
        inputs = torch.from_numpy(pixels(noise(size), replace(family, channels=3))).float() / 255
        mean, std = (torch.tensor(each)[:, None, None] for each in (family.mean, family.std))
        assert torch.allclose((inputs - mean) / std, preset(noise(size)), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"crop_pct": 0.95, "interpolation": "bilinear"},
        {"crop_mode": "squash"},
        {"crop_mode": "squash", "input_size": (3, 24, 36)},
        {"crop_pct": 1.0, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)},
        {"crop_pct": None, "interpolation": None, "mean": None},
    ],
)
def test_a_configuration_of_timm_is_prepared_as_timm_does(
    timm: Any, change: dict[str, Any]
) -> None:
    table = {"input_size": (3, 30, 30), "crop_pct": 0.9, "interpolation": "bicubic", **change}
    config = timm.data.resolve_data_config({}, pretrained_cfg=table)
    transform = timm.data.create_transform(**config)
    how = timm_preprocessing(table, "it")
    mean, std = (torch.tensor(each)[:, None, None] for each in (how.mean, how.std))
    for size in SIZES:
        inputs = torch.from_numpy(pixels(noise(size), how)).float() / 255
        assert torch.allclose((inputs - mean) / std, transform(noise(size)), atol=1e-6)


CLIP = {"image_processor_type": "CLIPImageProcessor"}
CONVNEXT = {"image_processor_type": "ConvNextImageProcessor"}


@pytest.mark.parametrize(
    ("table", "resize", "crop"),
    [
        ({"size": {"height": 30, "width": 40}}, (30, 40), ()),
        ({"size": {"shortest_edge": 8}, "crop_size": {"height": 7, "width": 6}}, (8,), (7, 6)),
        ({"size": 30}, (30, 30), ()),
        ({"size": 30, "crop_size": 24, **CLIP}, (30,), (24, 24)),
        ({"size": {"shortest_edge": 28}, **CONVNEXT}, (32,), (28, 28)),
        ({"size": {"shortest_edge": 384}, **CONVNEXT}, (384, 384), ()),
        ({"size": {"shortest_edge": 32}, "do_resize": False, "image_mean": [0.5] * 3}, (), ()),
        ({"size": 32, "crop_size": 24, "do_center_crop": False}, (32, 32), ()),
    ],
)
def test_an_image_processor_says_its_sizes(
    table: dict[str, Any], resize: tuple[int, ...], crop: tuple[int, ...]
) -> None:
    how = processor_preprocessing(table, "it")
    assert how is not None
    assert (how.resize, how.crop) == (resize, crop)


def test_an_image_processor_s_constants_are_of_values_from_0_to_1() -> None:
    table = {"size": 8, "resample": 3, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.25]}
    how = processor_preprocessing({**table, "rescale_factor": 1 / 127.5}, "it")
    raw = processor_preprocessing({**table, "do_rescale": False}, "it")
    assert how and raw
    assert how.interpolation == "bicubic"
    # (x / 127.5 - m) / s, with x / 255 in place of x
    assert np.allclose((how.mean, how.std), np.array([[0.5, 0.4, 0.3], [0.2, 0.3, 0.25]]) / 2)
    assert np.allclose((raw.mean, raw.std), np.array([[0.5, 0.4, 0.3], [0.2, 0.3, 0.25]]) / 255)
    left = processor_preprocessing({**table, "do_normalize": False}, "it")
    assert left and (left.mean, left.std) == ((0, 0, 0), (1, 1, 1))
    plain = processor_preprocessing({**table, "rescale_factor": 0.00392156862745098}, "it")
    assert plain and plain.mean == (0.5, 0.4, 0.3)
    assert processor_preprocessing({"feature_size": 80, "sampling_rate": 16000}, "it") is None


def published(library: str, name: str, **arguments: Any) -> Preprocessing:
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import MODELS

    known = registry.load(MODELS, library).preprocessing
    assert known is not None
    how = known(f"{library}:{name}", **arguments)
    assert isinstance(how, Preprocessing)
    return how


@pytest.mark.usefixtures("timm")
def test_families_know_what_their_published_weights_are_evaluated_with() -> None:
    how = published("timm", "vit_tiny_patch16_224")
    assert (how.resize, how.crop, how.interpolation) == ((248,), (224, 224), "bicubic")
    assert (how.mean, how.channels) == ((0.5, 0.5, 0.5), 3)
    grey = published("timm", "vit_tiny_patch16_224", in_chans=1, img_size=28)
    assert (grey.crop, grey.channels, grey.mean) == ((28, 28), 1, ())
    assert published("torchvision", "efficientnet_b0").interpolation == "bicubic"


@pytest.mark.parametrize(
    "table",
    [
        {"crop_mode": "border"},
        {"input_size": [3, 224, 192]},
        {"input_size": [3, 10**9, 10**9]},
        {"input_size": [5, 24, 24]},
        {"input_size": "three"},
        {"crop_pct": 1e-9},
        {"crop_pct": "all"},
        {"interpolation": "random"},
        {"mean": "white"},
        {"mean": [float("nan")] * 3},
    ],
)
def test_what_a_configuration_of_timm_cannot_mean_is_told(table: dict[str, Any]) -> None:
    with pytest.raises(LmctoolError, match=r"^it prepares images in another way than is done here"):
        timm_preprocessing(table, "it")


@pytest.mark.parametrize(
    "table",
    [
        {"size": {"longest_edge": 800}},
        {"size": {"shortest_edge": 1 << 40}},
        {"size": 8, "do_flip_channel_order": True},
        {"size": 8, "resample": 17},
        {"size": 8, "rescale_factor": "half"},
        {"size": 8, "image_mean": "x", "image_std": 1},
        {"size": [1, 2, 3]},
    ],
)
def test_what_an_image_processor_cannot_mean_is_told(table: dict[str, Any]) -> None:
    with pytest.raises(LmctoolError, match=r"^it prepares images in another way than is done here"):
        processor_preprocessing(table, "it")


def test_a_mask_goes_the_way_of_its_image_by_its_nearest_pixels() -> None:
    classes = np.arange(6, dtype=np.uint8).reshape(2, 3).repeat(8, 0).repeat(8, 1)  # 16 x 24
    mask = Image.fromarray(classes).convert("P")
    mask.putdata(classes.ravel())
    painted = Image.fromarray(classes * 40).convert("RGB")
    for resize, crop in (((8,), (8, 8)), ((12, 15), (7, 9)), ((16,), (20, 30))):
        how = replace(WHOLE, resize=resize, crop=crop, interpolation="nearest")
        found, seen = mask_classes(mask, how), pixels(painted, how)[0]
        assert np.array_equal(np.where(found < 0, 0, found), seen // 40)
    assert np.count_nonzero(found == -100) == 20 * 30 - 16 * 24
    with pytest.raises(ValueError, match="mode RGB"):
        mask_classes(painted, WHOLE)


class Few:
    """Images by a list."""

    in_threads = False

    def __init__(self, *images: Any) -> None:
        self.images = images

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.images)

    def __getitem__(self, place: int) -> Image.Image:
        """Return one."""
        image: Image.Image = self.images[place]
        return image


def test_images_come_in_pieces_in_any_order_of_theirs() -> None:
    images = Few(*(noise((9, 12), seed=seed) for seed in range(5)))
    rows = PreparedImages(images, replace(WHOLE, resize=(6,), crop=(5, 5)), "split 'test'")
    assert (rows.shape, rows.dtype.name, len(rows)) == ((5, 3, 5, 5), "uint8", 5)
    assert rows.costly
    whole = rows[np.arange(5)]
    assert np.array_equal(rows[np.array([1, 4])], whole[[1, 4]])


def test_images_that_may_be_read_in_threads_are_those_read_one_by_one() -> None:
    images = Few(*(noise((9, 12), seed=seed) for seed in range(20)))
    one_by_one = PreparedImages(images, WHOLE, "split 'test'")[np.arange(20)]
    images.in_threads = True
    assert np.array_equal(PreparedImages(images, WHOLE, "split 'test'")[np.arange(20)], one_by_one)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (lambda: Few(noise((9, 9)), noise((8, 9))), "9x9 pixels and of 9x8 pixels (number 1)"),
        (lambda: Few(noise((9, 9)), 3), "image 1 of split 'test' cannot be used: AttributeError"),
        (Few, "it has no images"),
    ],
)
def test_unusable_images_are_told_in_one_sentence(images: Callable[[], Few], told: str) -> None:
    with pytest.raises(LmctoolError) as caught:
        rows = prepared(Examples(images(), np.zeros(2, np.int64)), WHOLE, "split 'test'").inputs
        rows[np.arange(2)]
    assert told in str(caught.value)


def test_a_line_of_pixels_is_not_blown_up() -> None:
    thin = Few(noise((3, 5000)), noise((3, 5000)))
    with pytest.raises(LmctoolError, match="its longer side would become 426666"):
        PreparedImages(thin, replace(WHOLE, resize=(256,), crop=(224, 224)), "split 'test'")


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.bmp", "x.webp", "x.tif", "x.ppm"])
def test_files_are_decoded_and_broken_ones_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise((12, 9)).save(path)
    assert decoded_image(path, f"image '{path}'").size == (12, 9)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(LmctoolError, match=f"image '{path}' cannot be read"):
        decoded_image(path, f"image '{path}'")


def test_a_bomb_and_a_program_are_no_images(tmp_path: Path) -> None:
    bomb, program = tmp_path / "bomb.ppm", tmp_path / "program.png"
    bomb.write_bytes(b"P6 60000 60000 255\n")
    with pytest.raises(LmctoolError, match="decompression bomb"):
        decoded_image(bomb, "it")
    program.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(LmctoolError, match="it is no image"):
        decoded_image(program, "it")


def test_the_arguments_of_a_spec_say_what_images_become() -> None:
    how = preprocessing_of(resize=256, crop="192x224", interpolation="bicubic", channels=1)
    assert how == Preprocessing((256,), (192, 224), "bicubic", 1, origin="the data's spec")
    assert preprocessing_of() is None
    left = preprocessing_of(resize="none")
    assert left is not None and (left.resize, left.crop) == ((), ())


@pytest.mark.parametrize(
    "arguments",
    [{"resize": 0}, {"resize": "big"}, {"crop": "1x"}, {"interpolation": "cubic"}, {"channels": 2}],
)
def test_arguments_that_no_image_can_have_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(LmctoolError, match=r"^images have no|^images have channels"):
        preprocessing_of(**arguments)
