"""What splits are called in names of files, folders and arrays."""

from __future__ import annotations

SPLIT_NAMES = {
    **{split: split for split in ("train", "test", "val", "valid", "validation", "dev")},
    **{"training": "train", "testing": "test"},
}
"""The names, in lower case, by which a split is known, and what it is called here."""


def split_name(name: str) -> str:
    """Return what the split of a name is called here."""
    return SPLIT_NAMES.get(name.lower(), name)
