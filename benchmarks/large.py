"""How much memory ``lmctool align`` takes for a pair of large language models, and how long.

Two checkpoints in the shape of a Llama are written: A of random values in bfloat16, and B, which is
A under noise with the hidden units of every MLP in another order.  ``lmctool align`` finds the
order by the weights, proves it, and writes B in A's.  Printed is the most anonymous memory that it
held, in copies of one checkpoint (pages of the files that are mapped can be given back at any
time, and are not counted), and how far B written is from A: as far as the noise, where all units
came back.

Run ``python benchmarks/large.py``; it exits with 1 if more than three copies were held.  It needs
Linux, the library transformers, and disk of three times the size of one checkpoint.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch
from safetensors import safe_open

from benchmarks.weights import processor, watched
from lmctool.checkpoint.tensor_writing import stream_tensors

ALLOWED = 3.0
"""Copies of one checkpoint."""
NOISE = 0.1
"""The standard deviation of the noise, relative to that of the weights."""
SPREAD = 0.02
"""That of the weights."""

Forms = dict[str, tuple[str, tuple[int, ...]]]


def configuration(width: int, hidden: int, layers: int, heads: int, vocabulary: int) -> str:
    """Return the text of a config.json."""
    table = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": max(1, heads // 4),
        "vocab_size": vocabulary,
        "tie_word_embeddings": False,
    }
    return json.dumps(table)


def forms(width: int, hidden: int, layers: int, heads: int, vocabulary: int) -> Forms:
    """Return the dtype and the shape of each tensor."""
    values = width // heads * max(1, heads // 4)
    layer = {
        "input_layernorm": (width,),
        "mlp.down_proj": (width, hidden),
        "mlp.gate_proj": (hidden, width),
        "mlp.up_proj": (hidden, width),
        "post_attention_layernorm": (width,),
        "self_attn.k_proj": (values, width),
        "self_attn.o_proj": (width, width),
        "self_attn.q_proj": (width, width),
        "self_attn.v_proj": (values, width),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "lm_head": (vocabulary, width),
        "model.embed_tokens": (vocabulary, width),
        "model.norm": (width,),
    }
    for number in range(layers):
        shapes |= {f"model.layers.{number}.{name}": shape for name, shape in layer.items()}
    return {f"{name}.weight": ("BF16", shape) for name, shape in shapes.items()}


def write(folder: Path, config: str, sizes: Forms, *, planted: bool) -> None:
    """Write A, or with ``planted`` B."""
    folder.mkdir()
    (folder / "config.json").write_text(config)
    places = {name: place for place, name in enumerate(sizes)}

    def make(name: str) -> torch.Tensor:
        shape = sizes[name][1]
        if len(shape) == 1:
            return torch.ones(shape, dtype=torch.bfloat16)
        drawn = torch.Generator().manual_seed(places[name])
        tensor = torch.randn(shape, generator=drawn).mul_(SPREAD)
        if planted:
            tensor += torch.randn(shape, generator=drawn).mul_(SPREAD * NOISE)
            if ".mlp." in name:
                layer = torch.Generator().manual_seed(int(name.split(".")[2]))
                axis = 1 if "down_proj" in name else 0
                tensor = tensor.index_select(axis, torch.randperm(shape[axis], generator=layer))
        return tensor.bfloat16()

    stream_tensors(folder / "model.safetensors", sizes, make, {}, force=False)


def distance(a: Path, b: Path) -> float:
    """Return the norm of the difference of two checkpoints, relative to that of the first."""
    squares = torch.zeros(2, dtype=torch.float64)
    with safe_open(a, "pt") as first, safe_open(b, "pt") as second:
        for name in first.keys():  # noqa: SIM118 - it is no mapping
            mine, theirs = (each.get_tensor(name).float() for each in (first, second))
            squares += torch.stack([(theirs - mine).norm(), mine.norm()]).double() ** 2
    apart, whole = squares.sqrt().tolist()
    return float(apart / whole)


@click.command()
@click.option("--width", default=2048, show_default=True)
@click.option("--hidden", default=5632, show_default=True, help="Units of an MLP.")
@click.option("--layers", default=22, show_default=True)
@click.option("--heads", default=32, show_default=True)
@click.option("--vocabulary", default=32000, show_default=True)
@click.option("--restarts", default=1, show_default=True, help="Of the descent.")
@click.option("--folder", type=click.Path(file_okay=False, exists=True), help="Where they go.")
def main(
    width: int,
    hidden: int,
    layers: int,
    heads: int,
    vocabulary: int,
    restarts: int,
    folder: str | None,
) -> None:
    """Print the copies, the seconds, and how near aligned B is to A."""
    sizes = forms(width, hidden, layers, heads, vocabulary)
    config = configuration(width, hidden, layers, heads, vocabulary)
    with TemporaryDirectory(dir=folder) as temporary:
        a, b, out = (Path(temporary) / name for name in ("a", "b", "out"))
        for place in (a, b):
            write(place, config, sizes, planted=place == b)
        size = (a / "model.safetensors").stat().st_size
        words = ["align", str(a), str(b), "--aligner", "weight", "--restarts", str(restarts)]
        words += ["--input", "ids:4x16", "-o", str(out), "--quiet"]
        begun, spent = time.perf_counter(), processor()
        most = watched([sys.executable, "-m", "lmctool", *words], os.environ)
        seconds, spent = time.perf_counter() - begun, processor() - spent
        copies = most * 1e6 / size
        near = distance(a / "model.safetensors", out / "model.safetensors")
    click.echo(f"{size / 2e9:.2f} G parameters in bfloat16, {torch.get_num_threads()} threads")
    click.echo(f"{copies:.2f} copies of one checkpoint, {seconds:.0f} s, {spent:.0f} CPU s")
    click.echo(f"aligned B is {near:.4f} of its norm from A")
    raise SystemExit(copies > ALLOWED)


if __name__ == "__main__":
    main()
