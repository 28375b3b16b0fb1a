"""Headers and JSON documents that say what their format allows, and mean harm."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.inputs import A

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AREA = "archives and formats"


def _header(change: Callable[[dict[str, Any]], bytes | dict[str, Any]]) -> None:
    """Write a safetensors file with a changed header."""
    data = Path(A).read_bytes()
    length = int.from_bytes(data[:8], "little")
    changed = change(json.loads(data[8 : 8 + length]))
    text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    Path("evil.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + data[8 + length :]
    )


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def _twice(document: dict[str, Any]) -> bytes:
    text = json.dumps(document)
    return (text[:-1] + ", " + text[1:]).encode()


def _first(document: dict[str, Any]) -> str:
    return next(name for name in document if name != "__metadata__")


HEADERS: dict[str, Callable[[dict[str, Any]], bytes | dict[str, Any]]] = {
    "every key twice": _twice,
    "a list": lambda _: b"[]",
    "nothing": lambda _: b"",
    "a header of 70 levels": lambda _: f'{{"x": {_nested(70)}}}'.encode(),
    "a header of 100,000 levels": lambda _: f'{{"x": {_nested(100_000)}}}'.encode(),
    "a number of 5,000 digits": lambda _: b'{"x": ' + b"9" * 5000 + b"}",
    "offsets that overlap": lambda d: {
        name: {**entry, "data_offsets": [0, entry["data_offsets"][1] - entry["data_offsets"][0]]}
        if "dtype" in entry
        else entry
        for name, entry in d.items()
    },
    "offsets beyond the file": lambda d: {
        **d,
        _first(d): {**d[_first(d)], "data_offsets": [0, 1 << 60]},
    },
    "offsets backwards": lambda d: {**d, _first(d): {**d[_first(d)], "data_offsets": [64, 0]}},
    "a shape of 2^62": lambda d: {**d, _first(d): {**d[_first(d)], "shape": [1 << 62]}},
    "a shape whose product wraps": lambda d: {
        **d,
        _first(d): {**d[_first(d)], "shape": [1 << 32, 1 << 32, 1 << 32]},
    },
    "a negative shape": lambda d: {**d, _first(d): {**d[_first(d)], "shape": [-1, -64]}},
    "an unknown type": lambda d: {**d, _first(d): {**d[_first(d)], "dtype": "evil:make"}},
    "a lone surrogate": lambda d: json.dumps(d).replace("layers", "\\ud800", 1).encode(),
    "bytes that are no text": lambda d: json.dumps(d).encode().replace(b"layers", b"\xff\xfe", 1),
    "metadata that is a list": lambda d: {**d, "__metadata__": []},
    "metadata that is no text": lambda d: {**d, "__metadata__": {"format": {"a": 1}}},
    "NaN": lambda d: json.dumps({**d, "x": float("nan")}).encode(),
}
JSONS = {
    "every key twice": '{"weight_map": {"a": "x"}, "weight_map": {"a": "y"}}',
    "70 levels": '{"weight_map": ' + _nested(70) + "}",
    "100,000 levels": '{"weight_map": ' + _nested(100_000) + "}",
    "a number of 5,000 digits": '{"weight_map": ' + "9" * 5000 + "}",
    "a list": "[]",
    "a text": '"x"',
    "NaN": '{"weight_map": NaN}',
    "nothing": "",
    "a map to numbers": '{"weight_map": {"a": 1}}',
    "a BOM": '\ufeff{"weight_map": {}}',
    "UTF-16": '{"weight_map": {}}',
}


def _document(name: str, label: str) -> None:
    place = Path("folder")
    place.mkdir()
    (place / "model-1.safetensors").write_bytes(Path(A).read_bytes())
    encoding = "utf-16" if label == "UTF-16" else "utf-8"
    (place / name).write_bytes(JSONS[label].encode(encoding))


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for label, change in HEADERS.items():
        for words in (
            ("inspect", "evil.safetensors"),
            ("distance", A, "evil.safetensors", "-o", "out.h5"),
            ("stamp", "evil.safetensors", "-o", "out.safetensors", "--data", "digits"),
        ):
            name = f"{words[0]}, safetensors: {label}"
            yield one(AREA, name, words, refused(), partial(_header, change))
    for label in JSONS:
        for name in ("model.safetensors.index.json", "config.json"):
            rule = refused() if "index" in name else Rule(frozenset({0, 2}))
            words = ("inspect", "folder")
            yield one(AREA, f"{name}: {label}", words, rule, partial(_document, name, label))
