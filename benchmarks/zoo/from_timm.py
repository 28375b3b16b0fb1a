"""Models of timm.  Counts by hand: streams, widths inside blocks, heads and their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.zoo.entry import Entry, images
from benchmarks.zoo.weights import randomise
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.library import import_library

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn


def transformer(stream: int, heads: int, blocks: int, hidden: int) -> int:
    """Count a plain transformer: heads move, and in each the units of Q, K and of V, O."""
    return stream + blocks * (heads + 2 * (stream // heads) + hidden)


# name: (size of the images, units free by hand)
NAMES: dict[str, tuple[int, int | None]] = {
    "vit_tiny_patch16_224": (224, transformer(192, 3, 12, 768)),
    "deit_tiny_patch16_224": (224, transformer(192, 3, 12, 768)),
    "deit_tiny_distilled_patch16_224": (224, transformer(192, 3, 12, 768)),
    "beit_base_patch16_224": (224, transformer(768, 12, 12, 3072)),
    # hidden units of the mixing of patches, and of channels
    "mixer_s16_224": (224, 512 + 8 * (256 + 2048)),
    "resmlp_12_224": (224, 384 + 12 * 4 * 384),
    "gmlp_ti16_224": (224, None),
    "swin_tiny_patch4_window7_224": (224, 19_584),
    "swinv2_tiny_window8_256": (256, None),
    "convnext_atto": (64, 4 * (2 * 40 + 2 * 80 + 6 * 160 + 2 * 320) + 600),
    "convnextv2_atto": (64, 4 * (2 * 40 + 2 * 80 + 6 * 160 + 2 * 320) + 600),
    "efficientnet_b0": (64, 11_404),
    "efficientnetv2_rw_t": (64, None),
    "mobilenetv3_small_050": (64, None),
    "ghostnet_050": (64, None),
    "resnest14d": (64, None),
    "skresnet18": (64, None),
    "res2net50_14w_8s": (64, None),
    "regnety_002": (64, None),
    "nfnet_l0": (64, None),
    "repvgg_a0": (64, None),
    "dla34": (64, None),
    "hrnet_w18_small": (64, None),
    "convmixer_768_32": (64, 768 + 32 * 768),
    "coatnet_nano_rw_224": (224, None),
    "maxvit_tiny_tf_224": (224, None),
    "poolformer_s12": (64, 4 * (2 * 64 + 2 * 128 + 6 * 320 + 2 * 512) + 1024),
    "pvt_v2_b0": (64, None),
    "edgenext_xx_small": (64, None),
    "levit_128s": (224, None),
    "twins_pcpvt_small": (224, None),
    "twins_svt_small": (224, None),
    # both the units of queries, which lead on, and those of keys, which values share
    "xcit_nano_12_p16_224": (224, None),
    "cait_xxs24_224": (224, None),
    "mobilevit_xxs": (64, None),
    "sequencer2d_s": (224, None),
    "caformer_s18": (64, None),
    "inception_next_atto": (64, None),
    "focalnet_tiny_srf": (64, None),
    "davit_tiny": (224, None),
    "nest_tiny_jx": (224, None),
    "crossvit_tiny_240": (240, None),
    "fastvit_t8": (64, None),
    "repvit_m0_9": (64, None),
    "mobileone_s0": (64, None),
    "mobilenetv4_conv_small": (64, None),
    "ese_vovnet19b_dw": (64, None),
    "dpn48b": (64, None),
    "eva02_tiny_patch14_224": (224, None),
    "convit_tiny": (224, None),
    "hiera_tiny_224": (224, None),
    "efficientvit_b0": (64, None),
    "halonet26t": (256, None),
    "resnetv2_50x1_bit": (64, None),
    "mixnet_s": (64, None),
}


def entry(name: str) -> Entry:
    """Return a timm model, without pretrained weights."""
    spec, (size, units) = f"timm:{name}", NAMES[name]

    def build() -> nn.Module:
        return registry.load(MODELS, "timm").build(spec)

    def written(folder: Path, batch: tuple[Tensor, ...]) -> Tensor:
        timm = import_library("timm", spec)
        network = randomise(timm.create_model(name))
        timm.models.save_for_hf(network, folder, safe_serialization=True)
        answer: Tensor = network(*batch)
        return answer

    return Entry(spec, "timm", build, images(size), units, written)


ENTRIES = tuple(entry(name) for name in NAMES)
