"""The digest of a checkpoint's tensors: which network it is, however it is stored.

    piece   BLAKE3 of up to 16 MiB of a tensor's bytes
    tensor  BLAKE3 of the hashes of its pieces, one after the other
    digest  BLAKE3 of a line [name, dtype, shape, tensor] of JSON for each tensor, by name

Pieces are hashed in any order, by as many threads as there are.  The text of a digest begins with
``blake3:``; one of 64 digits alone is of an earlier version, which took the SHA-256 of the names,
forms and bytes of all tensors in one go.  BLAKE3 (O'Connor, Aumasson, Neves and Wilcox-O'Hearn
2020, https://github.com/BLAKE3-team/BLAKE3-specs) resists collisions as SHA-256 does: nobody can
make two networks of one digest, which a hash that is made for speed alone does not promise.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmctool.checkpoint.tensor_location import TensorLocation

PIECE = 1 << 24
"""Bytes of a piece, which digests depend on."""
ALGORITHM = "blake3"
"""What the text of a digest begins with, before a colon."""


class PieceHashes:
    """The hashes of a tensor's pieces, from its bytes in order."""

    def __init__(self) -> None:
        """Begin with the first piece."""
        self.finished: list[bytes] = []
        self._hash = blake3()
        self._room = PIECE

    def update(self, data: memoryview) -> None:
        """Take the next bytes, as many as there are."""
        while len(data) >= self._room:
            self._hash.update(data[: self._room])
            self.finished.append(self._hash.digest())
            data = data[self._room :]
            self._hash, self._room = blake3(), PIECE
        if data:
            self._hash.update(data)
            self._room -= len(data)

    def all(self) -> list[bytes]:
        """Return the hashes of all pieces, the last one of fewer bytes; none of no bytes."""
        return self.finished if self._room == PIECE else [*self.finished, self._hash.digest()]


def digest_of(
    forms: Mapping[str, tuple[str, tuple[int, ...]]], pieces: Mapping[str, Iterable[bytes]]
) -> str:
    """Return the digest of tensors.

    Args:
        forms: the dtype, in safetensors' words, and the shape of each tensor by canonical name.
        pieces: the hashes of the pieces of each.
    """
    whole = blake3()
    for name in sorted(forms):
        dtype, shape = forms[name]
        tensor = blake3(b"".join(pieces[name])).hexdigest()
        whole.update(json.dumps([name, dtype, list(shape), tensor]).encode() + b"\n")
    return f"{ALGORITHM}:{whole.hexdigest()}"


def earlier_digest(locations: Mapping[str, TensorLocation]) -> str:
    """Return the digest that an earlier version gave to these tensors, for which all are read.

    Raises:
        LmctoolError: a file cannot be read any more, or has become shorter.
    """
    whole = hashlib.sha256()
    for name in sorted(locations):
        location = locations[name]
        about = [name, location.entry.dtype, list(location.entry.shape)]
        whole.update(json.dumps(about).encode() + b"\n")
        for piece in location.pieces():
            whole.update(piece)
    return whole.hexdigest()
