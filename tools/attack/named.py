"""What a checkpoint says of itself: metadata, config.json and indexes that name code or paths."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Rule, one, refused
from tools.attack.inputs import OUT, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.attack.attack import Attack

AREA = "checkpoints' own words"
WORDS = (
    "os:system", "evil:make", "evil.py:make", "./evil.py:make", "pkg.mod:fn", "builtins:exec",
    "transformers:./model", "transformers:../evil", "transformers:os.system", "timm:hf-hub:evil/x",
    "timm:local-dir:./model", "torchvision:../../evil", "/etc/passwd", "file:///etc/passwd",
    "https://example.org/evil.py:make", "hub:evil/x", "a\0b", "\x1b[31m",
)  # fmt: skip
ARGUMENTS: dict[str, Any] = {
    "a width of a billion": {"width": 10**9},
    "a width of 10^30": {"width": 10**30},
    "a depth of a million": {"depth": 10**6},
    "a negative width": {"width": -1},
    "a width that is no number": {"width": float("nan")},
    "a width that is a list": {"width": [16] * 70},
    "a width that is a text": {"width": "16"},
    "an unknown argument": {"__class__": "os.system"},
    "a norm that names code": {"norm": "os:system"},
    "a list": [1, 2],
    "a text": "evil:make",
    "nothing": None,
    "a document of 100 levels": {"width": json.loads("[" * 100 + "]" * 100)},
}
CONFIGS: dict[str, dict[str, Any]] = {
    "auto_map": {"auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}},
    "auto_map of another place": {"auto_map": {"AutoModelForCausalLM": "evil/x--evil.Model"}},
    "trust_remote_code": {"trust_remote_code": True, "model_type": "evil"},
    "architectures: os.system": {"architectures": ["os.system"]},
    "architectures: evil.make": {"architectures": ["evil.make"]},
    "architectures: a private class": {"architectures": ["__builtins__"]},
    "model_type: os": {"model_type": "os"},
    "model_type: a path": {"model_type": "../evil"},
    "_name_or_path": {"_name_or_path": "../evil", "architectures": ["AutoModel"]},
    "custom_pipelines": {"custom_pipelines": {"x": {"impl": "evil.make"}}, "model_type": "x"},
    "_attn_implementation": {"_attn_implementation": "evil/kernel:fn"},
    "quantization": {"quantization_config": {"quant_method": "evil.make", "load_in_8bit": True}},
    "hidden_act": {"hidden_act": "evil.make"},
    "a size of 10^12": {"hidden_size": 10**12},
    "vocab of 10^12": {"vocab_size": 10**12},
    "layers of 10^9": {"num_hidden_layers": 10**9},
}
PLACES = (
    "/etc/passwd", "../secret.safetensors", "..\\secret.safetensors", "C:\\x.safetensors",
    "run-a/net-step0.safetensors", "./../a.safetensors", "a\0.safetensors", "", ".", "..",
    "model.safetensors.index.json", "evil.py", "x" * 5000, "\ud800", "nothing.safetensors",
    "/proc/self/mem", "/dev/zero",
)  # fmt: skip


def restamp(path: str, metadata: dict[str, str]) -> None:
    """Write a checkpoint again with other metadata."""
    from safetensors.torch import load_file, save_file

    save_file(load_file(path), path, metadata)


def stamped(key: str, word: str) -> None:
    """Let both checkpoints name a model or data."""
    known = {"lmctool.model": "mlp", "lmctool.data": "digits", key: word}
    for path in ("bare_a.safetensors", "bare_b.safetensors"):
        restamp(path, known)


def config(folder: str, change: dict[str, Any]) -> None:
    """Write a folder as transformers does, with a changed config.json beside its code."""
    from tools.fuzz.checkpoints import LLAMA

    place = Path(folder)
    place.mkdir()
    (place / "model.safetensors").write_bytes(Path("a.safetensors").read_bytes())
    document = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **LLAMA, **change}
    (place / "config.json").write_text(json.dumps(document))
    (place / "evil.py").write_text(Path("evil.py").read_text())


def index(folder: str, place: str) -> None:
    """Write shards whose index names a file elsewhere."""
    from safetensors.torch import load_file, save_file

    root = Path(folder)
    root.mkdir()
    held = load_file("a.safetensors")
    save_file(held, root / "model-1.safetensors")
    Path("secret.safetensors").write_bytes(Path("b.safetensors").read_bytes())
    names = sorted(held)
    shards = dict.fromkeys(names, "model-1.safetensors") | {names[0]: place}
    (root / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    words: tuple[str, ...]
    free = Rule(frozenset({0, 2}))
    for word in WORDS:
        for key in ("lmctool.model", "lmctool.data"):
            prepare = partial(stamped, key, word)
            for name in ("inspect", "barrier", "align", "distance"):
                rule = refused() if name in ("barrier", "align") else free
                if (key, name) == ("lmctool.data", "align"):
                    rule = free
                label = f"{name}, {key} {word!a}"
                yield one(AREA, label, words_of(name, bare=True), rule, prepare)
    for label, arguments in ARGUMENTS.items():
        prepare = partial(stamped, "lmctool.model_arguments", json.dumps(arguments))
        for name in ("inspect", "barrier"):
            rule = free if name == "inspect" or label in ("a list", "nothing") else refused()
            yield one(AREA, f"{name}, arguments: {label}", words_of(name, bare=True), rule, prepare)
    for label, change in CONFIGS.items():
        prepare = partial(config, "model", change)
        for words in (("inspect", "model"), ("distance", "model", "model", *OUT)):
            yield one(AREA, f"{words[0]}, config.json: {label}", words, free, prepare)
        words = ("barrier", "model", "model", *OUT, "--data", "digits")
        yield one(AREA, f"barrier, config.json: {label}", words, refused(), prepare)
    for place in PLACES:
        prepare = partial(index, "model", place)
        for words in (("inspect", "model"), ("distance", "model", "a.safetensors", *OUT)):
            label = f"{words[0]}, index: {ascii(place)[:40]}"
            yield one(AREA, label, words, refused(), prepare)
    for word in ("os:system", "evil:make", "./evil.py:make", "../evil", "a\0b"):
        for flag in ("--model", "--data"):
            words = ("stamp", "a.safetensors", "-o", "out.safetensors", flag, word)
            if "\0" not in word:
                yield one(AREA, f"stamp {flag} {word}", words, refused())
