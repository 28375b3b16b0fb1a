#!/bin/sh
# When do LeNet and ResNet20 become stable to SGD noise?  Of each a parent, its copies at some steps,
# and from each copy three siblings that see the examples in other orders, to the end; then the barriers
# between siblings.
set -eu
export OMP_NUM_THREADS=1  # the last bits depend on the number of threads
cd "$(dirname "$0")"

# fork NETWORK "OPTIONS" STEP...: train the parent, and three siblings from each of these steps
fork() {
    network=$1
    train="python ../train.py --model $network --data fashion-mnist --device cpu $2"
    shift 2
    mkdir -p "$network"
    $train --save-at "$(echo "$@" | tr ' ' ,)" -o "$network/parent.safetensors"
    for order in 1 2 3; do
        for step in "$@"; do
            mkdir -p "$network/fork$step"
            $train --init "$network/parent-step$step.safetensors" --continue --data-seed $order \
                -o "$network/fork$step/order$order.safetensors"
        done
    done
}

fork lenet "--limit 8000 --batch-size 64 --epochs 8 --optimizer adam --lr 0.0012 --schedule constant
    --warmup 0 --weight-decay 0" 0 10 50 250
fork resnet20 "--limit 4000 --batch-size 64 --epochs 3 --lr 0.1" 0 60 110

lmctool instability lenet/fork* --align --points 11 --limit 2000 -o lenet.h5
lmctool instability resnet20/fork* --align --points 5 --limit 1000 --calib-size 1000 -o resnet20.h5
