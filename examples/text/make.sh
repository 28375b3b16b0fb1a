#!/bin/sh
# Three pairs of small language models of two kinds, each network from a seed of its own, and the
# barrier of the first pair of each (40 minutes on 2 cores); docs/aligners.md compares the aligners
# on all of them.  The text: apt-get install bible-kjv; the networks:
# pip install 'lmctool[transformers]'.
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
        --optimizer adamw --lr 0.003 --weight-decay 0.1 "$@"
}
# one pass is too short for dropout to help
plain="--model-arg resid_pdrop=0 --model-arg embd_pdrop=0 --model-arg attn_pdrop=0"
for seed in 0 1 2 3 4 5; do
    # shellcheck disable=SC2086
    train --model transformers:GPT2LMHeadModel --model-arg n_embd=64 --model-arg n_layer=2 \
        --model-arg n_head=4 $plain --seed $seed -o gpt2-$seed.safetensors
    train --model transformers:LlamaForCausalLM --model-arg hidden_size=64 \
        --model-arg intermediate_size=176 --model-arg num_hidden_layers=2 \
        --model-arg num_attention_heads=4 --model-arg num_key_value_heads=2 \
        --seed $seed -o llama-$seed.safetensors
done
for net in gpt2 llama; do
    for aligner in procrustes learned; do
        lmctool barrier $net-0.safetensors $net-1.safetensors --align $aligner \
            --data "text:kjv.txt?length=64" --points 5 --limit 500 -o $net-$aligner.h5
    done
done
