"""Changes to bytes and to documents, drawn by a seeded generator."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

HEAD = 300
"""Bytes at the start of a file, where most formats say what they hold: half of all changes."""
STEPS = [2**power + more for power in (7, 8, 15, 16, 31, 32, 40, 63, 64) for more in (-1, 0, 1)]
WORDS = [
    "", "..", "../../x", "/etc/passwd", "C:\\x", "a\0b", "\ud800", "é\u202e", "\x1b[31m",
    "x" * 5000, "canary:make", "./canary.py:make", "os:system", "https://example.org/x", "NaN",
    "1e999", "%s{0}",
]  # fmt: skip
"""Texts that mean harm where they are believed."""


def strange(rng: Random) -> Any:
    """Return a value of a document that nobody expects."""
    deep: Any = []
    for _ in range(rng.choice([3, 70, 400])):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    number = rng.choice([0, -1, *STEPS, 10**30, 10**5000])
    values: list[Any] = [
        None,
        True,
        False,
        number,
        -number,
        0.5,
        1e308,
        float("nan"),
        float("-inf"),
        [],
        {},
    ]
    return rng.choice([*values, deep, [number] * 70, rng.choice(WORDS), rng.choice(WORDS)])


def changed_document(document: Any, rng: Random) -> Any:
    """Return a copy of a JSON document with a value replaced, removed, copied or renamed."""
    changed = deepcopy(document)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        holder, key = _place(changed, rng)
        if holder is None:
            return strange(rng)
        kind = rng.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[rng.choice(WORDS)] = holder.pop(key)
        elif kind == 2:
            source, other = _place(document, rng)
            holder[key] = deepcopy(source[other])
        elif kind == 3 and type(holder[key]) is int:
            holder[key] += rng.choice([-1, 1, 8, -8, 2**32, 2**63])
        else:
            holder[key] = strange(rng)
    return changed


def _place(document: Any, rng: Random) -> tuple[Any, Any]:
    """Return a table or list within a document and one of its keys; None where it has none."""
    places: list[tuple[Any, Any]] = []
    left = [document]
    while left:
        value = left.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value))
        places += [(value, key) for key in keys]
        left += [value[key] for key in keys if isinstance(value[key], dict | list)]
    return rng.choice(places) if places else (None, None)


def dumped(document: Any, rng: Random) -> bytes:
    """Return a document as JSON, sometimes with a key twice, or damaged as bytes are."""
    try:
        text = json.dumps(document).encode()
    except (ValueError, RecursionError):  # a number longer than Python writes, a deeper value
        text = b'{"a": ' + b"9" * 5000 + b"}"
    if rng.random() < 0.1 and text.startswith(b'{"'):
        first = text.partition(b", ")[0]
        text = first + b", " + text[1:]
    return changed_bytes(text, rng) if rng.random() < 0.15 else text


def changed_bytes(data: bytes, rng: Random) -> bytes:
    """Return bytes with one to a few changes: of bits, of integers, of length, of order."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if not changed:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(64)))
        CHANGES[rng.randrange(len(CHANGES))](changed, rng)
    return bytes(changed)


def _at(data: bytearray, rng: Random) -> int:
    most = min(HEAD, len(data)) if rng.random() < 0.5 else len(data)
    return rng.randrange(most)


def _flip(data: bytearray, rng: Random) -> None:
    data[_at(data, rng)] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: Random) -> None:
    data[_at(data, rng)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])


def _integer(data: bytearray, rng: Random) -> None:
    """Write an integer over what may be a length, an address or a count."""
    size = rng.choice([2, 4, 8])
    value = rng.choice([0, 1, len(data), len(data) * 2, *STEPS, -1]) % 2 ** (8 * size)
    place = _at(data, rng)
    order = "little" if rng.random() < 0.6 else "big"
    data[place : place + size] = value.to_bytes(size, "little" if order == "little" else "big")


def _cut(data: bytearray, rng: Random) -> None:
    del data[rng.randrange(len(data)) :]


def _insert(data: bytearray, rng: Random) -> None:
    size = rng.choice([1, 2, 4, 8, 100, 5000])
    place = _at(data, rng)
    data[place:place] = rng.randbytes(size) if rng.random() < 0.5 else bytes(size)


def _remove(data: bytearray, rng: Random) -> None:
    place = _at(data, rng)
    del data[place : place + rng.choice([1, 2, 4, 8, 100])]


def _copy(data: bytearray, rng: Random) -> None:
    """Put one part of the data over another, or between its parts."""
    source, target, size = _at(data, rng), _at(data, rng), rng.choice([4, 16, 64, 512])
    end = target + size if rng.random() < 0.7 else target
    data[target:end] = data[source : source + size]


CHANGES = (_flip, _set, _integer, _integer, _cut, _insert, _remove, _copy)
