#!/bin/sh
# Eight pairs of networks, each network from a seed of its own: five of two seeds, and three of one
# ViT; the main job on three pairs, other symmetries on one (two and a half hours on 2 cores).
# docs/aligners.md compares the aligners on all of them.
# Fashion-MNIST: apt-get install dataset-fashion-mnist, or LMCTOOL_DATA=folder.
set -eu
cd "$(dirname "$0")"
train() { python ../train.py --data fashion-mnist "$@"; }
for seed in 0 1; do
    train --model mlp --model-arg depth=10 --model-arg width=128 --epochs 10 \
        --optimizer adam --lr 0.001 --weight-decay 0 --seed $seed -o mlp-$seed.safetensors
    train --model vgg11 --model-arg width=16 --epochs 5 \
        --optimizer adam --lr 0.001 --weight-decay 0 --seed $seed -o vgg11-$seed.safetensors
    train --model resnet20 --epochs 3 --lr 0.2 --seed $seed -o resnet20-$seed.safetensors
    train --model resnet20 --model-arg norm=layer --epochs 2 --lr 0.1 \
        --seed $seed -o resnet20-layer-$seed.safetensors
    train --model resnet20 --model-arg norm=fixup --epochs 2 --optimizer adam --lr 0.001 \
        --weight-decay 0 --seed $seed -o resnet20-fixup-$seed.safetensors
done
for seed in 0 1 2 3 4 5; do
    train --model timm:vit_tiny_patch16_224 --model-arg img_size=28 --model-arg patch_size=7 \
        --model-arg embed_dim=64 --model-arg depth=4 --model-arg num_heads=4 --epochs 10 \
        --optimizer adamw --lr 0.002 --weight-decay 0.05 --seed $seed -o vit-$seed.safetensors
done
for net in mlp vgg11 resnet20; do
    lmctool barrier $net-0.safetensors $net-1.safetensors --align --repair --points 11 -o $net.h5
done
for aligner in procrustes learned; do
    lmctool barrier vit-0.safetensors vit-1.safetensors --align $aligner --points 11 \
        --limit 2000 -o vit-$aligner.h5
done
