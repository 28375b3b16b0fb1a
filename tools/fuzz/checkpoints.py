"""Spoiled checkpoints: safetensors files, shards with an index and a config.json, PyTorch files."""

from __future__ import annotations

import json
import pickle
import zipfile
from argparse import Namespace
from random import Random
from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import MODELS
from lmctool.testing import tiny_pair
from tools.fuzz.mutation import WORDS, changed_bytes, changed_document, dumped
from tools.fuzz.target import CANARY, Target

if TYPE_CHECKING:
    from pathlib import Path

OUT = ("-o", "out.h5", "--quiet")
FEW = ("--limit", "10", "--points", "3", "--split", "test", "--allow-chance", *OUT)
LLAMA = {
    "num_attention_heads": 2,
    "vocab_size": 16,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
}
INDEX = "model.safetensors.index.json"


class Payload:
    """An object whose unpickling makes the canary."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the call that does it."""
        return open, (CANARY, "w")


def spoil_safetensors(folder: Path, rng: Random) -> None:
    """Change the header's document, its length, or bytes anywhere."""
    path = folder / "a.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if rng.random() < 0.4:
        path.write_bytes(changed_bytes(data, rng))
        return
    header = json.loads(data[8 : 8 + length])
    if rng.random() < 0.4:
        metadata = header["__metadata__"]
        key = rng.choice(sorted(metadata))
        arguments = changed_document(json.loads(metadata["lmctool.model_arguments"]), rng)
        named = key == "lmctool.model_arguments"
        said = json.dumps(arguments) if named and _fits(arguments) else rng.choice(WORDS)
        metadata[rng.choice([key, key, "lmctool.training"])] = said
    else:
        header = changed_document(header, rng)
    text = dumped(header, rng)
    claimed = len(text) if rng.random() < 0.9 else rng.choice([0, 2**27, 2**40, 2**64 - 1])
    path.write_bytes(claimed.to_bytes(8, "little") + text + data[8 + length :])


def _fits(document: Any) -> bool:
    try:
        return bool(json.dumps(document))
    except (ValueError, RecursionError):
        return False


def prepare_shards(folder: Path) -> None:
    """Write a folder as Hugging Face keeps a small Llama: two shards, an index, a config.json."""
    import torch
    from safetensors.torch import save_file

    from lmctool.plugin import registry

    spec = "transformers:LlamaForCausalLM"
    family = registry.load(MODELS, "transformers")
    tensors = family.build(spec, **LLAMA).state_dict()
    torch.manual_seed(0)
    place = folder / "model"
    place.mkdir()
    names = sorted(tensors)
    files = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    shard_of = {name: files[number % 2] for number, name in enumerate(names)}
    for file in files:
        held = {name: tensors[name].clone() for name in names if shard_of[name] == file}
        save_file(held, place / file, {"format": "pt"})
    index = {"metadata": {"total_size": 1}, "weight_map": shard_of}
    (place / INDEX).write_text(json.dumps(index))
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **LLAMA}
    (place / "config.json").write_text(json.dumps(config))
    stamp = {"lmctool.model": spec, "lmctool.model_arguments": json.dumps(LLAMA)}
    save_file(dict(tensors), folder / "b.safetensors", stamp)
    save_file(dict(tensors), folder / "secret.safetensors", {"format": "pt"})


def spoil_shards(folder: Path, rng: Random) -> None:
    """Change the index, the config or a shard; sometimes put a path into the index."""
    place = folder / "model"
    kind = rng.random()
    if kind < 0.15:
        path = sorted(place.glob("*.safetensors"))[rng.randrange(2)]
        path.write_bytes(changed_bytes(path.read_bytes(), rng))
        return
    path = place / ("config.json" if kind < 0.4 else INDEX)
    document = json.loads(path.read_text())
    if kind > 0.8:
        name = rng.choice(sorted(document["weight_map"]))
        elsewhere = [str(folder / "secret.safetensors"), "../secret.safetensors", *WORDS]
        document["weight_map"][name] = rng.choice(elsewhere)
        path.write_bytes(dumped(document, rng))
    else:
        path.write_bytes(dumped(changed_document(document, rng), rng))


def prepare_pickles(folder: Path) -> None:
    """Write a state dict as torch saves it today, and as it did before 1.6, and a module whole."""
    import torch

    turned = torch.arange(12.0).reshape(3, 4).T
    state = {"w": turned, "b": torch.zeros(3, dtype=torch.bfloat16)}
    for name, new in (("new.pt", True), ("old.pt", False)):
        content = {"model": state, "epoch": 3, "args": Namespace(lr=0.1), "rng": Random(0)}
        torch.save(content, folder / name, _use_new_zipfile_serialization=new)
    torch.save(torch.nn.Linear(3, 4), folder / "whole.pt")


def spoil_pickles(folder: Path, rng: Random) -> None:
    """Change bytes, or put a payload in place of the pickle."""
    for name in ("new.pt", "old.pt", "whole.pt"):
        path = folder / name
        kind = rng.random()
        if kind < 0.1:
            path.write_bytes(pickle.dumps({"model": Payload()}, rng.randrange(6)))
        elif kind < 0.4 and name != "old.pt":
            repack(path, rng)
        else:
            path.write_bytes(changed_bytes(path.read_bytes(), rng))


def repack(path: Path, rng: Random) -> None:
    """Change one member of the archive that the checksums then vouch for."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = rng.choice([*(name for name in members if name.endswith(".pkl")), *members])
    payload = pickle.dumps(Payload(), 2) if rng.random() < 0.2 else None
    members[name] = payload or changed_bytes(members[name], rng)
    packing = zipfile.ZIP_STORED if rng.random() < 0.7 else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in members.items():
            file.writestr(name, content)


TARGETS = (
    Target(
        "safetensors",
        tiny_pair,
        spoil_safetensors,
        (
            ("inspect", "a.safetensors", "--tensors"),
            ("distance", "b.safetensors", "a.safetensors", *OUT),
            ("interpolate", "a.safetensors", "b.safetensors", *FEW),
            ("stamp", "a.safetensors", "-o", "out.safetensors", "--meta", "key=value"),
        ),
    ),
    Target(
        "shard index, config.json",
        prepare_shards,
        spoil_shards,
        (
            ("inspect", "model"),
            ("inspect", f"model/{INDEX}", "--tensors"),
            ("distance", "b.safetensors", "model", *OUT),
        ),
    ),
    Target(
        "PyTorch file",
        prepare_pickles,
        spoil_pickles,
        (
            ("convert", "new.pt", "out.safetensors", "--key", "model"),
            ("convert", "old.pt", "out.safetensors", "--key", "model"),
            ("distance", "new.pt", "old.pt", *OUT),
            ("inspect", "whole.pt"),
        ),
    ),
)
