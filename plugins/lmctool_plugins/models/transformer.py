"""What transformers share: a vocabulary, the size of an attention head, the number of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Vocabulary(nn.Embedding):
    """An embedding that says in a sentence which token it does not know."""

    def forward(self, ids: Tensor) -> Tensor:
        """Return (example, position, unit) vectors of (example, position) int64 token ids.

        Raises:
            LmctoolError: the ids aren't int64, or a token is none of the vocabulary.
        """
        if ids.dtype != torch.int64:
            raise LmctoolError(f"a language model needs token ids, not inputs of {ids.dtype}")
        if not torch.compiler.is_compiling() and ids.numel():
            lowest, highest = torch.stack(ids.aminmax()).tolist()  # one wait for the device
            if lowest < 0 or highest >= self.num_embeddings:
                raise LmctoolError(
                    f"the data has token {lowest if lowest < 0 else highest} but the model knows"
                    f" {self.num_embeddings} tokens; is it trained on other data?"
                )
        return super().forward(ids)


def head_size(word: str, width: int, heads: int, name: str, what: str = "units") -> int:
    """Return how many units each attention head has.

    Args:
        word: the model, for the error.
        width: units of all heads.
        heads: how many heads share them.
        name: what the number of heads is called, for the error.
        what: what is shared, for the error.

    Raises:
        LmctoolError: the heads can't share the units equally.
    """
    if heads < 1 or width < 1 or width % heads:
        raise LmctoolError(f"model {word!r} cannot share {width} {what} among {name} = {heads}")
    return width // heads


def depth(names: Iterable[str], stem: str) -> int:
    """Return how many blocks names tell of, as ``STEM.0.bias`` and ``STEM.1.bias`` tell of two."""
    inner = (name.removeprefix(f"{stem}.") for name in names if name.startswith(f"{stem}."))
    return len({name.partition(".")[0] for name in inner})
