#!/bin/sh
# Two pairs of small language models from two seeds each, and the barrier of each pair
# (a quarter of an hour on 2 cores).  The text: apt-get install bible-kjv.
set -eu
cd "$(dirname "$0")"
# one verse a line, in order, without its reference
if [ ! -f kjv.txt ]; then
    bible -f gen1:1-rev22:21 </dev/null | sed 's/^[^ ]* //' >kjv.part
    [ "$(wc -l <kjv.part)" -eq 31102 ] || { echo "bible did not print every verse" >&2; exit 1; }
    mv kjv.part kjv.txt
fi
train() {
    python ../train.py --data "text:kjv.txt?length=64" --epochs 1 --batch-size 16 \
        --optimizer adam --lr 0.003 --weight-decay 0 "$@"
}
for seed in 0 1; do
    train --model gpt2 --model-arg n_head=4 --model-arg n_layer=3 \
        --seed $seed -o gpt2-$seed.safetensors
    train --model llama --model-arg num_attention_heads=4 --model-arg num_key_value_heads=2 \
        --model-arg num_hidden_layers=3 --seed $seed -o llama-$seed.safetensors
done
for net in gpt2 llama; do
    lmctool barrier $net-0.safetensors $net-1.safetensors --data "text:kjv.txt?length=64" \
        --points 5 --limit 500 -o $net.h5
done
