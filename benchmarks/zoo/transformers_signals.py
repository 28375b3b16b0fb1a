"""Models of pictures, films and sounds of transformers."""

from __future__ import annotations

from benchmarks.zoo.entry import sequences
from benchmarks.zoo.from_transformers import (
    BLOCKS,
    DIMENSIONS,
    HEADS,
    HIDDEN,
    PLAIN,
    SMALL,
    STREAM,
    entry,
)

PICTURE = {"image_size": 32, "patch_size": 8}
PIXELS = sequences(3, 32, 32)
WAVES = SMALL | {
    "conv_dim": [16, 16],
    "conv_kernel": [10, 3],
    "conv_stride": [5, 2],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 20,
}
ENTRIES = (
    entry("SigLIP vision", "SiglipVisionModel", SMALL | PICTURE, inputs=PIXELS),
    entry("ViT", "ViTForImageClassification", SMALL | PICTURE, PLAIN, inputs=PIXELS),
    entry("DeiT", "DeiTForImageClassificationWithTeacher", SMALL | PICTURE, PLAIN, inputs=PIXELS),
    entry("BEiT", "BeitForImageClassification", SMALL | PICTURE, PLAIN, inputs=PIXELS),
    entry(
        "Swin",
        "SwinForImageClassification",
        {
            "image_size": 32,
            "patch_size": 2,
            "embed_dim": 12,
            "depths": [2, 2],
            "num_heads": [2, 4],
            "window_size": 4,
        },
        inputs=PIXELS,
    ),
    entry(
        "SegFormer",
        "SegformerForSemanticSegmentation",
        {
            "num_encoder_blocks": 2,
            "depths": [1, 1],
            "sr_ratios": [2, 1],
            "hidden_sizes": [16, 24],
            "patch_sizes": [3, 3],
            "strides": [2, 2],
            "num_attention_heads": [2, 2],
            "mlp_ratios": [2, 2],
            "decoder_hidden_size": 20,
        },
        inputs=PIXELS,
    ),
    entry(
        "ConvNeXt",
        "ConvNextForImageClassification",
        {"hidden_sizes": [8, 12], "depths": [2, 2], "num_stages": 2, "patch_size": 4},
        inputs=PIXELS,
    ),
    entry(
        "ResNet",
        "ResNetForImageClassification",
        {"embedding_size": 8, "hidden_sizes": [16, 24], "depths": [2, 2]},
        inputs=PIXELS,
    ),
    entry(
        "PoolFormer",
        "PoolFormerForImageClassification",
        {
            "num_encoder_blocks": 2,
            "depths": [1, 1],
            "hidden_sizes": [16, 24],
            "patch_sizes": [7, 3],
            "strides": [4, 2],
            "padding": [2, 1],
        },
        inputs=PIXELS,
    ),
    entry("Wav2Vec2", "Wav2Vec2ForSequenceClassification", WAVES, inputs=sequences(400)),
    entry("HuBERT", "HubertForSequenceClassification", WAVES, inputs=sequences(400)),
    entry("WavLM", "WavLMForSequenceClassification", WAVES, inputs=sequences(400)),
    entry(
        "AST",
        "ASTForAudioClassification",
        SMALL
        | {
            "patch_size": 4,
            "frequency_stride": 4,
            "time_stride": 4,
            "max_length": 16,
            "num_mel_bins": 8,
        },
        inputs=sequences(16, 8),
    ),
    entry(
        "VideoMAE",
        "VideoMAEForVideoClassification",
        SMALL | {"image_size": 16, "patch_size": 8, "num_frames": 4, "tubelet_size": 2},
        PLAIN - STREAM,
        inputs=sequences(4, 3, 16, 16),
    ),
    entry(
        "PatchTST",
        "PatchTSTForClassification",
        {
            "num_input_channels": 3,
            "context_length": 16,
            "patch_length": 4,
            "patch_stride": 4,
            "d_model": STREAM,
            "num_hidden_layers": BLOCKS,
            "num_attention_heads": HEADS,
            "ffn_dim": HIDDEN,
            "num_targets": 5,
        },
        inputs=sequences(16, 3),
    ),
    entry("CLIP vision", "CLIPVisionModel", SMALL | PICTURE, inputs=PIXELS),
    entry("DINOv2", "Dinov2Model", SMALL | PICTURE, inputs=PIXELS),
    entry(
        "Whisper encoder",
        "WhisperForAudioClassification",
        DIMENSIONS | {"num_mel_bins": 8, "max_source_positions": 16, "classifier_proj_size": 20},
        inputs=sequences(8, 32),
    ),
)
