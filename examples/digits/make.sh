#!/bin/sh
# Two perceptrons with three hidden layers, trained from different seeds (a few seconds each).
set -eu
export OMP_NUM_THREADS=1  # the last bits depend on the number of threads
cd "$(dirname "$0")"
common="--model mlp --model-arg width=64 --model-arg depth=3 --data digits --epochs 20 --batch-size 64 --device cpu"
python ../train.py $common --seed 0 -o a.safetensors "$@"
python ../train.py $common --seed 1 -o b.safetensors "$@"
