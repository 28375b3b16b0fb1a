#!/bin/sh
# Five pairs of perceptrons, trained from ten seeds (a few seconds each), their barriers, the average
# over the pairs, and of the first pair the average over five draws of the calibration examples.
set -eu
export OMP_NUM_THREADS=1  # the last bits depend on the number of threads
cd "$(dirname "$0")"
for seed in 0 1 2 3 4 5 6 7 8 9; do
    python ../train.py --model mlp --model-arg width=64 --model-arg depth=3 --data digits --epochs 20 \
        --batch-size 64 --device cpu --seed $seed -o seed$seed.safetensors
done
for first in 0 2 4 6 8; do
    lmctool barrier seed$first.safetensors seed$((first + 1)).safetensors --align --repair \
        -o pair$first.h5
done
lmctool aggregate pair0.h5 pair2.h5 pair4.h5 pair6.h5 pair8.h5 -o mean.h5 \
    --require 'barrier.error.mean[variant=align+repair,split=test] <= 2%'
lmctool barrier seed0.safetensors seed1.safetensors --align --repair --calib-size 200 --repeat 5 \
    -o draws.h5 --require 'barrier.error.mean[variant=align+repair,split=test] <= 2%'
