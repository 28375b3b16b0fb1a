"""Every model of the zoo, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.zoo import (
    from_timm,
    from_torchvision,
    own,
    transformers_signals,
    transformers_text,
)

if TYPE_CHECKING:
    from benchmarks.zoo.entry import Entry

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for module in (own, from_torchvision, from_timm, transformers_text, transformers_signals)
    for entry in module.ENTRIES
}
