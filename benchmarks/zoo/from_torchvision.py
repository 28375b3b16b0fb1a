"""Models of torchvision.  Counts by hand: streams, widths inside blocks, heads and their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.zoo.entry import Entry, images
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from torch import nn

# name: (size of the images, units free by hand)
NAMES: dict[str, tuple[int, int | None]] = {
    "alexnet": (64, 64 + 192 + 384 + 256 + 256 + 4096 + 4096),
    "vgg11": (64, 10_944),
    "vgg11_bn": (64, 10_944),
    "resnet18": (64, 2_880),
    "resnet50": (64, 11_456),
    "wide_resnet50_2": (64, 11_456 + 2 * (3 * 64 + 4 * 128 + 6 * 256 + 3 * 512)),
    "resnext50_32x4d": (64, 4_888),
    "densenet121": (64, 10_240),
    "squeezenet1_1": (64, None),
    "googlenet": (64, None),
    "inception_v3": (96, None),
    "mnasnet0_5": (64, None),
    "mobilenet_v2": (64, 9_128),
    "mobilenet_v3_small": (64, None),
    "shufflenet_v2_x0_5": (64, None),
    "shufflenet_v2_x1_0": (64, 2_848),
    "efficientnet_b0": (64, 11_404),
    "efficientnet_v2_s": (64, None),
    "regnet_y_400mf": (64, None),
    "regnet_x_400mf": (64, None),
    # 4 x each block's width, and a stream for each stage
    "convnext_tiny": (64, 27_936),
    # stream + blocks x (heads + 2 x units of a head + hidden)
    "vit_b_32": (224, 768 + 12 * (12 + 2 * 64 + 3072)),
    "swin_t": (64, 19_584),
    "swin_v2_t": (64, None),
    "maxvit_t": (224, None),
}
KEYWORDS = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


def entry(name: str) -> Entry:
    """Return a torchvision model, without pretrained weights."""
    spec, (size, units) = f"torchvision:{name}", NAMES[name]

    def build() -> nn.Module:
        family = registry.load(MODELS, "torchvision")
        return family.build(spec, **KEYWORDS.get(name, {}))

    return Entry(spec, "torchvision", build, images(size), units)


ENTRIES = tuple(entry(name) for name in NAMES)
