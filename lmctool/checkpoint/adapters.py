"""LoRA adapters: pairs of tensors A and B whose product, scaled, is added to a weight.

Hu et al. 2021 (arXiv:2106.09685, section 4.1): the update of a weight is ``alpha / r  B A``, with A
of r rows and B of r columns.  Neither means anything by itself: the same update has as many pairs
as there are invertible matrices M, ``(B M) (M^-1 A)``.  Names and settings are those of peft.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.location import read_config
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lmctool.checkpoint.checkpoint import Checkpoint

ADAPTER_CONFIG = "adapter_config.json"
FACTOR = re.compile(r"(.+\.lora_(?:embedding_)?)([AB])((?:\.[^.]+)?(?:\.weight)?)")
OTHER_FORMS = re.compile(r".+\.lora_(?:magnitude_vector|down|up|[AB])(?:\..+)?")
"""What belongs to an adapter and is no factor of peft's: DoRA, kohya's names, a bias of B."""
PLAIN_STARTS = (None, True, False, "gaussian", "eva")
"""Initialisations that leave the base network as it is, for all others change what B A adds to."""
UNKNOWN = ("use_dora", "use_qalora", "lora_bias", "alpha_pattern", "rank_pattern")
MORE_UNKNOWN = ("target_parameters", "alora_invocation_tokens", "trainable_token_indices")


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a LoRA adapter's names and its adapter_config.json say.

    Attributes:
        config: the settings.
        pairs: the names of A and B of each weight.
        rank: the rows of each A, and the columns of each B.
        scale: what B A is multiplied by.
    """

    config: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]
    rank: int
    scale: float


def factor_names(names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of A and B among names of tensors.

    >>> factor_names(["x.q.lora_A.weight", "x.q.lora_B.weight", "x.head.weight"])
    (('x.q.lora_A.weight', 'x.q.lora_B.weight'),)
    """
    matches = filter(None, map(FACTOR.fullmatch, names))
    pairs = ((match[0], f"{match[1]}B{match[3]}") for match in matches if match[2] == "A")
    return tuple((a, b) for a, b in pairs if b in names)


def is_adapter(checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint has tensors of LoRA, of whatever form."""
    return any(OTHER_FORMS.fullmatch(name) for name in checkpoint.names) or bool(
        factor_names(checkpoint.shapes)
    )


def read_adapter(checkpoint: Checkpoint) -> Adapter:
    """Return what a LoRA adapter is made of.

    Raises:
        LmctoolError: it has no adapter_config.json, or one of more than plain pairs of one rank.
    """
    where = f"adapter '{checkpoint.path}'"
    path = checkpoint.path / ADAPTER_CONFIG
    if not (checkpoint.files and path.is_file()):
        raise LmctoolError(
            f"{where} has no {ADAPTER_CONFIG}, which says how much its updates are scaled by;"
            " name the folder that holds both"
        )
    config = read_config(path)
    pairs = factor_names(checkpoint.shapes)
    strange = set(filter(OTHER_FORMS.fullmatch, checkpoint.names)).difference(*pairs)
    known = {name for name in checkpoint.names if FACTOR.fullmatch(name)}
    strange |= known.difference(*pairs)
    if strange:
        raise LmctoolError(
            f"{where} has tensor {min(strange)!r}, and updates are those of pairs lora_A and lora_B"
            " alone: its update cannot be merged exactly"
        )
    kind, start = config.get("peft_type", "LORA"), config.get("init_lora_weights")
    reasons = [name for name in (*UNKNOWN, *MORE_UNKNOWN) if config.get(name)]
    reasons += [f"peft_type {kind!r}"] if kind != "LORA" else []
    reasons += [f"init_lora_weights {start!r}"] if start not in PLAIN_STARTS else []
    if reasons:
        raise LmctoolError(
            f"{where} has {reasons[0]} in its {ADAPTER_CONFIG}, with which its update is no plain"
            " product of lora_B and lora_A on the base network: it cannot be merged exactly"
        )
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise LmctoolError(f"{where} has no numbers r and lora_alpha in its {ADAPTER_CONFIG}")
    for a, b in pairs:
        if checkpoint.shapes[a][:1] != (rank,) or checkpoint.shapes[b][1:2] != (rank,):
            raise LmctoolError(
                f"{where} is of rank {rank}, but {a!r} has shape {checkpoint.shapes[a]} and {b!r}"
                f" {checkpoint.shapes[b]}"
            )
    return Adapter(
        config, pairs, rank, alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    )
